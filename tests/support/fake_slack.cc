#include "tests/support/fake_slack.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include <simdjson.h>

#include "base/strings.h"

namespace tocsin {
namespace {

constexpr std::size_t kSectionCharacters = 3000;

FakeAnswer Json(const std::string& body) {
  return {.status = 200, .headers = {"Content-Type: application/json; charset=utf-8"}, .body = body};
}
FakeAnswer Word(std::string_view word) {  // the Web API says what is wrong with status 200
  return Json(absl::StrFormat(R"({"ok":false,"error":%s})", JsonQuote(word)));
}
FakeAnswer Plain(int status, const std::string& word) {
  return {.status = status, .headers = {"Content-Type: text/html"}, .body = word};
}

std::string TextOf(simdjson::dom::object object, std::string_view name) {
  std::string_view text;
  return object[name].get(text) == simdjson::SUCCESS ? std::string(text) : "";
}

// Block Kit's bounds: what Slack refuses with invalid_blocks.
bool BlocksAreValid(simdjson::dom::object body) {
  simdjson::dom::array attachments;
  if (body["attachments"].get(attachments) != simdjson::SUCCESS) return true;
  for (const simdjson::dom::element attachment : attachments) {
    simdjson::dom::array blocks;
    if (attachment["blocks"].get(blocks) != simdjson::SUCCESS) continue;
    for (const simdjson::dom::element block : blocks) {
      std::string_view type;
      if (block["type"].get(type) != simdjson::SUCCESS) return false;
      std::string_view text;
      if (type == "section" &&
          (block["text"]["text"].get(text) != simdjson::SUCCESS || text.empty() || text.size() > kSectionCharacters)) {
        return false;
      }
    }
  }
  return true;
}

}  // namespace

FakeSlack::FakeSlack(Trouble trouble)
    : trouble_(std::move(trouble)), http_([this](const FakeRequest& request) { return Answer(request); }) {}

std::vector<FakeSlack::Message> FakeSlack::messages() const {
  const MutexLock lock(mutex_);
  return messages_;
}

FakeAnswer FakeSlack::Answer(const FakeRequest& request) {
  if (trouble_) {
    if (const std::optional<FakeAnswer> answer = trouble_(request)) return *answer;
  }
  if (request.method != "POST") return Plain(405, "method_not_allowed");
  return request.target.starts_with("/api/") ? Api(request) : Hook(request);
}

FakeAnswer FakeSlack::Api(const FakeRequest& request) {
  const auto header = [&](const char* name) {
    const auto found = request.headers.find(name);
    return found == request.headers.end() ? std::string() : found->second;
  };
  const bool update = request.target == "/api/chat.update";
  if (!update && request.target != "/api/chat.postMessage") return Word("unknown_method");
  if (header("authorization").empty()) return Word("not_authed");
  if (header("authorization") != absl::StrCat("Bearer ", kToken)) return Word("invalid_auth");
  simdjson::dom::parser parser;
  simdjson::dom::object body;
  if (!header("content-type").starts_with("application/json")) return Word("invalid_form_data");
  if (parser.parse(request.body).get(body) != simdjson::SUCCESS) return Word("invalid_json");
  std::string channel = TextOf(body, "channel");
  if (channel == kChannelName && !update) channel = kChannel;  // chat.update takes the id only
  if (channel == kArchived) return Word("is_archived");
  if (channel == kStrangers) return Word("not_in_channel");
  if (channel != kChannel) return Word("channel_not_found");
  const std::string text = TextOf(body, "text");
  if (text.empty()) return Word("no_text");
  if (text.size() > 40'000) return Word("msg_too_long");
  if (!BlocksAreValid(body)) return Word("invalid_blocks");

  const MutexLock lock(mutex_);
  if (!update) {
    messages_.push_back({channel, absl::StrFormat("1700000000.%06d", messages_.size() + 1), text, request.body});
    return Json(absl::StrFormat(R"({"ok":true,"channel":"%s","ts":"%s","message":{"type":"message"}})", channel,
                                messages_.back().ts));
  }
  for (Message& message : messages_) {
    if (message.ts != TextOf(body, "ts")) continue;
    message.text = text;
    message.json = request.body;
    ++message.updates;
    return Json(
        absl::StrFormat(R"({"ok":true,"channel":"%s","ts":"%s","text":%s})", channel, message.ts, JsonQuote(text)));
  }
  return Word("message_not_found");
}

FakeAnswer FakeSlack::Hook(const FakeRequest& request) {
  if (request.target != kHook) return Plain(404, "no_service");
  simdjson::dom::parser parser;
  simdjson::dom::object body;
  if (parser.parse(request.body).get(body) != simdjson::SUCCESS) return Plain(400, "invalid_payload");
  const std::string text = TextOf(body, "text");
  if (text.empty()) return Plain(400, "no_text");
  if (!BlocksAreValid(body)) return Plain(400, "invalid_blocks");
  const MutexLock lock(mutex_);
  messages_.push_back({kChannel, "", text, request.body});
  return Plain(200, "ok");
}

}  // namespace tocsin
