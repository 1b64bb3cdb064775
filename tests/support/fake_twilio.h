// A telephone provider that speaks Twilio's REST protocol on a real socket: accounts, basic authentication, form bodies,
// JSON answers, error codes, and the numbers that Twilio itself gives to tests
// (https://www.twilio.com/docs/iam/test-credentials).
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "tests/support/fake_http.h"

namespace tocsin {

class FakeTwilio {
 public:
  static constexpr const char* kAccount = "AC00112233445566778899aabbccddeeff";
  static constexpr const char* kToken = "a-secret-token";
  static constexpr const char* kFrom = "+15005550006";
  static constexpr const char* kInvalidNumber = "+15005550001";    // 21211
  static constexpr const char* kUnroutable = "+15005550002";       // 21612
  static constexpr const char* kForbiddenRegion = "+15005550003";  // 21408
  static constexpr const char* kUnsubscribed = "+15005550004";     // 21610
  static constexpr const char* kLandline = "+15005550009";         // 21614

  // One that was accepted.
  struct Message {
    std::string sid;
    bool call = false;
    std::string to, from;
    std::string body;   // of an SMS
    std::string twiml;  // of a call
  };
  // What to do instead of answering as it should; nothing: as it should.
  using Trouble = std::function<std::optional<FakeAnswer>(const FakeRequest&)>;

  explicit FakeTwilio(Trouble trouble = nullptr);

  std::string url() const { return http_.url(); }
  std::vector<Message> messages() const;
  const FakeHttp& http() const { return http_; }

 private:
  FakeAnswer Answer(const FakeRequest& request);
  FakeAnswer Accept(bool call, const std::map<std::string, std::string>& form);

  const Trouble trouble_;
  mutable Mutex mutex_;
  std::vector<Message> messages_ ABSL_GUARDED_BY(mutex_);
  FakeHttp http_;  // last: its threads use the others
};

}  // namespace tocsin
