// What a command shows a server that asks for a client's certificate (`tocsin serve --tls_client_ca`).
#pragma once

#include <string>

namespace tocsin {

// What stands in the PEM files that $TOCSIN_CERT and $TOCSIN_CERT_KEY name, or "".
struct OwnCertificate {
  std::string certificate;
  std::string key;
};
OwnCertificate ReadOwnCertificate();

}  // namespace tocsin
