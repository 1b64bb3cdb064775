// Opsgenie's API as bytes: which alert a path means, the envelope and headers of every answer, alerts and heartbeats in its JSON. Pure.
#pragma once

#include <string>
#include <string_view>

#include "absl/time/time.h"

#include "ingest/opsgenie_alert.h"
#include "model/heartbeat.h"
#include "model/opsgenie.h"
#include "net/http.h"

namespace tocsin {

// What follows /v2/alerts/ in a path. Clients put aliases there as they are, slashes and all: the last segment is the verb when it is
// one that the method has, what stands before it is the identifier.
struct OpsgeniePath {
  std::string identifier;
  std::string verb;    // "close", "notes", "actions" ...; empty: the alert itself
  std::string action;  // of actions/NAME
};
// `rest` as sent, escapes and all; one trailing slash never matters.
OpsgeniePath SplitOpsgeniePath(HttpMethod method, std::string_view rest);
// ?identifierType=id|alias|tiny
OpsgenieIdentifier::Kind KindOfIdentifier(std::string_view query, std::string_view parameter = "identifierType");

// Opens an envelope: what each answer says about its request.
struct OpsgenieAsked {
  std::string request_id;
  absl::Duration took;
};
// {MEMBERS,"took":0.001,"requestId":"..."} with the headers that Opsgenie's clients look for.
HttpResponse OpsgenieAnswer(const OpsgenieAsked& asked, int status, std::string_view members);
HttpResponse OpsgenieData(const OpsgenieAsked& asked, std::string_view data, int status = 200);
HttpResponse OpsgenieResult(const OpsgenieAsked& asked, int status, std::string_view result);
HttpResponse OpsgenieProblem(const OpsgenieAsked& asked, int status, std::string_view message);
HttpResponse OpsgenieRefusal(const OpsgenieAsked& asked, const OpsgenieFault& fault);
// 429: more came than there is room for.
HttpResponse OpsgenieThrottled(const OpsgenieAsked& asked, absl::Duration retry_after);
// 503: our own trouble.
HttpResponse OpsgenieTrouble(const OpsgenieAsked& asked, std::string_view why, absl::Duration retry_after);
// Adds what is missing of those headers.
void FinishOpsgenie(HttpResponse& response);

std::string OpsgenieTime(absl::Time time);  // RFC 3339 with milliseconds, Z
// As in a list; `whole`: with what only a single alert shows.
std::string OpsgenieJson(const OpsgenieAlert& alert, bool whole);
std::string OpsgenieJson(const OpsgenieRequest& request);
std::string OpsgenieJson(const Heartbeat& heartbeat);

// {"name":value,...} piece by piece.
class JsonMembers {
 public:
  JsonMembers& Text(std::string_view name, std::string_view value);
  JsonMembers& Raw(std::string_view name, std::string_view json);
  JsonMembers& Flag(std::string_view name, bool value) { return Raw(name, value ? "true" : "false"); }
  JsonMembers& Number(std::string_view name, std::int64_t value);
  const std::string& members() const { return text_; }
  std::string Object() const { return "{" + text_ + "}"; }

 private:
  std::string text_;
};

}  // namespace tocsin
