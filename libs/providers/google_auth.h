// Credentials for Google's APIs: the service-account key, signed tokens (AIP-4111) and the OAuth 2.0 JWT grant
// (RFC 7523). Keys stay inside: no Error and no log line made here holds any part of one. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/time.h"
#include "providers/http_provider.h"

namespace al::providers {

struct ServiceAccountKey {
  std::string client_email;
  std::string client_id;  // libgrpc's own credentials want it; ours do not
  std::string private_key_id;
  std::string private_key_pem;
  std::string token_uri;  // "https://oauth2.googleapis.com/token"
  std::string project_id;
};

// `text` is the JSON of a key file. kMalformed names the member that is missing or wrong, never its value.
[[nodiscard]] Result<ServiceAccountKey> parse_service_account(std::string_view text);
// `value_or_path`: the JSON itself (first character '{') or the path of a file with it. kNotFound if it cannot be read.
[[nodiscard]] Result<ServiceAccountKey> load_service_account(std::string_view value_or_path);

struct JwtClaims {
  std::string audience;  // of the service ("https://speech.googleapis.com/") or the token endpoint
  std::string scope;     // empty = none. A self-signed token has an audience or a scope, never both.
  bool with_subject = true;
  WallTime issued_at;
  seconds lifetime{3600};  // Google refuses more
};
// RS256 (RFC 7515, 7518). kMalformed if the private key cannot be read.
[[nodiscard]] Result<std::string> sign_jwt(const ServiceAccountKey& key, const JwtClaims& claims);
// Verifies an RS256 token with a PEM public key or certificate and gives its payload as JSON text. Padding is
// tolerated. For fakes and tests; our services never receive such a token.
[[nodiscard]] Result<std::string> verify_jwt(std::string_view token, std::string_view public_key_pem);

// Gives bearer tokens. One object serves all calls; concurrent requests share one refresh.
class TokenSource {
 public:
  using Done = std::function<void(Result<std::string>)>;
  virtual ~TokenSource() = default;
  // Calls `done` once with a token that is good for at least a minute: at once, from inside, when one is at hand, else
  // from the HTTP client's thread. kRejected: the credentials are refused.
  virtual void request(Done done) = 0;
  // Makes the next request() immediate if it can.
  virtual void warm_up() {}
};

using WallClock = std::function<WallTime()>;

// Always the same text: an API's own access token, or a test.
[[nodiscard]] std::unique_ptr<TokenSource> make_fixed_token_source(std::string token);
// Signs a token for `audience` and keeps it until five minutes before its end. No network.
[[nodiscard]] std::unique_ptr<TokenSource> make_self_signed_token_source(ServiceAccountKey key, std::string audience,
                                                                         WallClock clock = wall_now);
// Exchanges a signed assertion for an access token at `key.token_uri`; renews it five minutes early (or at half of a
// shorter life) without making anybody wait. Its destructor cancels an open exchange; requests that wait get kClosed.
[[nodiscard]] std::unique_ptr<TokenSource> make_exchange_token_source(ServiceAccountKey key, std::string scope,
                                                                      ProviderContext context,
                                                                      WallClock clock = wall_now);

inline constexpr std::string_view kGoogleCloudScope = "https://www.googleapis.com/auth/cloud-platform";

}  // namespace al::providers
