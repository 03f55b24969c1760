#include "providers/fakes/test_keys.h"

#include <memory>

#include <nlohmann/json.hpp>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "core/json.h"

namespace al::providers {
namespace {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Bio = std::unique_ptr<BIO, Deleter<BIO_free_all>>;

// One key a process: making one takes a tenth of a second.
EVP_PKEY* process_key() {
  constexpr unsigned int kBits = 2048;
  static const Key key{EVP_RSA_gen(kBits)};
  return key.get();
}

std::string read_all(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

std::string private_pem(EVP_PKEY* key) {
  const Bio bio{BIO_new(BIO_s_mem())};
  PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return read_all(bio.get());
}

void add_extension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>> extension{
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str())};
  X509_add_ext(certificate, extension.get(), -1);
}

}  // namespace

TestServiceAccount make_test_service_account(const std::string& token_uri) {
  EVP_PKEY* key = process_key();
  const Bio bio{BIO_new(BIO_s_mem())};
  PEM_write_bio_PUBKEY(bio.get(), key);
  const nlohmann::json file = {{"type", "service_account"},
                               {"project_id", "test-project"},
                               {"private_key_id", "0f1e2d3c"},
                               {"private_key", private_pem(key)},
                               {"client_email", "agent@test-project.iam.gserviceaccount.com"},
                               {"client_id", "117"},
                               {"token_uri", token_uri.empty() ? "https://oauth2.googleapis.com/token" : token_uri}};
  return {.json = dump_json(file), .public_key_pem = read_all(bio.get())};
}

TestCertificate make_test_certificate(const std::string& name) {
  constexpr long kDaySeconds = 86400;
  EVP_PKEY* key = process_key();
  const std::unique_ptr<X509, Deleter<X509_free>> certificate{X509_new()};
  X509_set_version(certificate.get(), 2);  // version 3
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -kDaySeconds);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kDaySeconds);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                             0);
  X509_set_issuer_name(certificate.get(), subject);
  add_extension(certificate.get(), NID_subject_alt_name, "DNS:localhost,DNS:" + name + ",IP:127.0.0.1");
  add_extension(certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
  X509_sign(certificate.get(), key, EVP_sha256());
  const Bio bio{BIO_new(BIO_s_mem())};
  PEM_write_bio_X509(bio.get(), certificate.get());
  return {.certificate_pem = read_all(bio.get()), .private_key_pem = private_pem(key)};
}

}  // namespace al::providers
