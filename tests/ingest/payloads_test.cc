// Payloads of real senders, read by their sources, against what we expect of each by its vendor's semantics (golden/SOURCE.json).
//
//   build/release/tests/payloads_test                      all of the fixtures that the tests know
//   TOCSIN_PAYLOADS=DIR build/release/tests/payloads_test  any folder of the form DIR/SOURCE/FILE: says of each file what was understood
//
// A FILE is a body (.json, .txt) or a request with its head (.http). Of what golden/SOURCE.json says only the members that are
// there are compared: kind, key, severity, starts_at, ends_at, link, labels (all of them), annotations (those that are named);
// {"received": {FILE: TIME}} says when a file came in. {"ignored": TEXT} and {"unreadable": TEXT} want that reason. Its "episodes" are files, first the beginning and last the end, whose
// alerts are one: "a.json", or "a.json#1" for the second alert in it.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "base/strings.h"
#include "ingest/source.h"
#include "model/codec/common_proto.h"
#include "tests/ingest/fixtures.h"

namespace tocsin {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

const Now kNow{.wall = absl::FromUnixSeconds(1'795'289'000), .engine = EngineTime(0)};

// ---- files ----

struct Payload {
  HttpHeaders headers;
  std::string content_type;
  std::string path;
  std::string query;
  std::string body;
  HttpMethod method = HttpMethod::kPost;
};

Payload ReadPayloadFile(const fs::path& file) {
  Payload payload;
  const std::string bytes = ReadFile(file);
  if (file.extension() == ".http") {
    std::string_view rest = bytes;
    std::vector<std::pair<std::string, std::string>> head;
    const std::string request_line = TakeHead(rest, head);
    for (const auto& [name, value] : head) {
      payload.headers.push_back({name, value});
      if (ToLower(name) == "content-type") payload.content_type = value;
    }
    const std::size_t first = request_line.find(' ');
    payload.method = ParseHttpMethod(request_line.substr(0, first));
    std::string target = first == std::string::npos ? "" : request_line.substr(first + 1);
    target = target.substr(0, target.rfind(' '));
    const std::size_t question = target.find('?');
    if (question != std::string::npos) payload.query = target.substr(question + 1);
    payload.path = PercentDecode(target.substr(0, question), /*plus_is_space=*/false);
    while (payload.path.starts_with('/'))
      payload.path.erase(0, 1);
    payload.body = rest;
  } else if (file.stem().string().starts_with("query_string")) {
    payload.query = WithoutLineEnds(bytes);
    payload.method = HttpMethod::kGet;
  } else {
    payload.body = bytes;
    if (file.extension() == ".json") payload.content_type = "application/json";
  }
  return payload;
}

Readings ReadFileAs(const Source& source, const Payload& payload, const Now& now) {
  return ReadPayload(source,
                     {.body = payload.body,
                      .content_type = payload.content_type,
                      .query = payload.query,
                      .headers = payload.headers,
                      .path = payload.path,
                      .method = payload.method},
                     now);
}

// Every payload file below `folder`, as SOURCE/FILE.
std::map<std::string, std::vector<fs::path>> PayloadsBySource(const fs::path& folder) {
  std::map<std::string, std::vector<fs::path>> all;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.is_directory()) continue;
    for (const auto& file : fs::directory_iterator(entry.path())) {
      if (file.is_regular_file()) all[entry.path().filename().string()].push_back(file.path());
    }
    std::ranges::sort(all[entry.path().filename().string()]);
  }
  return all;
}

// Whether it would really be taken in: within all limits of a batch.
std::string WhyNotTaken(const AlertEvent& event, AlertKey* key = nullptr) {
  Intake intake(1);
  intake.Begin(0, nullptr, kNow.wall, Intake::Manner::kLenient);
  intake.Add(event);
  if (!intake.refused().empty()) return intake.refused()[0].reason;
  if (key != nullptr) *key = intake.batch().at(0).header().key;
  return "";
}

// ---- what is expected ----

std::string TimeText(const std::optional<absl::Time>& time) {
  return time ? absl::FormatTime(absl::RFC3339_full, *time, absl::UTCTimeZone()) : "";
}

std::string TextOf(const json::value& value) {
  if (value.is_null()) return "";
  return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
}

std::string ToText(const Labels& labels) {
  std::map<std::string, std::string> sorted;
  for (const Label& label : labels)
    sorted[label.name] = label.value;
  json::object object;
  for (const auto& [name, value] : sorted)
    object[name] = value;
  return json::serialize(object);
}

std::string ToText(const json::value& labels) {
  Labels all;
  for (const auto& member : labels.as_object())
    all.push_back({std::string(member.key()), TextOf(member.value())});
  return ToText(all);
}

void CompareEvent(const json::object& expected, const AlertEvent& event) {
  for (const auto& member : expected) {
    const std::string_view name = member.key();
    const std::string wanted = TextOf(member.value());
    if (name == "kind") {
      EXPECT_EQ(Name(event.kind), wanted);
    } else if (name == "key") {
      EXPECT_EQ(event.dedup_key, wanted);
    } else if (name == "severity") {
      EXPECT_EQ(Name(event.severity), wanted);
    } else if (name == "starts_at") {
      EXPECT_EQ(TimeText(event.starts_at), wanted) << "starts_at";
    } else if (name == "ends_at") {
      EXPECT_EQ(TimeText(event.ends_at), wanted) << "ends_at";
    } else if (name == "link") {
      EXPECT_EQ(event.link, wanted);
    } else if (name == "labels") {
      EXPECT_EQ(ToText(event.labels), ToText(member.value()));
    } else if (name == "annotations") {
      for (const auto& annotation : member.value().as_object())
        EXPECT_EQ(Find(event.annotations, annotation.key()), TextOf(annotation.value())) << annotation.key();
    } else {
      ADD_FAILURE() << "the golden file has an unknown member " << name;
    }
  }
}

void CompareReading(const json::object& expected, const Reading& reading) {
  const auto* ignored = expected.if_contains("ignored");
  const auto* unreadable = expected.if_contains("unreadable");
  if (ignored != nullptr || unreadable != nullptr) {
    if (ignored != nullptr) {
      EXPECT_FALSE(reading.event.has_value());
      EXPECT_EQ(reading.kind, Refused::Kind::kIgnored);
    } else {
      EXPECT_TRUE(reading.stands_in);
    }
    const std::string text = TextOf(ignored != nullptr ? *ignored : *unreadable);
    EXPECT_NE(reading.reason.find(text), std::string::npos) << reading.reason;
    return;
  }
  ASSERT_TRUE(reading.event.has_value()) << reading.reason;
  EXPECT_FALSE(reading.stands_in) << reading.reason;
  EXPECT_EQ(WhyNotTaken(*reading.event), "");
  CompareEvent(expected, *reading.event);
}

struct Golden {
  json::object files;
  json::array episodes;
  json::object received;

