// What strangers send to the media socket, in any pieces: the decoder must not read outside its buffer, must give the
// same events however the bytes are cut, and must hold its limits.
#include <cstdlib>
#include <string>
#include <vector>

#include "core/utf8.h"
#include "net/ws_frame.h"

namespace {

using al::net::WsDecoder;
using al::net::WsEvent;

constexpr WsDecoder::Limits kLimits{4'096, false};

struct Outcome {
  std::string events;
  int violation = 0;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

void require(bool condition) {
  if (!condition) std::abort();
}

// Feeds the bytes in pieces of `piece`, keeping what is incomplete, as a session does.
Outcome decode(const std::uint8_t* data, std::size_t size, std::size_t piece) {
  WsDecoder decoder(kLimits);
  Outcome outcome;
  std::vector<std::uint8_t> kept;
  for (std::size_t at = 0; at < size && outcome.violation == 0; at += piece) {
    kept.insert(kept.end(), data + at, data + std::min(size, at + piece));
    std::vector<std::uint8_t> exact = kept;  // its own allocation, so that a read past the end is seen
    std::size_t consumed = 0;
    while (const std::optional<WsEvent> event = decoder.next(exact, consumed)) {
      require(event->payload.size() <= kLimits.max_message);
      require(event->opcode != al::net::WsOpcode::kText || al::is_valid_utf8(event->payload));
      outcome.events += std::to_string(static_cast<int>(event->opcode)) + ":" + std::to_string(event->close_code) + ":";
      outcome.events.append(event->payload).append("\n");
    }
    require(consumed <= exact.size());
    if (decoder.violation()) {
      outcome.violation = decoder.violation()->close_code;
      require(al::net::is_valid_close_code(decoder.violation()->close_code));
    }
    kept.erase(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(consumed));
    require(outcome.violation != 0 || kept.size() <= kLimits.max_message + 14 + piece);
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 20'000) return 0;
  const Outcome whole = decode(data, size, std::max<std::size_t>(size, 1));
  require(decode(data, size, 1) == whole);
  require(decode(data, size, 7) == whole);
  require(decode(data, size, 1'460) == whole);
  return 0;
}
