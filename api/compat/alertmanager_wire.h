// How Alertmanager's API v2 writes and reads the small things: times, ids of silences, flags, its two kinds of errors. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"

#include "model/ids.h"
#include "model/labels.h"
#include "net/http.h"

namespace tocsin::alertmanager {

// The version whose API this is, as clients are told: karma and amtool read it.
inline constexpr std::string_view kApiVersion = "0.27.0";

// A business error is a bare JSON string with a line end; an error of the framework an object without one.
HttpResponse ErrorText(int status, std::string_view message);
HttpResponse ErrorObject(int status, int code, std::string_view message);
// What Alertmanager says when it has too much to do: plain text.
HttpResponse Busy();

// RFC 3339 in UTC with three fraction digits.
std::string WireTime(absl::Time time);
// {"a":"1","b":"2"}
std::string FormatLabels(const Labels& labels);

// A silence's UUID is its number behind a fixed prefix (a version 8 UUID: "tocsin" and 60 bits), so nothing has to be remembered.
std::string FormatUuid(SilenceId id);
// Whether a text is a UUID at all, and whose: nullopt for those that are not ours.
bool IsUuid(std::string_view text);
std::optional<SilenceId> ParseUuid(std::string_view text);

// As lax as Alertmanager: true, 1, yes, ok, y, on, selected, checked, t, enabled; everything else is false. Absent: `otherwise`.
bool FlagOf(std::string_view query, std::string_view name, bool otherwise);

// Whether a client's Accept header takes JSON.
bool AcceptsJson(std::string_view accept);

}  // namespace tocsin::alertmanager
