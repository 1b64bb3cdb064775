// Logins under way. What a browser has begun is sealed into a cookie of its own and kept nowhere here, so nobody can fill any
// table by beginning logins; what is kept is small and bounded: which of them have come back, and the codes that wait for a terminal.
// A restart ends them: people begin again.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "model/access.h"

namespace tocsin::oidc {

inline constexpr absl::Duration kLoginLife = absl::Minutes(10);
inline constexpr absl::Duration kCodeLife = absl::Minutes(5);

struct Pending {
  std::string provider;
  std::string state;     // goes by the browser's addresses: says that the answer belongs to this browser
  std::string nonce;     // comes back in the ID token: says that it was made for this login
  std::string verifier;  // PKCE: only the cookie has it
  std::string terminal;  // the challenge of a command line that waits; "": the browser itself logs in
  EngineTime until;
};
// With random values.
Pending Begin(std::string_view provider, std::string_view terminal, EngineTime now);
// S256 of RFC 7636.
std::string ChallengeOf(std::string_view verifier);
// 43 letters of base64url, as S256 makes them.
bool IsChallenge(std::string_view text);

// Any thread.
class Seal {
 public:
  Seal();
  // For a cookie: letters, digits, - and _.
  std::string Close(const Pending& pending) const;
  // FailedPrecondition: it is none of ours, ran out, or was begun before a restart.
  absl::StatusOr<Pending> Open(std::string_view sealed, EngineTime now) const;

 private:
  std::array<unsigned char, 32> key_{};
};

// Which logins have come back: each does once. Any thread.
class ComeBack {
 public:
  // False: it was here already.
  bool Take(const Pending& pending, EngineTime now);

 private:
  static constexpr std::size_t kMost =
      16'384;  // beyond it the oldest is forgotten; the provider's code is good once, too
  Mutex mutex_;
  std::set<std::string> states_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::pair<EngineTime, std::string>> order_ ABSL_GUARDED_BY(mutex_);
};

// Somebody has signed in for a terminal, which may fetch its session by a code that they carry there. Any thread.
class Codes {
 public:
  struct Ready {
    UserId user;
    Voucher voucher;
    std::string challenge;
    EngineTime until;
  };
  // The code, for people: 20 letters and digits in groups. Somebody's oldest makes room when they have 5; ResourceExhausted: there
  // are 1000.
  absl::StatusOr<std::string> Put(Ready ready, EngineTime now);
  // NotFound: it is not known, was used, has run out, or another terminal asks. It is gone in every case.
  absl::StatusOr<Ready> Take(std::string_view code, std::string_view verifier, EngineTime now);

 private:
  static constexpr std::size_t kMost = 1000;
  static constexpr std::ptrdiff_t kMostOfOne = 5;
  Mutex mutex_;
  std::map<std::string, Ready> ready_ ABSL_GUARDED_BY(mutex_);  // by the code's hash
};

}  // namespace tocsin::oidc
