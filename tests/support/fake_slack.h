// Slack on a real socket: the Web API's chat.postMessage and chat.update, and incoming webhooks, with their checks, their
// limits and the words that they use when something is wrong (https://docs.slack.dev/reference/methods/chat.postMessage).
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "tests/support/fake_http.h"

namespace tocsin {

class FakeSlack {
 public:
  static constexpr const char* kToken = "xoxb-a-secret-token";
  static constexpr const char* kChannel = "C0123ABCD";
  static constexpr const char* kChannelName = "#alerts";     // stands for kChannel
  static constexpr const char* kArchived = "C0ARCHIVED";     // is_archived
  static constexpr const char* kStrangers = "C0NOTINVITED";  // not_in_channel
  static constexpr const char* kHook = "/services/T000/B000/XXXX";

  // A message as people see it now.
  struct Message {
    std::string channel;
    std::string ts;  // empty for a webhook's
    std::string text;
    std::string json;  // the last request's body
    int updates = 0;
  };
  // What to do instead of answering as it should; nothing: as it should.
  using Trouble = std::function<std::optional<FakeAnswer>(const FakeRequest&)>;

  explicit FakeSlack(Trouble trouble = nullptr);

  std::string url() const { return http_.url() + "/api"; }
  std::string hook() const { return http_.url() + kHook; }
  std::vector<Message> messages() const;
  const FakeHttp& http() const { return http_; }

 private:
  FakeAnswer Answer(const FakeRequest& request);
  FakeAnswer Api(const FakeRequest& request);
  FakeAnswer Hook(const FakeRequest& request);

  const Trouble trouble_;
  mutable Mutex mutex_;
  std::vector<Message> messages_ ABSL_GUARDED_BY(mutex_);
  FakeHttp http_;  // last: its threads use the others
};

}  // namespace tocsin
