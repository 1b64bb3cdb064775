// What a real Alertmanager was asked and answered, asked again of us, in the same order and at the same instants: the same status and
// an equivalent body. Where that is not so on purpose docs/compatibility.md says it, by the capture's name; a capture that is listed
// there and does not differ fails as well, so that the list stays true.
#include <algorithm>
#include <map>
#include <regex>
#include <set>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "tests/api/compat/alertmanager_world.h"
#include "tests/ingest/fixtures.h"

namespace tocsin {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

struct Exchange {
  std::string name;  // am-api/sil-create-068
  int number = 0;
  absl::Time received;
  Capture capture;
  bool ChangesState() const { return capture.method == "POST" && capture.target.find("/-/") == std::string::npos; }
};

std::vector<Exchange> ReadExchanges(const std::filesystem::path& folder) {
  std::vector<Exchange> exchanges;
  for (Capture& capture : ReadCaptures(folder)) {
    Exchange exchange;
    exchange.name = folder.filename().string() + "/" + capture.name;
    exchange.number = std::stoi(capture.name.substr(capture.name.rfind('-') + 1));
    const std::string first = ReadFile(folder / (capture.name + ".http"));
    const std::string time = first.substr(first.find("20"), first.find('\n') - first.find("20"));
    std::string error;
    EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, time, &exchange.received, &error)) << capture.name << ": " << error;
    exchange.capture = std::move(capture);
    exchanges.push_back(std::move(exchange));
  }
  std::ranges::sort(exchanges, {}, &Exchange::number);
  return exchanges;
}

// The captures that docs/compatibility.md names at the beginning of a row of a table.
std::set<std::string> ReadDifferences() {
  const std::string text = ReadFile(std::filesystem::path(TOCSIN_SOURCE_DIR) / "docs/compatibility.md");
  std::set<std::string> names;
  static const std::regex row(R"(\n\| ((?:`[a-z0-9-]+/[a-z0-9-]+`[ ,]*)+)\|)");
  static const std::regex name(R"(`([^`]+)`)");
  for (std::sregex_iterator at(text.begin(), text.end(), row), end; at != end; ++at) {
    const std::string cell = (*at)[1].str();
    for (std::sregex_iterator each(cell.begin(), cell.end(), name); each != end; ++each)
      names.insert((*each)[1].str());
  }
  return names;
}

// Silences' ids differ; each of ours stands for one of theirs.
class Ids {
 public:
  void Learn(const std::string& theirs, const std::string& ours) {
    if (theirs_.contains(ours) || ours_.contains(theirs)) return;
    theirs_[ours] = theirs;
    ours_[theirs] = ours;
  }
  std::string ToOurs(std::string text) const {
    for (const auto& [theirs, ours] : ours_) {
      for (std::size_t at = text.find(theirs); at != std::string::npos; at = text.find(theirs, at + ours.size()))
        text.replace(at, theirs.size(), ours);
    }
    return text;
  }
  std::string ToTheirs(const std::string& ours) const {
    const auto found = theirs_.find(ours);
    return found == theirs_.end() ? ours : found->second;
  }

 private:
  std::map<std::string, std::string> theirs_;
  std::map<std::string, std::string> ours_;
};

// What may be different in equivalent bodies is taken out: times, ids, versions, members that newer versions have added.
json::value Normal(const json::value& value, const Ids& ids, const std::string& member) {
  if (value.is_array()) {
    json::array items;
    for (const json::value& item : value.get_array())
      items.push_back(Normal(item, ids, member));
    // Alertmanager lists silences that end at one instant in any order.
    const bool silences = !items.empty() && items[0].is_object() && items[0].get_object().contains("createdBy");
    const auto id = [](const json::value& item) { return std::string(item.get_object().at("id").get_string()); };
    if (silences) std::ranges::sort(items, [&](const json::value& a, const json::value& b) { return id(a) < id(b); });
    return items;
  }
  if (value.is_string()) {
    const std::string text(value.get_string());
    static const std::regex time(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d))");
    if (std::regex_match(text, time)) return "TIME";
    if (member == "original") return "CONFIG";
    if (member == "createdBy" && text == "loopback") return "";
    return json::value(ids.ToTheirs(text));
  }
  if (!value.is_object()) return value;
  json::object object;
  for (const auto& [key, held] : value.get_object()) {
    const bool is_receiver = value.get_object().contains("name") && value.get_object().size() == 2;
    const bool added = key == "mutedBy" || key == "routeLabels" || (key == "labels" && is_receiver) ||
                       (key == "annotations" && value.get_object().contains("matchers"));
    if (added) continue;
    if (key == "versionInfo" || key == "cluster") {
      json::object names;  // which members there are
      for (const auto& [name, ignored] : held.get_object())
        names[name] = "";
      object[key] = names;
    } else {
      object[key] = Normal(held, ids, key);
    }
  }
  return object;
}

std::string Normal(const std::string& body, const Ids& ids) {
  boost::system::error_code error;
  const json::value parsed = json::parse(body, error);
  if (error) return body;
  // Members of an object have no order.
  std::string text;
  const auto write = [&](const auto& self, const json::value& value) -> void {
    if (value.is_object()) {
      std::map<std::string, const json::value*> sorted;
      for (const auto& [key, held] : value.get_object())
        sorted[key] = &held;
      text += '{';
      for (const auto& [key, held] : sorted) {
        text += '"' + key + "\":";
        self(self, *held);
        text += ',';
      }
      text += '}';
    } else if (value.is_array()) {
      text += '[';
      for (const json::value& item : value.get_array()) {
        self(self, item);
        text += ',';
      }
      text += ']';
    } else {
      text += json::serialize(value);
    }
  };
  write(write, Normal(parsed, ids, ""));
  return text;
}

