// The one-time token that ties a media socket to a call we answered: `ver.exp.nonce.mac`, handed out in the TwiML as a
// <Parameter>, checked in `start`. The MAC covers account and call, so a token is worth nothing elsewhere.
// Single use is the caller's business: NonceLedger for one process, the store for several nodes.
// Pure (time and randomness are passed in) and thread-safe, except NonceLedger.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/time.h"

namespace al::twilio {

inline constexpr seconds kStreamTokenLife{60};

enum class StreamTokenKind {
  kCall,
  kPreview,  // from the preview route: refused by the socket
};

struct StreamTokenRequest {
  std::string_view account_sid;
  std::string_view call_sid;
  StreamTokenKind kind = StreamTokenKind::kCall;
  WallTime now;
  std::array<std::uint8_t, 16> nonce{};  // fresh random bytes, from a generator fit for secrets
  seconds life = kStreamTokenLife;
};
// `key`: any secret text of 16 bytes or more, the same on every node.
[[nodiscard]] std::string mint_stream_token(std::string_view key, const StreamTokenRequest& request);

struct StreamTokenClaims {
  StreamTokenKind kind = StreamTokenKind::kCall;
  WallTime expires;
  std::string nonce;  // base64url; the key under which its use is remembered
};
// Errors: kMalformed (not such a token), kRejected (not ours, or of another call or account), kTimeout (expired; `skew`
// widens the limit for nodes whose clocks differ). The MAC is checked before anything else is believed.
[[nodiscard]] Result<StreamTokenClaims> check_stream_token(std::string_view key, std::string_view token,
                                                           std::string_view account_sid, std::string_view call_sid,
                                                           WallTime now, seconds skew = seconds{0});

// Which tokens were used. Bounded: a full ledger forgets expired ones and otherwise refuses. Not thread-safe.
class NonceLedger {
 public:
  explicit NonceLedger(std::size_t capacity = 100'000) : capacity_(capacity) {}
  // True for the first use of a nonce.
  [[nodiscard]] bool use(const StreamTokenClaims& claims, WallTime now);
  [[nodiscard]] std::size_t size() const { return used_.size(); }

 private:
  std::size_t capacity_;
  std::map<std::string, WallTime, std::less<>> used_;
};

}  // namespace al::twilio
