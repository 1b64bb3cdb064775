#include "net/tls.h"

#include <algorithm>
#include <array>
#include <utility>

#include <arpa/inet.h>
#include <boost/asio/ssl/context.hpp>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/log.h"
#include "base/small_file.h"
#include "base/status.h"

namespace tocsin {
namespace {

constexpr std::size_t kFileBytes =
    1 << 20U;  // of a file of certificates; a large authority's bundle has a quarter of it
constexpr int kHandshakeTurns = 32;
constexpr std::string_view kProbe = "tocsin-probe";  // stands for any name under a wildcard

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using RevocationList = std::unique_ptr<X509_CRL, Freer<X509_CRL_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Bio = std::unique_ptr<BIO, Freer<BIO_free_all>>;
using Context = std::unique_ptr<SSL_CTX, Freer<SSL_CTX_free>>;
using Session = std::unique_ptr<SSL, Freer<SSL_free>>;

// What OpenSSL says last, and nothing of it for whoever comes next.
std::string LastError() {
  std::array<char, 256> text{};
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  if (code == 0) return "no reason given";
  ERR_error_string_n(code, text.data(), text.size());
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : text.data();
}

Bio MemoryOf(std::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Asked for a password, OpenSSL would ask the terminal.
int NoPassword(char*, int, int, void*) {
  return 0;
}

template <typename Pointer, auto Read>
std::vector<Pointer> ReadAll(std::string_view text) {
  std::vector<Pointer> all;
  const Bio bio = MemoryOf(text);
  while (auto* one = Read(bio.get(), nullptr, NoPassword, nullptr))
    all.emplace_back(one);
  ERR_clear_error();
  return all;
}

std::vector<Certificate> ReadCertificates(std::string_view text) {
  return ReadAll<Certificate, PEM_read_bio_X509>(text);
}

absl::Time TimeOf(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return absl::InfinitePast();
  return absl::FromTM(parts, absl::UTCTimeZone());
}

std::string AddressText(const ASN1_OCTET_STRING& bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = ASN1_STRING_length(&bytes) == 4 ? AF_INET : AF_INET6;
  if (family == AF_INET6 && ASN1_STRING_length(&bytes) != 16) return "";
  return inet_ntop(family, ASN1_STRING_get0_data(&bytes), text.data(), text.size()) == nullptr ? "" : text.data();
}

// The host names and addresses that a certificate is for.
std::vector<std::string> NamesOf(const X509& certificate) {
  std::vector<std::string> names;
  const std::unique_ptr<GENERAL_NAMES, Freer<GENERAL_NAMES_free>> all(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; all && i < sk_GENERAL_NAME_num(all.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(all.get(), i);
    std::string text;
    if (name->type == GEN_DNS) {
      text.assign(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                  static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
    } else if (name->type == GEN_IPADD) {
      text = AddressText(*name->d.iPAddress);
    }
    if (!text.empty()) names.push_back(std::move(text));
  }
  return names;
}

bool IsAddress(const std::string& name) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return inet_pton(AF_INET, name.c_str(), bytes.data()) == 1 || inet_pton(AF_INET6, name.c_str(), bytes.data()) == 1;
}

// Moves what one side has written to the other one.
void Carry(SSL* from, SSL* to) {
  std::array<char, 4096> bytes{};
  for (int n = 0; (n = BIO_read(SSL_get_wbio(from), bytes.data(), bytes.size())) > 0;)
    BIO_write(SSL_get_rbio(to), bytes.data(), n);
}

Session MakeSession(SSL_CTX* context) {
  Session session(SSL_new(context));
  if (session) SSL_set_bio(session.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  return session;
}

absl::Status ReadOne(const std::string& path, std::string_view what, std::string& text) {
  if (path.empty()) return absl::OkStatus();
  absl::StatusOr<std::string> read = ReadSmallFile(path, kFileBytes);
  if (!read.ok()) return Invalid("%s %s", what, Message(read.status()));
  text = *std::move(read);
  return absl::OkStatus();
}

constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";  // of TLS 1.2; all of 1.3 are good

using Revoked = std::vector<RevocationList>;

bool IsIn(const Revoked& revoked, const X509* certificate) {
  return std::ranges::any_of(revoked, [&](const RevocationList& list) {
    if (X509_NAME_cmp(X509_CRL_get_issuer(list.get()), X509_get_issuer_name(certificate)) != 0) return false;
    X509_REVOKED* entry = nullptr;
    return X509_CRL_get0_by_serial(list.get(), &entry, X509_get0_serialNumber(certificate)) == 1;
  });
}

// A context owns what its connections are judged by: these may outlive the identity that they began with.
void FreeRevoked(void*, void* revoked, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<std::shared_ptr<const Revoked>*>(revoked);
}
int RevokedIndex() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, FreeRevoked);
  return index;
}

// Both doors use one context, so a session says of itself which it is for.
int Http2Index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

int ChooseProtocol(SSL* session,
                   const unsigned char** chosen,
                   unsigned char* chosen_size,
                   const unsigned char* offered,
                   unsigned int offered_size,
                   void*) {
  if (SSL_get_ex_data(session, Http2Index()) == nullptr) return SSL_TLSEXT_ERR_NOACK;
  static constexpr std::array<unsigned char, 3> kHttp2 = {2, 'h', '2'};
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, chosen_size, kHttp2.data(), kHttp2.size(), offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

int CheckClient(int is_good, X509_STORE_CTX* store) {
  if (is_good != 1 || X509_STORE_CTX_get_error_depth(store) != 0) return is_good;
  const auto* session =
      static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  const auto* revoked =
      static_cast<const std::shared_ptr<const Revoked>*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(session), RevokedIndex()));
  if (!IsIn(**revoked, X509_STORE_CTX_get_current_cert(store))) return 1;
  X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REVOKED);
  return 0;
}

}  // namespace

