// Private to ingest: OpenTelemetry's logs in protobuf, as the JSON that OTLP has for the same.
// https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/logs/v1/logs.proto
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tocsin {

// Of an ExportLogsServiceRequest; fields that say nothing about alerts are left out. Text that is not UTF-8 is mended. An error when the bytes
// are no such message.
absl::StatusOr<std::string> OtlpLogsAsJson(std::string_view bytes);

}  // namespace tocsin
