#include "tests/support/certificate.h"

#include <cstdio>
#include <memory>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/status.h"

namespace tocsin {
namespace {

template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};

}  // namespace

Certificate::Certificate(const std::string& folder, const std::string& name)
    : certificate_file_(folder + "/certificate.pem"), key_file_(folder + "/key.pem") {
  const std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>> key(EVP_EC_gen("P-256"));
  const std::unique_ptr<X509, Free<X509_free>> certificate(X509_new());
  TOCSIN_CHECK(key != nullptr && certificate != nullptr, "openssl");
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 86400);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                             0);
  X509_set_issuer_name(certificate.get(), subject);
  const bool is_address = name.find_first_not_of("0123456789.") == std::string::npos;
  const std::string alternative = (is_address ? "IP:" : "DNS:") + name;
  const std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, alternative.c_str()));
  TOCSIN_CHECK(extension != nullptr, "openssl");
  X509_add_ext(certificate.get(), extension.get(), -1);
  TOCSIN_CHECK(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0, "openssl");

  const auto write = [](const std::string& path, auto put) {
    std::FILE* file = std::fopen(path.c_str(), "w");
    TOCSIN_CHECK(file != nullptr && put(file) == 1, path);
    std::fclose(file);
  };
  write(certificate_file_, [&](std::FILE* file) { return PEM_write_X509(file, certificate.get()); });
  write(key_file_,
        [&](std::FILE* file) { return PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
}

SSL_CTX* Certificate::NewServerContext() const {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  TOCSIN_CHECK(context != nullptr, "openssl");
  TOCSIN_CHECK(SSL_CTX_use_certificate_chain_file(context, certificate_file_.c_str()) == 1, certificate_file_);
  TOCSIN_CHECK(SSL_CTX_use_PrivateKey_file(context, key_file_.c_str(), SSL_FILETYPE_PEM) == 1, key_file_);
  return context;
}

}  // namespace tocsin