struct TlsIdentity::Parts {
  std::vector<Certificate> chain;  // the server's own first
  std::vector<Certificate> client_ca;
  std::shared_ptr<const Revoked> revoked = std::make_shared<const Revoked>();
  Key key;

  absl::Status Read(const TlsFiles& files, const TlsTexts& texts);
  absl::Status ReadClients(const TlsFiles& files, const TlsTexts& texts);
  absl::StatusOr<std::shared_ptr<boost::asio::ssl::context>> MakeContext(const TlsFiles& files) const;
};

absl::Status TlsIdentity::Parts::Read(const TlsFiles& files, const TlsTexts& texts) {
  if (!texts.unreadable.empty()) return absl::InvalidArgumentError(texts.unreadable);
  chain = ReadCertificates(texts.certificate);
  if (chain.empty()) return Invalid("certificate %s holds no certificate (PEM)", files.certificate);
  const Bio bio = MemoryOf(texts.key);
  key.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassword, nullptr));
  if (!key) return Invalid("key %s holds no key without a password (PEM): %s", files.key, LastError());
  if (X509_check_private_key(chain.front().get(), key.get()) != 1) {
    ERR_clear_error();
    return Invalid("key %s does not belong to certificate %s: put the two that were made together there", files.key,
                   files.certificate);
  }
  for (std::size_t i = 0; i + 1 < chain.size(); ++i) {
    X509* const issuer = chain[i + 1].get();
    const bool is_issued = X509_check_issued(issuer, chain[i].get()) == X509_V_OK &&
                           X509_verify(chain[i].get(), X509_get0_pubkey(issuer)) == 1;
    ERR_clear_error();
    if (is_issued) continue;
    return Invalid("certificate %s: its chain is broken: certificate %d in it was not issued by the one after it",
                   files.certificate, i + 1);
  }
  return ReadClients(files, texts);
}

absl::Status TlsIdentity::Parts::ReadClients(const TlsFiles& files, const TlsTexts& texts) {
  client_ca = ReadCertificates(texts.client_ca);
  if (!files.client_ca.empty() && client_ca.empty()) {
    return Invalid("client authority %s holds no certificate (PEM): no client could come in", files.client_ca);
  }
  revoked = std::make_shared<const Revoked>(ReadAll<RevocationList, PEM_read_bio_X509_CRL>(texts.client_crl));
  if (!files.client_crl.empty() && revoked->empty())
    return Invalid("%s holds no revocation list (PEM)", files.client_crl);
  for (const RevocationList& list : *revoked) {
    const bool is_signed = std::ranges::any_of(client_ca, [&](const Certificate& authority) {
      return X509_NAME_cmp(X509_CRL_get_issuer(list.get()), X509_get_subject_name(authority.get())) == 0 &&
             X509_CRL_verify(list.get(), X509_get0_pubkey(authority.get())) == 1;
    });
    ERR_clear_error();
    if (!is_signed) return Invalid("revocation list %s is signed by nobody in %s", files.client_crl, files.client_ca);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<boost::asio::ssl::context>> TlsIdentity::Parts::MakeContext(
    const TlsFiles& files) const {
  const Context made(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* const context = made.get();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context, kCiphers);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(context, ChooseProtocol, nullptr);
  if (SSL_CTX_use_certificate(context, chain.front().get()) != 1 || SSL_CTX_use_PrivateKey(context, key.get()) != 1)
    return Invalid("certificate %s cannot be used: %s", files.certificate, LastError());
  for (std::size_t i = 1; i < chain.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context, chain[i].get()) != 1)
      return Invalid("certificate %s: certificate %d in it cannot be used: %s", files.certificate, i + 1, LastError());
  }
  if (!client_ca.empty()) {
    for (const Certificate& authority : client_ca) {
      X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority.get());
      SSL_CTX_add_client_CA(context, authority.get());
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, CheckClient);
    SSL_CTX_set_ex_data(context, RevokedIndex(), std::make_unique<std::shared_ptr<const Revoked>>(revoked).release());
    // A session that goes on would not be checked against what has been revoked since.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context, 0);
  }
  SSL_CTX_up_ref(context);  // Asio's owns one of its own
  return std::make_shared<boost::asio::ssl::context>(context);
}

