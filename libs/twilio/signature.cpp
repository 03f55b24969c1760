#include "twilio/signature.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/secret.h"
#include "twilio/url_parts.h"

namespace al::twilio {
namespace {

constexpr std::size_t kSignatureLength = 28;  // base64 of 20 bytes
constexpr std::string_view kBodyHash = "bodySHA256=";

void add_candidate(std::vector<UrlCandidate>& list, std::string url, std::string rule) {
  const bool known =
      std::any_of(list.begin(), list.end(), [&](const UrlCandidate& candidate) { return candidate.url == url; });
  if (!known) list.push_back({std::move(url), std::move(rule)});
}

// The spellings of the authority: back ends of Twilio disagree about the port.
void add_ports(std::vector<UrlCandidate>& list, std::string_view url, const std::string& rule, RequestKind kind,
               bool both_default_ports) {
  const UrlParts parts = split_url(url);
  add_candidate(list, std::string(url), rule);
  if (parts.host.empty()) return;  // no authority, no port
  const std::string head(parts.scheme_and_userinfo);
  if (!parts.port.empty()) {
    add_candidate(list, head + std::string(parts.host) + std::string(parts.rest), rule + ", without port");
    return;
  }
  const std::string host = head + std::string(parts.host);
  const std::string rest(parts.rest);
  const bool secure = parts.scheme_is("https") || parts.scheme_is("wss");
  // Twilio's own libraries add :80 to everything that is not https, hence also to wss.
  const bool as_libraries = kind == RequestKind::kWebSocket || parts.scheme_is("wss");
  if (secure && (!as_libraries || both_default_ports)) add_candidate(list, host + ":443" + rest, rule + ", with :443");
  if (!secure || as_libraries) add_candidate(list, host + ":80" + rest, rule + ", with :80");
}

// Some URL libraries write an apostrophe in the query as %27 (WHATWG URL, "special-query percent-encode set").
std::string with_encoded_apostrophes(std::string_view url) {
  const std::size_t query = url.find('?');
  if (query == std::string_view::npos || url.find('\'', query) == std::string_view::npos) return {};
  std::string out(url.substr(0, query));
  for (const char c : url.substr(query)) out += c == '\'' ? std::string("%27") : std::string(1, c);
  return out;
}

std::string without_query(std::string_view url) {
  return std::string(url.substr(0, url.find('?')));
}

// The value of bodySHA256 in the query, or nullopt.
std::optional<std::string_view> body_hash_of(std::string_view url) {
  const std::size_t mark = url.find('?');
  if (mark == std::string_view::npos) return std::nullopt;
  std::string_view query = url.substr(mark + 1);
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    if (pair.starts_with(kBodyHash)) return pair.substr(kBodyHash.size());
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
  }
  return std::nullopt;
}

std::string signed_params(const FormParams* form) {
  if (form == nullptr) return {};
  // Sorted by key alone, never by key+value; the distinct values of a repeated key, sorted.
  std::map<std::string_view, std::set<std::string_view>> sorted;
  for (const FormParam& entry : form->entries()) sorted[entry.key].insert(entry.value);
  std::string text;
  for (const auto& [key, values] : sorted) {
    for (const std::string_view value : values) {
      text += key;
      text += value;
    }
  }
  return text;
}

std::string sign_text(std::string_view token, std::string_view text) {
  return base64_encode(as_bytes(hmac_sha1(token, text)));
}

SignatureVerdict refused(SignatureFault fault, std::string detail) {
  SignatureVerdict verdict;
  verdict.fault = fault;
  verdict.detail = std::move(detail);
  return verdict;
}

// What can be judged before any MAC is computed.
std::optional<SignatureVerdict> refuse_early(std::string_view header, std::span<const std::string> tokens) {
  if (header.empty()) return refused(SignatureFault::kMissingHeader, "the request carries no X-Twilio-Signature");
  const auto usable = [](const std::string& token) { return !token.empty(); };
  if (std::none_of(tokens.begin(), tokens.end(), usable)) {
    return refused(SignatureFault::kNoToken, "no auth token is configured: nothing can be checked");
  }
  const Result<std::string> raw = base64_decode(header);
  if (header.size() != kSignatureLength || !raw || raw->size() != Sha1Digest{}.size()) {
    return refused(SignatureFault::kBadHeader, "X-Twilio-Signature is not the base64 of 20 bytes");
  }
  return std::nullopt;
}

// The body that the URL signature does not cover by itself.
std::optional<SignatureVerdict> refuse_body(const SignedRequest& request, std::string_view matched_url) {
  if (!request.body) return std::nullopt;
  const auto wanted = body_hash_of(matched_url);
  if (!wanted) {
    if (request.body->empty()) return std::nullopt;
    return refused(SignatureFault::kBodyNotCovered,
                   "the URL is signed, but the body is no form and the query has no bodySHA256");
  }
  const std::string actual = to_hex(as_bytes(sha256(*request.body)));
  if (constant_time_equal(actual, *wanted)) return std::nullopt;
  return refused(SignatureFault::kBodyHash, "the URL is signed, but the body's SHA-256 is not the one in bodySHA256");
}

}  // namespace

