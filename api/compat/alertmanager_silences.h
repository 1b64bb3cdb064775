// Silences as Alertmanager's API has them. An update keeps a silence's id or ends it and makes another, by Alertmanager's rules
// (specs/wire-compat.md 1.7); a maintenance window with matchers is listed while it is in effect, and left alone.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/methods.h"
#include "model/silence.h"
#include "net/http.h"

namespace tocsin::alertmanager {

// What a client posts. Reads "" and the year 1 as no time.
struct PostedSilence {
  std::string id;  // as given; empty: a new one
  Silence silence;
};
// Why it cannot be read, ready to be sent: an answer in Alertmanager's words.
std::optional<HttpResponse> ReadSilence(std::string_view body, PostedSilence& posted);

enum class SilenceUpdate : std::uint8_t {
  kInPlace,
  kReplace  // ends the old one, under a new id
};
// Which of the two an update of `before` comes to. Pure.
SilenceUpdate Judge(const Silence& before, const Silence& posted, absl::Time now);

// All block.
HttpResponse ListSilences(Api& api, std::string_view query);
HttpResponse GetSilence(Api& api, std::string_view id);
HttpResponse PostSilence(Api& api, const Caller& caller, std::string_view body);
HttpResponse DeleteSilence(Api& api, const Caller& caller, std::string_view id);

}  // namespace tocsin::alertmanager