void AskForHttp2(ssl_st* session) {
  static char is_asked = 1;
  SSL_set_ex_data(session, Http2Index(), &is_asked);
}

TlsTexts ReadTexts(const TlsFiles& files) {
  TlsTexts texts;
  const absl::Status statuses[] = {ReadOne(files.certificate, "certificate", texts.certificate),
                                   ReadOne(files.key, "key", texts.key),
                                   ReadOne(files.client_ca, "client authority", texts.client_ca),
                                   ReadOne(files.client_crl, "revocation list", texts.client_crl)};
  for (const absl::Status& status : statuses) {
    if (!status.ok() && texts.unreadable.empty()) texts.unreadable = Message(status);
  }
  return texts;
}

TlsIdentity::TlsIdentity() : parts_(std::make_unique<Parts>()) {}
TlsIdentity::~TlsIdentity() = default;

absl::StatusOr<std::shared_ptr<const TlsIdentity>> TlsIdentity::Make(const TlsFiles& files,
                                                                     TlsTexts texts,
                                                                     absl::Time now,
                                                                     bool at_start) {
  const std::shared_ptr<TlsIdentity> made(new TlsIdentity());
  made->texts_ = std::move(texts);
  TOCSIN_TRY(made->parts_->Read(files, made->texts_));
  made->valid_from_ = absl::InfinitePast();
  made->valid_until_ = absl::InfiniteFuture();
  for (const Certificate& each : made->parts_->chain) {
    made->valid_from_ = std::max(made->valid_from_, TimeOf(X509_get0_notBefore(each.get())));
    made->valid_until_ = std::min(made->valid_until_, TimeOf(X509_get0_notAfter(each.get())));
  }
  made->names_ = NamesOf(*made->parts_->chain.front());
  const std::string utc =
      absl::FormatTime(made->valid_until_ <= now ? made->valid_until_ : made->valid_from_, absl::UTCTimeZone());
  if (made->valid_until_ <= now && !at_start)
    return Invalid("certificate %s ran out at %s: renew it, or set this machine's clock", files.certificate, utc);
  if (made->valid_from_ > now && !at_start)
    return Invalid("certificate %s is not valid before %s: wait, or set this machine's clock", files.certificate, utc);
  TOCSIN_ASSIGN(made->context_, made->parts_->MakeContext(files));
  const bool is_valid = made->valid_from_ <= now && now < made->valid_until_;
  if (is_valid) TOCSIN_TRY(Annotate(made->ShakeHands(""), "certificate " + files.certificate));
  return made;
}

absl::Status TlsIdentity::ShakeHands(const std::string& name) const {
  const Context client_context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_verify(client_context.get(), SSL_VERIFY_PEER, nullptr);
  X509_STORE_add_cert(SSL_CTX_get_cert_store(client_context.get()), parts_->chain.back().get());
  X509_STORE_set_flags(SSL_CTX_get_cert_store(client_context.get()), X509_V_FLAG_PARTIAL_CHAIN);
  const Session client = MakeSession(client_context.get());
  const Session server = MakeSession(context_->native_handle());
  if (!client || !server) return Unavailable("OpenSSL: %s", LastError());
  SSL_set_verify(server.get(), SSL_VERIFY_NONE, nullptr);  // this client has none
  std::string asked = name.starts_with("*.") ? std::string(kProbe) + name.substr(1) : name;
  if (IsAddress(asked)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(client.get()), asked.c_str());
  } else if (!asked.empty()) {
    // SSL_set_tlsext_host_name, without its cast.
    SSL_ctrl(client.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, asked.data());
    SSL_set1_host(client.get(), asked.c_str());
  }
  SSL_set_connect_state(client.get());
  SSL_set_accept_state(server.get());
  bool is_done = false;
  for (int turn = 0; turn < kHandshakeTurns && !is_done; ++turn) {
    const int asking = SSL_do_handshake(client.get());
    Carry(client.get(), server.get());
    const int answering = SSL_do_handshake(server.get());
    Carry(server.get(), client.get());
    is_done = asking == 1 && answering == 1;
  }
  const long verdict = SSL_get_verify_result(client.get());
  const std::string error = LastError();
  if (verdict != X509_V_OK) {
    return Invalid("a client that asks for %s would not be content: %s", asked.empty() ? "it" : name,
                   X509_verify_cert_error_string(verdict));
  }
  return is_done ? absl::OkStatus() : Invalid("no client could shake hands: %s", error);
}

