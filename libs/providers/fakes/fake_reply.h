// A scripted HTTP answer and its sixteen ways to fail. Each fake says what its answer is; playing it, with or without a
// fault, is the same for all.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "providers/fakes/fault.h"
#include "providers/fakes/raw_server.h"

namespace al::providers {

struct TimedPiece {
  Duration before{};  // wait this long, then send
  std::string bytes;
};

struct FakeReply {
  std::string content_type;
  std::vector<TimedPiece> pieces;
  // What this provider sends when it refuses, in its own words.
  std::string refusal_401;
  std::string refusal_429;
  std::string refusal_503;
  // Bodies of the faults that look different at every provider.
  std::vector<TimedPiece> malformed;
  std::vector<TimedPiece> empty;
  std::vector<TimedPiece> wrong_shape;
  std::string wrong_shape_type;  // content type of it; empty = as usual
  std::vector<TimedPiece> header_inside;
  std::string endless;  // sent over and over
  std::vector<TimedPiece> mid_stream_error;
};

void play_reply(RawConnection& connection, const FakeReply& reply, Fault fault);

// Synthetic speech for a text: 65 ms a character, a tone whose loudness follows syllables. Mono PCM.
[[nodiscard]] std::vector<std::int16_t> fake_speech(std::string_view text, int rate_hz);

}  // namespace al::providers