struct Answer {
  int status = 0;
  std::string body;
};

// By hand, so that no client adds headers or mends what was broken.
Answer Send(std::uint16_t port, const Capture& capture, const Ids& ids) {
  const std::string body = ids.ToOurs(capture.body);
  std::string text = capture.method + " " + ids.ToOurs(capture.target) + " HTTP/1.1\r\n";
  text += absl::StrFormat("Host: 127.0.0.1:%d\r\nConnection: close\r\n", port);
  for (const auto& [name, value] : capture.headers) {
    if (name == "Host" || name == "Content-Length" || name == "Accept-Encoding") continue;
    text += name + ": " + value + "\r\n";
  }
  if (capture.method == "POST" || capture.method == "PUT")
    text += absl::StrFormat("Content-Length: %d\r\n", body.size());
  text += "\r\n" + body;
  asio::io_context context;
  asio::ip::tcp::socket socket(context);
  socket.connect({asio::ip::make_address("127.0.0.1"), port});
  asio::write(socket, asio::buffer(text));
  std::string received;
  boost::system::error_code error;
  asio::read(socket, asio::dynamic_buffer(received), error);
  const std::size_t head = received.find("\r\n\r\n");
  if (head == std::string::npos) return {};
  return {std::stoi("0" + received.substr(received.find(' ') + 1, 3)), WithoutLineEnds(received.substr(head + 4))};
}

class Replay {
 public:
  explicit Replay(absl::Time start) : world_(start) { world_.Apply(); }

  // What Alertmanager took of a message of which it refused the rest.
  void TakePart(const Exchange& exchange) {
    if (exchange.name != "am-api/mixed-valid-invalid-010") return;
    EXPECT_EQ(world_.PostAlerts(R"([{"labels":{"alertname":"good1"}}])").status, 200);
  }

  // Asks, and asks again while the answer to a question is not yet the same: what was posted takes effect on other threads.
  bool IsSame(const Exchange& exchange, bool patient, std::string& difference) {
    world_.clock().Set(exchange.received);
    const bool question = exchange.capture.method == "GET";
    for (int attempt = 0; attempt < (question && patient ? 200 : 1); ++attempt) {
      if (attempt > 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
      const Answer answer = Send(world_.port(), exchange.capture, ids_);
      LearnId(exchange.capture.answer, answer.body);
      const std::string ours = Normal(answer.body, ids_);
      const std::string theirs = Normal(exchange.capture.answer, ids_);
      if (answer.status == exchange.capture.status && ours == theirs) return true;
      difference = absl::StrFormat("%s\n  theirs: %d %s\n  ours:   %d %s", exchange.name, exchange.capture.status,
                                   theirs, answer.status, ours);
    }
    return false;
  }

 private:
  void LearnId(const std::string& theirs, const std::string& ours) {
    const auto id = [](const std::string& body) -> std::string {
      boost::system::error_code error;
      const json::value parsed = json::parse(body, error);
      if (error || !parsed.is_object() || !parsed.get_object().contains("silenceID")) return "";
      return std::string(parsed.get_object().at("silenceID").get_string());
    };
    if (!id(theirs).empty() && !id(ours).empty()) ids_.Learn(id(theirs), id(ours));
  }

  AlertmanagerWorld world_;
  Ids ids_;
};

TEST(AlertmanagerReplay, AnswersAsAlertmanagerDidButForWhatIsListed) {
  const auto fixtures = FixtureFolder();
  if (!fixtures) GTEST_SKIP() << "no fixtures: neither TOCSIN_FIXTURES nor ../shared/fixtures";
  std::vector<Exchange> exchanges = ReadExchanges(*fixtures / "captures/am-api");
  std::ranges::move(ReadExchanges(*fixtures / "captures/amtool"), std::back_inserter(exchanges));
  ASSERT_GT(exchanges.size(), 150U);
  std::set<std::string> listed = ReadDifferences();
  Replay replay(exchanges.front().received - absl::Minutes(1));
  std::vector<const Exchange*>
      afterwards;  // listed ones that we take and Alertmanager did not: they would show in what follows
  std::string difference;
  for (const Exchange& exchange : exchanges) {
    const bool differs = listed.contains(exchange.name);
    if (differs && exchange.ChangesState()) {
      afterwards.push_back(&exchange);
      replay.TakePart(exchange);
    } else if (differs) {
      EXPECT_FALSE(replay.IsSame(exchange, /*patient=*/false, difference))
          << exchange.name << " is listed in docs/compatibility.md, and is no different";
    } else {
      EXPECT_TRUE(replay.IsSame(exchange, /*patient=*/true, difference)) << difference;
    }
    listed.erase(exchange.name);
  }
  for (const Exchange* exchange : afterwards) {
    EXPECT_FALSE(replay.IsSame(*exchange, /*patient=*/false, difference))
        << exchange->name << " is listed in docs/compatibility.md, and is no different";
  }
  for (const std::string& name : listed)
    ADD_FAILURE() << name << " is listed in docs/compatibility.md, and there is no such capture";
}

}  // namespace
}  // namespace tocsin
