// Alertmanager's POST /api/v2/alerts by the letter (specs: wire-compat 1.2): one reading for the fast door, which appends views to a
// batch, and for the source of the same name.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ingest/intake.h"
#include "ingest/json.h"

namespace tocsin {

// Why nothing of a body was taken, in Alertmanager's words: {"code":602,"message":"0.labels in body is required"}.
struct PrometheusRefusal {
  int status = 400;
  int code = 400;
  std::string message;
};

// Reads `body` into `intake`. When the result is a refusal, `intake` holds something partial: throw it away.
//
// Differs from Alertmanager 0.25 where that is kinder and no client can mind: any non-empty UTF-8 label name (as since 0.27),
// any text as generatorURL, startsAt "" is absent.
std::optional<PrometheusRefusal> ReadPrometheus(JsonReader& reader, std::string_view body, Intake& intake);

}  // namespace tocsin
