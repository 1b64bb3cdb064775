#include "tests/support/fake_twilio.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "base/strings.h"
#include "net/http.h"

namespace tocsin {
namespace {

FakeAnswer Json(int status, const std::string& body) {
  return {.status = status, .headers = {"Content-Type: application/json"}, .body = body};
}

FakeAnswer Error(int status, int code, std::string_view message) {
  return Json(status,
              absl::StrFormat(
                  R"({"code": %d, "message": %s, "more_info": "https://www.twilio.com/docs/errors/%d", "status": %d})",
                  code, JsonQuote(message), code, status));
}

}  // namespace

FakeTwilio::FakeTwilio(Trouble trouble)
    : trouble_(std::move(trouble)), http_([this](const FakeRequest& request) { return Answer(request); }) {}

std::vector<FakeTwilio::Message> FakeTwilio::messages() const {
  const MutexLock lock(mutex_);
  return messages_;
}

FakeAnswer FakeTwilio::Answer(const FakeRequest& request) {
  if (trouble_) {
    if (const std::optional<FakeAnswer> answer = trouble_(request)) return *answer;
  }
  const std::string accounts = absl::StrCat("/2010-04-01/Accounts/", kAccount, "/");
  const auto authorization = request.headers.find("authorization");
  const std::string expected = absl::StrCat("Basic ", absl::Base64Escape(absl::StrCat(kAccount, ":", kToken)));
  if (authorization == request.headers.end() || authorization->second != expected) {
    return Error(401, 20003, "Authenticate");
  }
  const bool call = request.target == accounts + "Calls.json";
  if (!call && request.target != accounts + "Messages.json")
    return Error(404, 20404, "The requested resource was not found");
  std::map<std::string, std::string> form;
  for (FormField& field : ParseForm(request.body))
    form[field.name] = std::move(field.value);
  if (request.method != "POST") return Error(405, 20004, "Method not allowed");
  return Accept(call, form);
}

FakeAnswer FakeTwilio::Accept(bool call, const std::map<std::string, std::string>& form) {
  const auto field = [&](const char* name) {
    const auto found = form.find(name);
    return found == form.end() ? std::string() : found->second;
  };
  const std::string to = field("To");
  struct Number {
    const char* number;
    int status, code;
    const char* message;
  };
  static constexpr Number kNumbers[] = {
      {kInvalidNumber,   400, 21211, "The 'To' number is not a valid phone number"     },
      {kUnroutable,      400, 21612, "The 'To' phone number is not currently reachable"},
      {kForbiddenRegion, 403, 21408, "Permission to send an SMS has not been enabled"  },
      {kUnsubscribed,    400, 21610, "Attempt to send to unsubscribed recipient"       },
      {kLandline,        400, 21614, "'To' number is not a valid mobile number"        },
  };
  for (const Number& number : kNumbers) {
    if (to == number.number) return Error(number.status, number.code, number.message);
  }
  if (to.empty()) return Error(400, 21604, "A 'To' phone number is required");
  if (field("From") != kFrom) return Error(400, 21212, "The 'From' number is not a valid phone number");
  if (!call && field("Body").empty()) return Error(400, 21602, "Message body is required");
  if (!call && field("Body").size() > 1600)
    return Error(400, 21617, "The concatenated message body exceeds 1600 characters");
  if (call && field("Twiml").empty()) return Error(400, 21205, "Url parameter is required");
  if (call && field("Twiml").size() > 4000) return Error(400, 21218, "Twiml is too long");

  const MutexLock lock(mutex_);
  const std::string sid = absl::StrFormat("%s%032x", call ? "CA" : "SM", messages_.size() + 1);
  messages_.push_back({sid, call, to, field("From"), field("Body"), field("Twiml")});
  return Json(201,
              absl::StrFormat(R"({"account_sid": "%s", "sid": "%s", "status": "queued", "to": %s, "error_code": null})",
                              kAccount, sid, JsonQuote(to)));
}

}  // namespace tocsin