  // When a file came in, for senders whose alerts end by the clock.
  Now ReceivedAt(const std::string& file) const {
    const auto* text = received.if_contains(file);
    if (text == nullptr) return kNow;
    Now now = kNow;
    std::string error;
    EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, TextOf(*text), &now.wall, &error)) << error;
    return now;
  }
};

std::optional<Golden> ReadGolden(const std::string& source) {
  const fs::path file = fs::path(TOCSIN_SOURCE_DIR) / "tests/ingest/golden" / (source + ".json");
  if (!fs::exists(file)) return std::nullopt;
  boost::system::error_code error;
  const json::value value = json::parse(ReadFile(file), error);
  if (error || !value.is_object() || !value.as_object().contains("files")) {
    ADD_FAILURE() << file << ": " << error.message();
    return std::nullopt;
  }
  Golden golden{.files = value.at("files").as_object(), .episodes = {}, .received = {}};
  if (const auto* episodes = value.as_object().if_contains("episodes")) golden.episodes = episodes->as_array();
  if (const auto* received = value.as_object().if_contains("received")) golden.received = received->as_object();
  return golden;
}

void CompareFile(const Golden& golden, const Source& source, const fs::path& file) {
  SCOPED_TRACE(file.filename());
  const auto* expected = golden.files.if_contains(file.filename().string());
  ASSERT_NE(expected, nullptr) << "nobody has said what is expected of it";
  const Readings readings = ReadFileAs(source, ReadPayloadFile(file), golden.ReceivedAt(file.filename().string()));
  ASSERT_EQ(readings.size(), expected->as_array().size());
  for (std::size_t i = 0; i < readings.size(); ++i) {
    SCOPED_TRACE(i);
    CompareReading(expected->as_array()[i].as_object(), readings[i]);
  }
}

