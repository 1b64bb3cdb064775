// A self-signed certificate for tests, made afresh: keys do not belong into a repository.
#pragma once

#include <string>

#include <openssl/ssl.h>

namespace tocsin {

class Certificate {
 public:
  // For the host name or address `name`; writes key and certificate as PEM files into `folder`.
  Certificate(const std::string& folder, const std::string& name);

  const std::string& certificate_file() const { return certificate_file_; }
  const std::string& key_file() const { return key_file_; }
  SSL_CTX* NewServerContext() const;  // the caller frees it

 private:
  std::string certificate_file_;
  std::string key_file_;
};

}  // namespace tocsin
