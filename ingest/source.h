// The senders that we understand by webhook. A source is a pure function from a request to events; a new one is a file in sources/
// and a row in source.cc.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "base/clock.h"
#include "ingest/intake.h"
#include "model/event.h"
#include "net/http.h"

namespace tocsin {

struct SourceRequest {
  std::string_view body;
  std::string_view content_type;  // may lie: parsers look at the body first
  std::string_view query;
  std::span<const HttpHeader> headers;
};

// What became of one alert of a payload, in the payload's order: an event, or why there is none.
struct Reading {
  std::optional<AlertEvent> event;
  Refused::Kind kind = Refused::Kind::kRejected;  // when there is none
  std::string reason;                             // of an event: what its sender should know of it

  static Reading Of(AlertEvent event) { return {.event = std::move(event), .kind = {}, .reason = {}}; }
  static Reading Rejected(std::string reason) {
    return {.event = std::nullopt, .kind = Refused::Kind::kRejected, .reason = std::move(reason)};
  }
  static Reading Ignored(std::string reason) {
    return {.event = std::nullopt, .kind = Refused::Kind::kIgnored, .reason = std::move(reason)};
  }
};
using Readings = std::vector<Reading>;

// An error: the payload as a whole makes no sense; it names the byte or the field.
using SourceParser = absl::StatusOr<Readings> (*)(const SourceRequest& request, const Now& received);

struct Source {
  std::string_view name;  // what Integration::source says
  SourceParser parse;
  std::string_view example;  // a minimal valid body, shown with errors
};

std::span<const Source> SourceTable();
const Source* FindSource(std::string_view name);

// The parsers. What each understands stands at the top of its file.
absl::StatusOr<Readings> ParseAlertmanager(const SourceRequest& request, const Now& received);
absl::StatusOr<Readings> ParseDatadog(const SourceRequest& request, const Now& received);
absl::StatusOr<Readings> ParseGeneric(const SourceRequest& request, const Now& received);
absl::StatusOr<Readings> ParseGrafana(const SourceRequest& request, const Now& received);
absl::StatusOr<Readings> ParseNagios(const SourceRequest& request, const Now& received);
absl::StatusOr<Readings> ParsePrometheus(const SourceRequest& request, const Now& received);

}  // namespace tocsin
