#include "twilio/stream_token.h"

#include <charconv>
#include <vector>

#include "core/secret.h"
#include "core/text.h"

namespace al::twilio {
namespace {

constexpr std::string_view kCallVersion = "1";
constexpr std::string_view kPreviewVersion = "1p";
constexpr std::size_t kNonceBytes = 16;
constexpr std::size_t kMaxToken = 160;

std::string mac_of(std::string_view key, std::string_view head, std::string_view account, std::string_view call) {
  // Lengths are written out, so that no two different (account, call) pairs give one text.
  std::string text = "agent-stream-token\n" + std::string(head) + "\n";
  text += std::to_string(account.size()) + ":" + std::string(account);
  text += std::to_string(call.size()) + ":" + std::string(call);
  return base64url_encode(as_bytes(hmac_sha256(key, text)));
}

}  // namespace

std::string mint_stream_token(std::string_view key, const StreamTokenRequest& request) {
  const auto expires = std::chrono::floor<seconds>(request.now + request.life).time_since_epoch().count();
  std::string head(request.kind == StreamTokenKind::kPreview ? kPreviewVersion : kCallVersion);
  head += "." + std::to_string(expires) + ".";
  head += base64url_encode({reinterpret_cast<const char*>(request.nonce.data()), request.nonce.size()});
  return head + "." + mac_of(key, head, request.account_sid, request.call_sid);
}

Result<StreamTokenClaims> check_stream_token(std::string_view key, std::string_view token, std::string_view account_sid,
                                             std::string_view call_sid, WallTime now, seconds skew) {
  if (token.empty()) return fail(Errc::kMalformed, "stream token: none given");
  const std::vector<std::string_view> parts = split(token, '.');
  if (token.size() > kMaxToken || parts.size() != 4) return fail(Errc::kMalformed, "stream token: not of our making");
  const std::string_view head = token.substr(0, token.size() - parts[3].size() - 1);
  if (!constant_time_equal(mac_of(key, head, account_sid, call_sid), parts[3])) {
    return fail(Errc::kRejected, "stream token: not ours, or of another call or account");
  }
  // From here on the text is ours; it is still read with care, since keys outlive programs.
  StreamTokenClaims claims;
  if (parts[0] == kPreviewVersion) {
    claims.kind = StreamTokenKind::kPreview;
  } else if (parts[0] != kCallVersion) {
    return fail(Errc::kMalformed, "stream token: unknown version");
  }
  std::int64_t expires = 0;
  const auto [end, error] = std::from_chars(parts[1].data(), parts[1].data() + parts[1].size(), expires);
  const Result<std::string> nonce = base64url_decode(parts[2]);
  if (error != std::errc() || end != parts[1].data() + parts[1].size() || !nonce || nonce->size() != kNonceBytes) {
    return fail(Errc::kMalformed, "stream token: unreadable fields");
  }
  claims.expires = WallTime(seconds(expires));
  claims.nonce = std::string(parts[2]);
  if (now >= claims.expires + skew) {
    return fail(Errc::kTimeout, "stream token: expired " + std::to_string(to_ms(now - claims.expires)) + " ms ago");
  }
  return claims;
}

bool NonceLedger::use(const StreamTokenClaims& claims, WallTime now) {
  if (used_.size() >= capacity_) {
    // Remembered a little longer than they live, for checks with a skew.
    std::erase_if(used_, [&](const auto& entry) { return entry.second + kStreamTokenLife < now; });
    if (used_.size() >= capacity_) return false;
  }
  return used_.emplace(claims.nonce, claims.expires).second;
}

}  // namespace al::twilio
