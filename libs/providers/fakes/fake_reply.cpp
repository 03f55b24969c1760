#include "providers/fakes/fake_reply.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/utf8.h"

namespace al::providers {
namespace {

constexpr Duration kForever = seconds{3600};
constexpr Duration kDripGap = milliseconds{200};
constexpr Duration kLateBy = seconds{3};

bool send_pieces(RawConnection& connection, const std::vector<TimedPiece>& pieces) {
  for (const TimedPiece& piece : pieces) {
    if (!connection.wait(piece.before) || !send_chunk(connection, piece.bytes)) return false;
  }
  return send_last_chunk(connection);
}

std::string joined(const std::vector<TimedPiece>& pieces) {
  std::string all;
  for (const TimedPiece& piece : pieces) all += piece.bytes;
  return all;
}

void refuse(RawConnection& connection, int status, const std::string& body, const net::HttpHeaders& extra = {}) {
  net::HttpHeaders headers{{"Content-Type", "application/json"}};
  headers.insert(headers.end(), extra.begin(), extra.end());
  send_response(connection, status, headers, body);
}

void drip(RawConnection& connection, const std::string& body) {
  for (const char c : body) {
    if (!connection.wait(kDripGap) || !send_chunk(connection, std::string(1, c))) return;
  }
  send_last_chunk(connection);
}

void split_oddly(RawConnection& connection, const std::string& body) {
  constexpr std::size_t kSizes[] = {1, 2, 3, 5, 7};
  std::size_t turn = 0;
  for (std::size_t at = 0; at < body.size();) {
    const std::size_t size = kSizes[turn++ % std::size(kSizes)];
    if (!send_chunk(connection, std::string_view(body).substr(at, size))) return;
    at += size;
  }
  send_last_chunk(connection);
}

void flood(RawConnection& connection, const std::string& piece) {
  while (connection.wait(milliseconds{2}) && send_chunk(connection, piece)) {
  }
}

}  // namespace

void play_reply(RawConnection& connection, const FakeReply& reply, Fault fault) {
  const Duration latency = reply.pieces.empty() ? Duration::zero() : reply.pieces.front().before;
  const std::string body = joined(reply.pieces);
  const net::HttpHeaders type{{"Content-Type", reply.content_type}};
  switch (fault) {
    case Fault::kHang:
      connection.wait(kForever);
      return connection.end();
    case Fault::kUnauthorized:
      return refuse(connection, 401, reply.refusal_401);
    case Fault::kRateLimited:
      return refuse(connection, 429, reply.refusal_429, {{"Retry-After", "1"}});
    case Fault::kServerError:
      return refuse(connection, 503, reply.refusal_503);
    case Fault::kHtmlBody:
      send_response(connection, 200, {{"Content-Type", "text/html"}},
                    "<!doctype html><html><body>Sign in</body></html>");
      return;
    default:
      break;
  }
  if (!connection.wait(fault == Fault::kLate ? kLateBy : latency)) return connection.end();
  const bool odd_type = fault == Fault::kWrongShape && !reply.wrong_shape_type.empty();
  send_chunked_head(connection, 200, odd_type ? net::HttpHeaders{{"Content-Type", reply.wrong_shape_type}} : type);
  std::vector<TimedPiece> pieces = reply.pieces;
  if (!pieces.empty()) pieces.front().before = Duration::zero();
  switch (fault) {
    case Fault::kSlowDrip:
      drip(connection, body);
      return connection.end();
    case Fault::kReset:
      send_chunk(connection, std::string_view(body).substr(0, std::max<std::size_t>(1, body.size() / 4)));
      return connection.reset();
    case Fault::kTruncated:
      connection.send("ffff\r\n" + body.substr(0, body.size() / 3));
      return connection.end();
    case Fault::kMalformed:
      send_pieces(connection, reply.malformed);
      return;
    case Fault::kEmpty:
      send_pieces(connection, reply.empty);
      return;
    case Fault::kWrongShape:
      send_pieces(connection, reply.wrong_shape);
      return;
    case Fault::kHeaderInside:
      send_pieces(connection, reply.header_inside);
      return;
    case Fault::kEndless:
      flood(connection, reply.endless);
      return connection.end();
    case Fault::kMidStreamError:
      send_pieces(connection, reply.mid_stream_error);
      return;
    case Fault::kOddSplit:
      split_oddly(connection, body);
      return;
    default:
      if (!send_pieces(connection, pieces)) connection.end();
  }
}

std::vector<std::int16_t> fake_speech(std::string_view text, int rate_hz) {
  constexpr double kSecondsPerCharacter = 0.065;
  constexpr double kPitchHz = 160.0;
  constexpr double kSyllableHz = 4.5;
  const auto length = static_cast<std::size_t>(static_cast<double>(std::max<std::size_t>(count_codepoints(text), 4)) *
                                               kSecondsPerCharacter * rate_hz);
  std::vector<std::int16_t> pcm(length);
  for (std::size_t i = 0; i < length; ++i) {
    const double t = static_cast<double>(i) / rate_hz;
    const double loudness = 0.55 - 0.45 * std::cos(2 * std::numbers::pi * kSyllableHz * t);
    double wave = 0;
    for (int harmonic = 1; harmonic <= 6; ++harmonic) {
      wave += std::sin(2 * std::numbers::pi * kPitchHz * harmonic * t) / harmonic;
    }
    pcm[i] = static_cast<std::int16_t>(5000.0 * loudness * wave);
  }
  return pcm;
}

}  // namespace al::providers
