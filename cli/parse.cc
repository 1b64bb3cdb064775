// parse: the events that payloads would become, as JSON lines, without a server.
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <optional>

#include "absl/strings/str_format.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/status.h"
#include "base/strings.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/session.h"
#include "config/load.h"
#include "ingest/mapping.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

absl::StatusOr<std::string> ReadInput(const std::string& path) {
  std::ifstream file;
  if (path != "-") {
    file.open(path, std::ios::binary);
    if (!file) return NotFound("cannot read %s", path);
  }
  // No door takes more; what has no end, such as a device, is not kept.
  std::string text(limits::kBodyBytes + 1, '\0');
  std::istream& in = path == "-" ? std::cin : file;
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > limits::kBodyBytes)
    return Invalid("%s: more than %d bytes, which no door takes", path, limits::kBodyBytes);
  return text;
}

std::string Object(const Labels& labels) {
  std::string out = "{";
  for (const Label& label : labels) {
    if (out.size() > 1) out += ',';
    out += JsonQuote(label.name) + ":" + JsonQuote(label.value);
  }
  return out + "}";
}

std::string Time(const std::optional<absl::Time>& time) {
  if (!time) return "null";
  return "\"" + absl::FormatTime(absl::RFC3339_full, *time, absl::UTCTimeZone()) + "\"";
}

// The same document, with what a terminal obeys (C1 controls, direction overrides) written as \uXXXX: a payload may be anybody's.
std::string Escaped(std::string_view json) {
  std::string out;
  while (!json.empty()) {
    const CodePoint point = FirstCodePoint(json);
    const std::string_view bytes = json.substr(0, point.bytes);
    const auto code = static_cast<std::uint32_t>(point.value);
    if (Printable(bytes) == bytes) {
      out += bytes;
    } else if (!point.valid) {
      out += "\\ufffd";
    } else if (code < 0x10000) {
      absl::StrAppendFormat(&out, "\\u%04x", code);
    } else {
      absl::StrAppendFormat(&out, "\\u%04x\\u%04x", 0xD7C0 + (code >> 10U), 0xDC00 + (code & 0x3FFU));
    }
    json.remove_prefix(point.bytes);
  }
  return out;
}

std::string Line(const std::string& file, const Reading& reading) {
  std::string out = "{\"file\":" + JsonQuote(file);
  if (!reading.event) {
    const bool ignored = reading.kind == Refused::Kind::kIgnored;
    return out + ",\"" + (ignored ? "ignored" : "rejected") + "\":" + JsonQuote(reading.reason) + "}";
  }
  const AlertEvent& event = *reading.event;
  out += ",\"kind\":\"" + std::string(Name(event.kind)) + "\"";
  out += ",\"severity\":\"" + std::string(Name(event.severity)) + "\"";
  out += ",\"dedup_key\":" + JsonQuote(event.dedup_key);
  out += ",\"labels\":" + Object(event.labels);
  out += ",\"annotations\":" + Object(event.annotations);
  out += ",\"starts_at\":" + Time(event.starts_at) + ",\"ends_at\":" + Time(event.ends_at);
  return out + ",\"link\":" + JsonQuote(event.link) + "}";
}

std::string SourceNames() {
  std::string names;
  for (const Source* source : SourceTable())
    names += (names.empty() ? "" : ", ") + std::string(source->name);
  return names;
}

std::string_view NearestSource(const std::string& name) {
  std::vector<std::string_view> names;
  for (const Source* source : SourceTable())
    names.push_back(source->name);
  return Nearest(name, names);
}

absl::Status Parse(const Arguments& arguments) {
  if (arguments.has("output") && !WantsJson(arguments))
    return Invalid("--output: %s is not json", JsonQuote(arguments.get("output")));
  const std::string name = arguments.has("mapping") && !arguments.has("source") ? "generic" : arguments.get("source");
  const Source* source = FindSource(name);
  if (name.empty()) return Invalid("whose payload is it? --source NAME (one of %s), or --mapping FILE", SourceNames());
  if (source == nullptr) {
    const std::string_view nearest = NearestSource(name);
    const std::string meant = nearest.empty() ? "" : absl::StrFormat("; did you mean %s?", nearest);
    return Invalid("--source: %s is none of %s%s", JsonQuote(name), SourceNames(), meant);
  }
  std::optional<FieldMapping> mapping;
  if (arguments.has("mapping")) {
    if (source != &kGenericSource) return Invalid("--mapping: only source generic can have one");
    const std::string path = arguments.get("mapping");
    TOCSIN_ASSIGN(std::string text, ReadInput(path));
    TOCSIN_ASSIGN(mapping, LoadFieldMapping({path, std::move(text)}));
  }
  if (arguments.positional().empty()) return Invalid("which files? - is standard input");
  const Now now{absl::Now(), EngineTime()};
  absl::Status worst;
  for (const std::string& path : arguments.positional()) {
    TOCSIN_ASSIGN(const std::string body, ReadInput(path));
    const SourceRequest request{.body = body, .content_type = arguments.get("content-type"), .headers = {}};
    for (const Reading& reading : mapping ? ReadMapped(*mapping, request, now) : ReadPayload(*source, request, now)) {
      if (reading.stands_in) worst = Precondition("%s could not be read: %s", path, reading.reason);
      std::printf("%s\n", Escaped(Line(path, reading)).c_str());
    }
  }
  return worst;
}

}  // namespace

int RunParse(std::span<const std::string> arguments) {
  constexpr OptionSpec kOwn[] = {
      {"source",       's', true, "NAME", "whose payload it is; a wrong one lists them"                     },
      {"mapping",      'm', true, "FILE", "YAML: how the body is read, as under `mapping` of an integration"},
      {"content-type", 0,   true, "TYPE", "as the sender would say"                                         },
      {"output",       'o', true, "json", "what it prints anyway: a JSON object a line"                     }
  };
  return WithArguments("parse", arguments, kOwn, Parse);
}

}  // namespace tocsin
