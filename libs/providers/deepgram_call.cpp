#include "providers/deepgram_call.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "audio/g711.h"
#include "core/log.h"

namespace al::providers {
namespace {

constexpr std::size_t kMaxOpenTurns = 4;
constexpr std::size_t kMaxText = 16 * 1024;

Duration sample_time(std::size_t samples) {
  return microseconds(static_cast<std::int64_t>(samples) * 1000 / MediaTime::kSamplesPerMs);
}

void append_words(std::string& text, std::string_view words) {
  if (words.empty() || text.size() + words.size() > kMaxText) return;
  if (!text.empty()) text.push_back(' ');
  text.append(words);
}

}  // namespace

// Forwards the socket's events as long as the call is there.
class DeepgramCall::Socket final : public net::WsClientSink {
 public:
  Socket(std::weak_ptr<DeepgramCall> call, int generation) : call_(std::move(call)), generation_(generation) {}
  void on_open(const net::WsOpened&) override {
    if (const auto call = call_.lock()) call->on_open(generation_);
  }
  void on_text(std::string_view text) override {
    if (const auto call = call_.lock()) call->on_text(generation_, text);
  }
  void on_binary(std::span<const std::uint8_t>) override {}
  void on_closed(const net::CloseInfo& info) override {
    const auto call = call_.lock();
    if (!call) return;
    call->on_lost(
        generation_,
        {.code = Errc::kClosed,
         .detail = "deepgram: closed with " + std::to_string(info.code) + " " + printable_excerpt(info.reason)},
        true);
  }
  void on_failed(const Error& error, int http_status) override {
    const auto call = call_.lock();
    if (!call) return;
    if (http_status == 0) {
      call->on_lost(generation_, {.code = error.code, .detail = "deepgram: " + error.detail},
                    error.code == Errc::kClosed);
    } else {
      call->on_lost(generation_, http_refusal("deepgram", http_status, error.detail), http_status >= 500);
    }
  }