// "a.json#1": the key and kind of the second alert in it.
std::pair<AlertKey, EventKind> AlertAt(const Golden& golden,
                                       const Source& source,
                                       const fs::path& folder,
                                       std::string place) {
  std::size_t index = 0;
  if (const std::size_t hash = place.find('#'); hash != std::string::npos) {
    index = std::stoul(place.substr(hash + 1));
    place.resize(hash);
  }
  const Readings readings = ReadFileAs(source, ReadPayloadFile(folder / place), golden.ReceivedAt(place));
  AlertKey key;
  if (index >= readings.size() || !readings[index].event) {
    ADD_FAILURE() << place << " has no alert " << index;
    return {key, EventKind::kTrigger};
  }
  EXPECT_EQ(WhyNotTaken(*readings[index].event, &key), "");
  return {key, readings[index].event->kind};
}

void CheckEpisode(const Golden& golden, const json::array& places, const Source& source, const fs::path& folder) {
  SCOPED_TRACE(json::serialize(places));
  ASSERT_GE(places.size(), 2U);
  const auto first = AlertAt(golden, source, folder, TextOf(places.front()));
  const auto last = AlertAt(golden, source, folder, TextOf(places.back()));
  EXPECT_NE(first.second, EventKind::kResolve);
  EXPECT_EQ(last.second, EventKind::kResolve);
  for (const json::value& place : places)
    EXPECT_EQ(ToHex(AlertAt(golden, source, folder, TextOf(place)).first), ToHex(first.first)) << TextOf(place);
}

// ---- any folder ----

std::string Describe(const Reading& reading) {
  if (!reading.event) {
    const bool ignored = reading.kind == Refused::Kind::kIgnored;
    return absl::StrCat(ignored ? "ignored: " : "NOT UNDERSTOOD: ", reading.reason);
  }
  const AlertEvent& event = *reading.event;
  if (reading.stands_in) return "NOT UNDERSTOOD: " + reading.reason;
  return absl::StrCat(ToAbsl(Name(event.kind)), " ", ToAbsl(Name(event.severity)), " key=", JsonQuote(event.dedup_key),
                      " starts=", TimeText(event.starts_at), " ends=", TimeText(event.ends_at), " link=", event.link,
                      " labels=", ToText(event.labels), " annotations=", ToText(event.annotations));
}

int Report(const fs::path& folder) {
  int not_understood = 0;
  for (const auto& [name, files] : PayloadsBySource(folder)) {
    const Source* source = FindSource(name);
    if (source == nullptr) {
      std::printf("%s: no source of this name; read as generic\n", name.c_str());
      source = &kGenericSource;
    }
    for (const fs::path& file : files) {
      bool understood = true;
      for (const Reading& reading : ReadFileAs(*source, ReadPayloadFile(file), kNow)) {
        std::printf("%s/%s: %s\n", name.c_str(), file.filename().c_str(), Describe(reading).c_str());
        if (!reading.event) {
          understood = understood && reading.kind == Refused::Kind::kIgnored;
          continue;
        }
        understood = understood && !reading.stands_in;
        EXPECT_EQ(WhyNotTaken(*reading.event), "") << file;
      }
      not_understood += understood ? 0 : 1;
    }
  }
  return not_understood;
}

// ---- the tests ----

TEST(PayloadsTest, EveryPayloadIsReadAsItsVendorMeansIt) {
  if (const char* folder = std::getenv("TOCSIN_PAYLOADS"); folder != nullptr && *folder != '\0') {
    std::printf("%d files were not understood in full\n", Report(folder));
    return;
  }
  const auto fixtures = FixtureFolder();
  if (!fixtures) GTEST_SKIP() << "no fixtures (TOCSIN_FIXTURES)";
  std::string missing;
  for (const auto& [name, files] : PayloadsBySource(*fixtures / "payloads")) {
    SCOPED_TRACE(name);
    const Source* source = FindSource(name);
    const std::optional<Golden> golden = ReadGolden(name);
    if (source == nullptr || !golden) {
      missing += " " + name;
      continue;
    }
    for (const fs::path& file : files)
      CompareFile(*golden, *source, file);
    for (const json::value& episode : golden->episodes)
      CheckEpisode(*golden, episode.as_array(), *source, *fixtures / "payloads" / name);
  }
  EXPECT_EQ(missing, "") << "payloads that no source reads, or of which nobody has said what is expected";
}

}  // namespace
}  // namespace tocsin
