// The certificate that a server shows, and whom it lets in by theirs: read from files, checked before it is used, read again when the
// files change. All doors of a process ask one TlsKeeper, so that all show the same pair at the same time.
//
// A pair is refused, and the one before it kept, unless a client that shakes hands with it would be content: the key belongs to the
// certificate, the chain is whole, it is valid now, and every name that the one before it served is still served.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "base/mutex.h"

namespace boost::asio::ssl {
class context;
}
struct ssl_st;  // OpenSSL's SSL

namespace tocsin {

// All PEM.
struct TlsFiles {
  std::string certificate;  // the server's, then those that it rests on
  std::string key;
  std::string client_ca;   // who signs clients' certificates; empty: clients need none
  std::string client_crl;  // those of them that count no more; empty: none
};

// What stands in these files, or why one cannot be read.
struct TlsTexts {
  std::string certificate;
  std::string key;
  std::string client_ca;
  std::string client_crl;
  std::string unreadable;
  friend bool operator==(const TlsTexts&, const TlsTexts&) = default;
};
TlsTexts ReadTexts(const TlsFiles& files);

// A pair that can be used, with whom it lets in. Immutable; any thread.
class TlsIdentity {
 public:
  // `at_start`: what has run out is better than a server that does not start, so it is no reason to refuse.
  static absl::StatusOr<std::shared_ptr<const TlsIdentity>> Make(const TlsFiles& files,
                                                                 TlsTexts texts,
                                                                 absl::Time now,
                                                                 bool at_start);
  ~TlsIdentity();

  // Shakes hands with itself, as a client that asks for `name` (a host name or an IP address; "*.x" for any in x; empty: no certain
  // one) and trusts the chain's last certificate.
  absl::Status ShakeHands(const std::string& name) const;

  const TlsTexts& texts() const { return texts_; }
  const std::shared_ptr<boost::asio::ssl::context>& context() const { return context_; }
  const std::vector<std::string>& names() const { return names_; }
  absl::Time valid_from() const { return valid_from_; }
  absl::Time valid_until() const { return valid_until_; }  // of the chain: the first end in it
  bool asks_clients() const { return !texts_.client_ca.empty(); }
  // Whether a client's certificate (PEM), whose signature is right, was revoked.
  bool IsRevoked(std::string_view certificate) const;

 private:
  struct Parts;
  TlsIdentity();

  TlsTexts texts_;
  std::unique_ptr<Parts> parts_;
  std::shared_ptr<boost::asio::ssl::context> context_;
  std::vector<std::string> names_;
  absl::Time valid_from_;
  absl::Time valid_until_;
};

// Of a server's session that has not begun: HTTP/2 is what is spoken, for clients that ask (ALPN, RFC 7301).
void AskForHttp2(ssl_st* session);

class TlsKeeper {
 public:
  struct Statistics {
    absl::Time valid_until;
    std::uint64_t taken = 0;
    std::uint64_t refused = 0;
    bool refuses = false;  // what stands in the files now is not what is used
  };

  // Reads the files. An error says which, and what to do.
  static absl::StatusOr<std::shared_ptr<TlsKeeper>> Open(TlsFiles files, absl::Time now);

  std::shared_ptr<const TlsIdentity> current() const;
  // Takes what stands in the files when it has changed. A change takes two files, one after the other: what is bad is refused, and
  // the log says so, when it still stands there at the next look. Once a second, one thread.
  void Look(absl::Time now);
  // The same at once, because somebody asked for it.
  absl::Status Reload(absl::Time now);
  Statistics ReadStatistics() const;

 private:
  explicit TlsKeeper(TlsFiles files) : files_(std::move(files)) {}
  // OK: it is in use.
  absl::Status Take(const TlsTexts& texts, absl::Time now);
  void Refuse(const TlsTexts& texts, const absl::Status& why);

  const TlsFiles files_;
  TlsTexts bad_;          // seen at the last look; the caller's thread, as Look
  bool is_told_ = false;  // that it is bad
  mutable Mutex mutex_;
  std::shared_ptr<const TlsIdentity> current_ ABSL_GUARDED_BY(mutex_);
  Statistics statistics_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tocsin