bool TlsIdentity::IsRevoked(std::string_view certificate) const {
  if (parts_->revoked->empty()) return false;
  const std::vector<Certificate> read = ReadCertificates(certificate);
  return read.empty() || IsIn(*parts_->revoked, read.front().get());
}

absl::StatusOr<std::shared_ptr<TlsKeeper>> TlsKeeper::Open(TlsFiles files, absl::Time now) {
  const std::shared_ptr<TlsKeeper> keeper(new TlsKeeper(std::move(files)));
  TOCSIN_ASSIGN(const std::shared_ptr<const TlsIdentity> first,
                TlsIdentity::Make(keeper->files_, ReadTexts(keeper->files_), now, /*at_start=*/true));
  if (now < first->valid_from() || now >= first->valid_until()) {
    LogError("the certificate is not valid now: clients will refuse it until another one stands in its file",
             {
                 {"file",  keeper->files_.certificate},
                 {"from",  first->valid_from()       },
                 {"until", first->valid_until()      }
    });
  }
  const MutexLock lock(keeper->mutex_);
  keeper->current_ = first;
  keeper->statistics_.valid_until = first->valid_until();
  return keeper;
}

std::shared_ptr<const TlsIdentity> TlsKeeper::current() const {
  const MutexLock lock(mutex_);
  return current_;
}

TlsKeeper::Statistics TlsKeeper::ReadStatistics() const {
  const MutexLock lock(mutex_);
  return statistics_;
}

absl::Status TlsKeeper::Take(const TlsTexts& texts, absl::Time now) {
  const std::shared_ptr<const TlsIdentity> old = current();
  if (texts != old->texts()) {
    TOCSIN_ASSIGN(const std::shared_ptr<const TlsIdentity> wanted,
                  TlsIdentity::Make(files_, texts, now, /*at_start=*/false));
    for (const std::string& name : old->names()) {
      if (const absl::Status lost = wanted->ShakeHands(name); !lost.ok()) {
        return Invalid(
            "certificate %s no longer serves %s, which the one in use does: %s; get one with this name, or restart the "
            "server when nobody needs it any more",
            files_.certificate, name, Message(lost));
      }
    }
    LogInfo("the certificate was read again and is in use for new connections",
            {
                {"file",  files_.certificate   },
                {"until", wanted->valid_until()}
    });
    const MutexLock lock(mutex_);
    current_ = wanted;
    statistics_.valid_until = wanted->valid_until();
    ++statistics_.taken;
  }
  bad_ = {};
  is_told_ = false;
  const MutexLock lock(mutex_);
  statistics_.refuses = false;
  return absl::OkStatus();
}

void TlsKeeper::Refuse(const TlsTexts& texts, const absl::Status& why) {
  bad_ = texts;
  is_told_ = true;
  LogError(
      "what stands in the files of the certificate is refused; the one before it stays in use: put a good pair there, "
      "it is "
      "read again by itself",
      {
          {"why",        Message(why)            },
          {"used_until", current()->valid_until()}
  });
  const MutexLock lock(mutex_);
  ++statistics_.refused;
  statistics_.refuses = true;
}

void TlsKeeper::Look(absl::Time now) {
  const TlsTexts texts = ReadTexts(files_);
  const absl::Status taken = Take(texts, now);
  if (taken.ok()) return;
  if (texts != bad_) {
    bad_ = texts;
    is_told_ = false;
  } else if (!is_told_) {
    Refuse(texts, taken);
  }
}

absl::Status TlsKeeper::Reload(absl::Time now) {
  const TlsTexts texts = ReadTexts(files_);
  const absl::Status taken = Take(texts, now);
  if (!taken.ok()) Refuse(texts, taken);
  return taken;
}

}  // namespace tocsin