Result<SignatureUrl> signature_url_from_text(std::string_view text) {
  if (text == "auto") return SignatureUrl::kAuto;
  if (text == "full") return SignatureUrl::kFull;
  if (text == "no_query") return SignatureUrl::kNoQuery;
  return fail(Errc::kMalformed, "'" + std::string(text) + "' is none of auto, full, no_query");
}

std::string_view to_string(SignatureFault fault) {
  switch (fault) {
    case SignatureFault::kNone:
      return "none";
    case SignatureFault::kMissingHeader:
      return "missing_header";
    case SignatureFault::kBadHeader:
      return "bad_header";
    case SignatureFault::kNoToken:
      return "no_token";
    case SignatureFault::kMismatch:
      return "mismatch";
    case SignatureFault::kBodyHash:
      return "body_hash";
    case SignatureFault::kBodyNotCovered:
      return "body_not_covered";
  }
  return "unknown";
}

std::vector<UrlCandidate> signature_candidates(std::string_view url, RequestKind kind,
                                               const SignatureOptions& options) {
  url = url.substr(0, url.find('#'));  // never sent, never signed
  const bool socket = kind == RequestKind::kWebSocket;
  const bool fallbacks = socket && options.websocket_fallbacks;
  std::vector<UrlCandidate> list;
  if (options.url != SignatureUrl::kNoQuery) {
    add_ports(list, url, "as requested", kind, fallbacks);
    const std::string encoded = with_encoded_apostrophes(url);
    if (!encoded.empty()) add_ports(list, encoded, "with ' as %27", kind, fallbacks);
  }
  const bool has_query = url.find('?') != std::string_view::npos;
  if (options.url == SignatureUrl::kNoQuery || (options.url == SignatureUrl::kAuto && has_query)) {
    add_ports(list, without_query(url), "without query", kind, fallbacks);
  }
  if (fallbacks) {
    const std::vector<UrlCandidate> so_far = list;
    for (const UrlCandidate& candidate : so_far) {
      add_candidate(list, candidate.url + "/", candidate.rule + ", with '/' appended");
    }
  }
  if (socket && options.websocket_as_https && (url.starts_with("wss://") || url.starts_with("ws://"))) {
    const std::string plain = "http" + std::string(url.substr(2));
    add_ports(list, plain, "as http(s)", RequestKind::kWebhook, false);
  }
  return list;
}

std::string signed_text(std::string_view url, const FormParams* form) {
  return std::string(url) + signed_params(form);
}

std::string compute_signature(std::string_view token, std::string_view url, const FormParams* form) {
  return sign_text(token, signed_text(url, form));
}

SignatureVerdict verify_signature(const SignedRequest& request, std::string_view header,
                                  std::span<const std::string> tokens, const SignatureOptions& options) {
  if (auto early = refuse_early(header, tokens)) return *early;
  const std::string params = signed_params(request.form);
  const auto candidates = signature_candidates(request.url, request.kind, options);
  for (std::size_t index = 0; index < tokens.size(); ++index) {
    if (tokens[index].empty()) continue;
    for (const UrlCandidate& candidate : candidates) {
      if (!constant_time_equal(sign_text(tokens[index], candidate.url + params), header)) continue;
      if (auto wrong_body = refuse_body(request, candidate.url)) return *wrong_body;
      SignatureVerdict verdict;
      verdict.ok = true;
      verdict.matched_url = candidate.url;
      verdict.matched_rule = candidate.rule;
      verdict.token_index = index;
      return verdict;
    }
  }
  return refused(SignatureFault::kMismatch, "none of " + std::to_string(candidates.size()) + " spellings of " +
                                                std::string(request.url) + " gives this signature with any of " +
                                                std::to_string(tokens.size()) + " auth tokens");
}

SignatureExplanation explain_signature(const SignedRequest& request, std::string_view header,
                                       std::span<const std::string> tokens, const SignatureOptions& options) {
  SignatureExplanation explanation;
  explanation.verdict = verify_signature(request, header, tokens, options);
  explanation.signed_params = signed_params(request.form);
  for (std::size_t index = 0; index < tokens.size(); ++index) {
    for (const UrlCandidate& candidate : signature_candidates(request.url, request.kind, options)) {
      SignatureTrial trial;
      trial.candidate = candidate;
      trial.token_index = index;
      trial.signature = sign_text(tokens[index], candidate.url + explanation.signed_params);
      trial.matches = constant_time_equal(trial.signature, header);
      explanation.trials.push_back(std::move(trial));
    }
  }
  return explanation;
}

std::string first_difference(std::string_view a, std::string_view b) {
  if (a == b) return {};
  const auto [left, right] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  const auto at = static_cast<std::size_t>(left - a.begin());
  constexpr std::size_t kBefore = 12;
  constexpr std::size_t kAfter = 16;
  const std::size_t from = at < kBefore ? 0 : at - kBefore;
  const auto around = [&](std::string_view text) {
    std::string part(text.substr(std::min(from, text.size()), at - from + kAfter));
    return (from > 0 ? "…" : "") + part + (from + part.size() < text.size() ? "…" : "");
  };
  static_cast<void>(right);
  return "position " + std::to_string(at) + ": '" + around(a) + "' against '" + around(b) + "'";
}

}  // namespace al::twilio
