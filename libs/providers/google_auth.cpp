#include "providers/google_auth.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include <nlohmann/json.hpp>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "core/json.h"
#include "core/secret.h"

namespace al::providers {
namespace {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Bio = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using PKey = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Digest = std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;

Bio memory_bio(std::string_view bytes) {
  return Bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

// OpenSSL would ask the terminal for the password of an encrypted key.
int no_password(char*, int, int, void*) {
  return -1;
}

PKey read_public_key(std::string_view pem) {
  if (PKey key{PEM_read_bio_PUBKEY(memory_bio(pem).get(), nullptr, no_password, nullptr)}) return key;
  const Certificate certificate{PEM_read_bio_X509(memory_bio(pem).get(), nullptr, no_password, nullptr)};
  return certificate ? PKey(X509_get_pubkey(certificate.get())) : nullptr;
}

Result<std::string> sign_rs256(std::string_view text, std::string_view private_key_pem) {
  const PKey key{PEM_read_bio_PrivateKey(memory_bio(private_key_pem).get(), nullptr, no_password, nullptr)};
  if (!key) return fail(Errc::kMalformed, "service account: private_key is not a PEM private key");
  if (EVP_PKEY_base_id(key.get()) != EVP_PKEY_RSA) {
    return fail(Errc::kMalformed, "service account: private_key is not an RSA key");
  }
  const Digest context{EVP_MD_CTX_new()};
  std::size_t size = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size()) != 1) {
    return fail(Errc::kInternal, "service account: signing failed");
  }
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes, text.size()) !=
      1) {
    return fail(Errc::kInternal, "service account: signing failed");
  }
  signature.resize(size);
  return signature;
}

std::int64_t unix_seconds(WallTime time) {
  return std::chrono::duration_cast<seconds>(time.time_since_epoch()).count();
}

}  // namespace

Result<ServiceAccountKey> parse_service_account(std::string_view text) {
  constexpr std::size_t kMaxKeyFile = std::size_t{64} << 10;
  // The parser's own message could quote the text, so it is not passed on.
  const auto document = parse_json(text, kMaxKeyFile);
  if (!document)
    return fail(Errc::kMalformed, "service account: the key is not JSON (it must be the whole key file, unchanged)");
  if (!document->is_object()) return fail(Errc::kMalformed, "service account: the key is not a JSON object");
  if (json_string(*document, "type") != "service_account") {
    return fail(Errc::kMalformed,
                "service account: 'type' is not \"service_account\" (this is another kind of credential)");
  }
  ServiceAccountKey key{.client_email = json_string(*document, "client_email"),
                        .client_id = json_string(*document, "client_id"),
                        .private_key_id = json_string(*document, "private_key_id"),
                        .private_key_pem = json_string(*document, "private_key"),
                        .token_uri = json_string(*document, "token_uri", "https://oauth2.googleapis.com/token"),
                        .project_id = json_string(*document, "project_id")};
  if (key.client_email.empty()) return fail(Errc::kMalformed, "service account: 'client_email' is missing");
  if (key.private_key_id.empty()) return fail(Errc::kMalformed, "service account: 'private_key_id' is missing");
  if (key.private_key_pem.empty()) return fail(Errc::kMalformed, "service account: 'private_key' is missing");
  if (auto probe = sign_rs256("probe", key.private_key_pem); !probe) return fail(probe.error());
  return key;
}

Result<ServiceAccountKey> load_service_account(std::string_view value_or_path) {
  const std::size_t start = value_or_path.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos)
    return fail(Errc::kNotFound, "service account: neither a key nor a path is given");
  if (value_or_path[start] == '{') return parse_service_account(value_or_path);
  std::ifstream file{std::string(value_or_path), std::ios::binary};
  if (!file) return fail(Errc::kNotFound, "service account: cannot read '" + std::string(value_or_path) + "'");
  std::ostringstream text;
  text << file.rdbuf();
  return parse_service_account(text.str());
}

Result<std::string> sign_jwt(const ServiceAccountKey& key, const JwtClaims& claims) {
  const nlohmann::json header = {{"alg", "RS256"}, {"typ", "JWT"}, {"kid", key.private_key_id}};
  const std::int64_t issued = unix_seconds(claims.issued_at);
  const std::int64_t lifetime = std::clamp<std::int64_t>(claims.lifetime.count(), 1, 3600);
  nlohmann::json payload = {{"iss", key.client_email}, {"iat", issued}, {"exp", issued + lifetime}};
  if (claims.with_subject) payload["sub"] = key.client_email;
  if (!claims.audience.empty()) payload["aud"] = claims.audience;
  if (!claims.scope.empty()) payload["scope"] = claims.scope;
  std::string token = base64url_encode(dump_json(header)) + "." + base64url_encode(dump_json(payload));
  const auto signature = sign_rs256(token, key.private_key_pem);
  if (!signature) return fail(signature.error());
  return token.append(".").append(base64url_encode(*signature));
}

Result<std::string> verify_jwt(std::string_view token, std::string_view public_key_pem) {
  const std::size_t first = token.find('.');
  const std::size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) {
    return fail(Errc::kMalformed, "token: not three parts");
  }
  const auto header = base64url_decode(token.substr(0, first));
  const auto payload = base64url_decode(token.substr(first + 1, second - first - 1));
  const auto signature = base64url_decode(token.substr(second + 1));
  if (!header || !payload || !signature) return fail(Errc::kMalformed, "token: a part is not base64url");
  const auto fields = parse_json(*header);
  if (!fields || json_string(*fields, "alg") != "RS256") return fail(Errc::kMalformed, "token: not signed with RS256");
  const PKey key = read_public_key(public_key_pem);
  if (!key) return fail(Errc::kMalformed, "token: the public key cannot be read");
  const Digest context{EVP_MD_CTX_new()};
  const std::string_view text = token.substr(0, second);
  const bool valid =
      EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
      EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature->data()), signature->size(),
                       reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
  if (!valid) return fail(Errc::kRejected, "token: the signature does not fit");
  return *payload;
}

}  // namespace al::providers