 private:
  const std::weak_ptr<DeepgramCall> call_;
  const int generation_;
};

DeepgramCall::DeepgramCall(DeepgramOptions options, dialog::SttOptions call, ProviderContext context,
                           std::shared_ptr<dialog::SttSink> sink)
    : options_(std::move(options)), call_(std::move(call)), context_(context), outbox_(std::move(sink)) {}

void DeepgramCall::begin() {
  const std::lock_guard lock(mutex_);
  connect();
  keep_alive();
}

void DeepgramCall::start_turn(TurnId id) {
  const std::lock_guard lock(mutex_);
  if (closed_ || find(id) != nullptr) return;
  while (turns_.size() >= kMaxOpenTurns) turns_.pop_front();
  turns_.push_back({.id = id, .audio = ReplayAudio(options_.max_replay), .finals = {}, .interim = {}});
  turns_.back().begin = position_;
  if (!socket_) connect();
}

void DeepgramCall::feed(TurnId id, std::span<const std::int16_t> pcm_8k) {
  const std::lock_guard lock(mutex_);
  Turn* turn = find(id);
  if (turn == nullptr || turn->finishing) return;
  turn->audio.append(pcm_8k);
  if (socket_) send_audio(*turn, pcm_8k);
}

void DeepgramCall::finish_turn(TurnId id) {
  const std::lock_guard lock(mutex_);
  Turn* turn = find(id);
  if (turn == nullptr || turn->finishing) return;
  turn->finishing = true;
  if (socket_) socket_->send_text(kDeepgramFinalize);
  last_sent_ = context_.scheduler.now();
  // Where nothing is left to finalise, the service may say nothing: a text that ended in a pause is complete then.
  constexpr milliseconds kGrace{300};
  at(kGrace, [id](DeepgramCall& self) {
    Turn* late = self.find(id);
    if (late != nullptr && late->pause_seen && late->interim.empty()) self.complete(*late);
  });
  at(options_.final_timeout, [id](DeepgramCall& self) {
    Turn* late = self.find(id);
    if (late == nullptr) return;
    if (!late->finals.empty() || !late->interim.empty()) {
      self.complete(*late);
      return;
    }
    self.outbox_.add([id](dialog::SttSink& out) {
      out.on_failed(id, {.code = Errc::kTimeout, .detail = "deepgram: no final text in time"});
    });
    std::erase_if(self.turns_, [id](const Turn& other) { return other.id == id; });
  });
}

void DeepgramCall::cancel_turn(TurnId id) {
  const std::lock_guard lock(mutex_);
  std::erase_if(turns_, [id](const Turn& turn) { return turn.id == id; });
}

void DeepgramCall::close() {
  outbox_.close();
  std::unique_ptr<net::WebSocketClient> doomed;
  const std::lock_guard lock(mutex_);
  closed_ = true;
  turns_.clear();
  if (socket_) {
    socket_->send_text(kDeepgramClose);
    socket_->close();
  }
  doomed = std::move(socket_);
}

DeepgramCall::Turn* DeepgramCall::find(TurnId id) {
  const auto found = std::find_if(turns_.begin(), turns_.end(), [id](const Turn& turn) { return turn.id == id; });
  return found == turns_.end() ? nullptr : &*found;
}

void DeepgramCall::at(Duration delay, std::function<void(DeepgramCall&)> task) {
  context_.scheduler.at(context_.scheduler.now() + delay, [weak = weak_from_this(), task = std::move(task)] {
    const auto self = weak.lock();
    if (!self) return;
    {
      const std::lock_guard lock(self->mutex_);
      if (!self->closed_) task(*self);
    }
    self->outbox_.drain();
  });
}

// A socket is opened; whatever turns are open are sent on it from their beginning.
void DeepgramCall::connect() {
  position_ = 0;
  last_sent_ = context_.scheduler.now();
  socket_ = net::WebSocketClient::connect(context_.loop,
                                          {.url = deepgram_url(options_, call_),
                                           .headers = {{"Authorization", "Token " + options_.api_key}},
                                           .subprotocols = {},
                                           .extra_ca_file = {}},
                                          std::make_shared<Socket>(weak_from_this(), ++generation_));
  for (Turn& turn : turns_) send_turn(turn);
}

void DeepgramCall::send_turn(Turn& turn) {
  turn.begin = position_;
  turn.sent = 0;
  turn.finals.clear();
  turn.interim.clear();
  turn.pause_seen = false;
  send_audio(turn, turn.audio.from(0));
  if (turn.finishing) socket_->send_text(kDeepgramFinalize);
}

void DeepgramCall::send_audio(Turn& turn, std::span<const std::int16_t> pcm_8k) {
  constexpr std::size_t kMessageSamples = 4000;  // half a second at most, also for a replay
  std::vector<std::uint8_t> ulaw;
  while (!pcm_8k.empty()) {
    const auto piece = pcm_8k.first(std::min(pcm_8k.size(), kMessageSamples));
    ulaw.resize(piece.size());
    audio::encode_ulaw(piece, ulaw);
    socket_->send_binary(ulaw);
    position_ += piece.size();
    turn.sent += piece.size();
    pcm_8k = pcm_8k.subspan(piece.size());
  }
  last_sent_ = context_.scheduler.now();
}

void DeepgramCall::keep_alive() {
  at(options_.keep_alive / 2, [](DeepgramCall& self) {
    const Timestamp now = self.context_.scheduler.now();
    if (self.socket_ && now - self.last_sent_ >= self.options_.keep_alive) {
      self.socket_->send_text(kDeepgramKeepAlive);
      self.last_sent_ = now;
    }
    self.keep_alive();
  });
}

void DeepgramCall::take(const DeepgramResult& result) {
  reconnects_ = 0;
  const Duration middle = result.start + (result.end - result.start) / 2;
  const auto covers = [&](const Turn& turn) {
    return middle >= sample_time(turn.begin) && middle <= sample_time(turn.begin + turn.sent);
  };
  const auto found = std::find_if(turns_.begin(), turns_.end(), covers);
  if (found != turns_.end()) {
    Turn& turn = *found;
    turn.interim.clear();
    if (result.is_final) {
      append_words(turn.finals, result.transcript);
      if (!result.transcript.empty()) {
        turn.confidence_sum += result.confidence;
        ++turn.confidence_count;
      }
      turn.pause_seen = result.speech_final;
    } else {
      turn.interim = result.transcript;
      turn.pause_seen = false;
    }
    if (!result.transcript.empty()) {
      std::string text = turn.finals;
      append_words(text, turn.interim);
      outbox_.add([id = turn.id, text, stable = result.is_final](dialog::SttSink& out) {
        out.on_partial(id, text, stable ? 0.9F : 0.0F);
      });
    }
  }
  if (!result.from_finalize) return;
  // Positions are rounded by the service, and it may leave out a tail of silence.
  constexpr milliseconds kSlack{250};
  while (!turns_.empty() && turns_.front().finishing) {
    const Turn& oldest = turns_.front();
    if (result.end + kSlack < sample_time(oldest.begin + oldest.sent)) break;
    complete(oldest);
  }
}

void DeepgramCall::complete(const Turn& turn) {
  std::string text = turn.finals;
  append_words(text, turn.interim);
  const float confidence =
      turn.confidence_count == 0 ? 0.0F : turn.confidence_sum / static_cast<float>(turn.confidence_count);
  outbox_.add(
      [id = turn.id, text = std::move(text), confidence](dialog::SttSink& out) { out.on_final(id, text, confidence); });
  std::erase_if(turns_, [id = turn.id](const Turn& other) { return other.id == id; });
}

void DeepgramCall::fail_turns(const Error& error) {
  for (const Turn& turn : turns_) {
    outbox_.add([id = turn.id, error](dialog::SttSink& out) { out.on_failed(id, error); });
  }
  turns_.clear();
}

void DeepgramCall::lose_socket(Error error, bool try_again) {
  socket_.reset();
  ++generation_;
  if (turns_.empty()) return;  // between turns: the next one opens a socket
  if (!try_again || ++reconnects_ > options_.max_reconnects) {
    fail_turns(error);
    return;
  }
  log::warn("STT_RECONNECT", {{"provider", "deepgram"}, {"call", call_.call}, {"error", error.detail}});
  if (reconnects_ == 1) {
    connect();
    return;
  }
  at(milliseconds{100}, [](DeepgramCall& self) {
    if (!self.socket_ && !self.turns_.empty()) self.connect();
  });
}

void DeepgramCall::on_open(int generation) {
  const std::lock_guard lock(mutex_);
  if (generation == generation_) last_sent_ = context_.scheduler.now();
}

void DeepgramCall::on_text(int generation, std::string_view text) {
  auto result = read_deepgram(text);
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || generation != generation_) return;
    if (!result) {
      lose_socket({.code = Errc::kMalformed, .detail = "deepgram: " + result.error().detail}, false);
    } else if (result->kind == DeepgramResult::Kind::kError) {
      lose_socket({.code = Errc::kClosed, .detail = "deepgram: " + result->error}, true);
    } else if (result->kind == DeepgramResult::Kind::kResults) {
      take(*result);
    }
  }
  outbox_.drain();
}

void DeepgramCall::on_lost(int generation, Error error, bool try_again) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || generation != generation_) return;
    lose_socket(std::move(error), try_again);
  }
  outbox_.drain();
}

}  // namespace al::providers
