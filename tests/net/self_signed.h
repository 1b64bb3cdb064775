// A certificate for 127.0.0.1 that nobody has signed, made on the spot.
#pragma once

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/status.h"

namespace tocsin {

struct SelfSigned {
  std::string certificate;  // PEM
  std::string key;          // PEM
};

struct SelfSignedOptions {
  const char* names = "IP:127.0.0.1";
  long from = -3600;  // seconds from now
  long until = 3600;
};

inline SelfSigned MakeSelfSigned(const SelfSignedOptions& options = {}) {
  const auto free_bio = [](BIO* bio) { BIO_free(bio); };
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
  TOCSIN_CHECK(key && certificate, "openssl");
  X509* const x = certificate.get();
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
  X509_gmtime_adj(X509_getm_notBefore(x), options.from);
  X509_gmtime_adj(X509_getm_notAfter(x), options.until);
  X509_set_pubkey(x, key.get());
  X509_NAME* const name = X509_get_subject_name(x);
  const auto* common = reinterpret_cast<const unsigned char*>("127.0.0.1");
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common, -1, -1, 0);
  X509_set_issuer_name(x, name);
  X509_EXTENSION* const address = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, options.names);
  X509_add_ext(x, address, -1);
  X509_EXTENSION_free(address);
  X509_sign(x, key.get(), EVP_sha256());
  const auto pem = [&](auto write) {
    const std::unique_ptr<BIO, decltype(free_bio)> bio(BIO_new(BIO_s_mem()), free_bio);
    write(bio.get());
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &bytes);
    return std::string(bytes, static_cast<std::size_t>(size));
  };
  return {
      .certificate = pem([&](BIO* bio) { PEM_write_bio_X509(bio, x); }),
      .key = pem([&](BIO* bio) { PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr); })};
}

}  // namespace tocsin
