// X-Twilio-Signature: who really sent this request? (Twilio: "Security", usage/security; facts of its SDK validators.)
//
// The signed text is the URL as Twilio requested it, then for form posts every key+value sorted by key in byte order
// (a repeated key: its distinct values, sorted); the MAC is HMAC-SHA1 with the account's auth token, in base64. A JSON
// body is covered by its SHA-256 in the query (bodySHA256). Back ends of Twilio disagree about the port, so several
// spellings of the authority are tried; path and query bytes are never touched.
//
// Pure and thread-safe; comparisons take constant time. A refusal says why, for the log: never send it to the client.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "twilio/form.h"

namespace al::twilio {

enum class RequestKind { kWebhook, kWebSocket };

// SIGNATURE_URL: which URL is signed. kAuto tries the full one, then the one without its query (one deployment signs
// so).
enum class SignatureUrl { kAuto, kFull, kNoQuery };
[[nodiscard]] Result<SignatureUrl> signature_url_from_text(std::string_view text);  // "auto", "full", "no_query"

struct SignatureOptions {
  SignatureUrl url = SignatureUrl::kAuto;
  // Upgrades of the media socket: also try the URL with '/' appended (documented by Twilio) and with :443.
  bool websocket_fallbacks = true;
  // Upgrades signed as https:// instead of wss://: seen nowhere, for emergencies.
  bool websocket_as_https = false;
};

// One request as it must have been signed. `url` comes from effective_url(); the views must outlive the call.
struct SignedRequest {
  std::string_view url;
  RequestKind kind = RequestKind::kWebhook;
  const FormParams* form = nullptr;      // decoded form body of a POST; null for GET, upgrades and other bodies
  std::optional<std::string_view> body;  // raw body of any other content type: checked against bodySHA256
};

// One spelling of the URL that is tried, and why.
struct UrlCandidate {
  std::string url;
  std::string rule;  // "as requested", "without port", "with :443", "without query", "with '/' appended", …
};
[[nodiscard]] std::vector<UrlCandidate> signature_candidates(std::string_view url, RequestKind kind,
                                                             const SignatureOptions& options);

enum class SignatureFault {
  kNone,
  kMissingHeader,
  kBadHeader,       // not the base64 of 20 bytes
  kNoToken,         // nothing to check against
  kMismatch,        // no candidate and no token gives this signature
  kBodyHash,        // URL signature right, body is not the one that was signed
  kBodyNotCovered,  // a body that is no form, without bodySHA256: nothing vouches for it
};
[[nodiscard]] std::string_view to_string(SignatureFault fault);

struct SignatureVerdict {
  bool ok = false;
  SignatureFault fault = SignatureFault::kNone;
  std::string matched_url;      // ok: the spelling that matched
  std::string matched_rule;     // ok: why it was tried
  std::size_t token_index = 0;  // ok: which token; more than 0 = an old or a new one during rotation
  std::string detail;           // not ok: for the log
};

// base64(HMAC-SHA1(token, url + sorted params)). `form` may be null.
[[nodiscard]] std::string compute_signature(std::string_view token, std::string_view url, const FormParams* form);
// The text that is signed: for explanations.
[[nodiscard]] std::string signed_text(std::string_view url, const FormParams* form);

[[nodiscard]] SignatureVerdict verify_signature(const SignedRequest& request, std::string_view header,
                                                std::span<const std::string> tokens,
                                                const SignatureOptions& options = {});

// What verify_signature tried, for `alctl signature explain`.
struct SignatureTrial {
  UrlCandidate candidate;
  std::size_t token_index = 0;
  std::string signature;
  bool matches = false;
};
struct SignatureExplanation {
  SignatureVerdict verdict;
  std::string signed_params;  // the sorted key+value text that follows the URL
  std::vector<SignatureTrial> trials;
};
[[nodiscard]] SignatureExplanation explain_signature(const SignedRequest& request, std::string_view header,
                                                     std::span<const std::string> tokens,
                                                     const SignatureOptions& options = {});

// Where and how two texts first differ, in words ("position 8: '…://h:443/x' against '…://h/x'"); empty when equal.
[[nodiscard]] std::string first_difference(std::string_view a, std::string_view b);

// What the server knows about how a request reached it.
struct RequestOrigin {
  std::string_view
      public_base_url;              // PUBLIC_BASE_URL, "https://agent.example.com[:port][/prefix]"; wins when not empty
  bool from_trusted_proxy = false;  // the peer's address is in the configured list: only then X-Forwarded-* count
  std::string_view forwarded_proto;  // X-Forwarded-Proto, first element used
  std::string_view forwarded_host;   // X-Forwarded-Host, first element used
  std::string_view host;             // Host header
  bool tls = false;                  // this server terminated TLS itself
};

// The URL that Twilio must have requested: origin + the raw request target, bytes untouched. http(s) becomes ws(s) for
// an upgrade; credentials and fragment are dropped, since Twilio does not sign them. Errors: kMalformed (target or
// host).
[[nodiscard]] Result<std::string> effective_url(const RequestOrigin& origin, std::string_view raw_target,
                                                RequestKind kind);

}  // namespace al::twilio
