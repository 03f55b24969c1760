#include "providers/google_turn.h"

#include <algorithm>
#include <utility>

#include "core/log.h"
#include "providers/http_provider.h"

namespace al::providers {
namespace {

// google.rpc.Code, as far as it matters here.
enum Code {
  kOk = 0,
  kInvalidArgument = 3,
  kDeadline = 4,
  kForbidden = 7,
  kExhausted = 8,
  kOutOfRange = 11,
  kInternalCode = 13,
  kUnavailable = 14,
  kUnauthenticated = 16
};

bool may_pass(int code) {
  return code == kDeadline || code == kExhausted || code == kInternalCode || code == kUnavailable;
}

Error to_error(const GoogleStatus& status) {
  Errc code = Errc::kClosed;
  switch (status.code) {
    case kInvalidArgument:
      code = Errc::kMalformed;
      break;
    case kForbidden:
    case kUnauthenticated:
      code = Errc::kRejected;
      break;
    case kExhausted:
      code = Errc::kRateLimited;
      break;
    case kDeadline:
      code = Errc::kTimeout;
      break;
    default:
      break;
  }
  return {.code = code,
          .detail = "google: status " + std::to_string(status.code) + ", " + printable_excerpt(status.message)};
}

constexpr int kMaxRenegotiations = 2;  // without the model, with the other language code
constexpr int kMaxExpiries = 8;        // streams of one turn that the service ended for their age or silence

}  // namespace

GoogleTurn::GoogleTurn(std::shared_ptr<GoogleSttService> service, dialog::SttOptions call, TurnId id,
                       std::shared_ptr<Outbox> outbox)
    : service_(std::move(service)),
      call_(std::move(call)),
      id_(id),
      outbox_(std::move(outbox)),
      audio_(service_->options.max_replay) {}

void GoogleTurn::begin() {
  const std::lock_guard lock(mutex_);
  last_audio_ = service_->scheduler.now();
  open_segment(0);
  watch_silence();
}

void GoogleTurn::feed(std::span<const std::int16_t> pcm) {
  const std::lock_guard lock(mutex_);
  if (ended_ || finishing_) return;
  audio_.append(pcm);
  last_audio_ = service_->scheduler.now();
  if (segments_.back().ended && !waiting_to_reconnect_) open_segment(audio_.end() - pcm.size());
  if (const auto& stream = segments_.back().stream) stream->feed(to_le_bytes(pcm));
}

void GoogleTurn::finish() {
  {
    const std::lock_guard lock(mutex_);
    if (ended_ || finishing_) return;
    finishing_ = true;
    Segment& last = segments_.back();
    if (last.stream) last.stream->half_close();
    at(service_->options.final_timeout,
       [](GoogleTurn& turn) { turn.fail({.code = Errc::kTimeout, .detail = "google: no final text in time"}); });
    settle();
  }
  outbox_->drain();
}

void GoogleTurn::cancel() {
  const std::lock_guard lock(mutex_);
  end();
}

// The calls below are made with mutex_ held.

// Runs `use` on the turn if it and the service are still there.
template <typename Use>
void GoogleTurn::with(const std::weak_ptr<GoogleTurn>& weak, Use&& use) {
  const auto self = weak.lock();
  if (!self || !self->service_->enter()) return;
  const auto service = self->service_;
  use(*self);
  service->leave();
}

void GoogleTurn::at(Duration delay, void (*task)(GoogleTurn&)) {
  service_->scheduler.at(service_->scheduler.now() + delay, [weak = weak_from_this(), task] {
    with(weak, [task](GoogleTurn& self) {
      {
        const std::lock_guard lock(self.mutex_);
        if (!self.ended_) task(self);
      }
      self.outbox_->drain();
    });
  });
}

// Begins a stream that hears the turn from `position` on.
void GoogleTurn::open_segment(std::size_t position) {
  const GoogleSttOptions& options = service_->options;
  waiting_to_reconnect_ = false;
  Segment& segment = segments_.emplace_back();
  segment.number = static_cast<int>(segments_.size());
  segment.begin = position;
  segment.language = service_->language(call_.language);
  segment.model = service_->model();
  if (!options.tokens) {
    open_stream(segment, {});
    return;
  }
  // A token is usually at hand: then this comes back at once, on this thread and under this lock.
  struct Ask {
    std::mutex mutex;
    bool inside = true;
    std::optional<Result<std::string>> early;
  };
  auto ask = std::make_shared<Ask>();
  options.tokens->request([weak = weak_from_this(), ask, number = segment.number](Result<std::string> token) {
    {
      const std::lock_guard lock(ask->mutex);
      if (ask->inside) {
        ask->early = std::move(token);
        return;
      }
    }
    with(weak, [&](GoogleTurn& self) { self.on_late_token(number, std::move(token)); });
  });
  std::optional<Result<std::string>> early;
  {
    const std::lock_guard lock(ask->mutex);
    ask->inside = false;
    early = std::move(ask->early);
  }
  if (early) take_token(segment, std::move(*early));
}

void GoogleTurn::on_late_token(int number, Result<std::string> token) {
  {
    const std::lock_guard lock(mutex_);
    Segment& segment = segments_[static_cast<std::size_t>(number - 1)];
    if (ended_ || segment.ended || segment.stream) return;
    take_token(segment, std::move(token));
  }
  outbox_->drain();
}

void GoogleTurn::take_token(Segment& segment, Result<std::string> token) {
  if (token) {
    open_stream(segment, *token);
  } else {
    segment.ended = true;
    // The first segment may be opened inside start_turn(): the sink is called from elsewhere.
    token_error_ = token.error();
    at(Duration::zero(), [](GoogleTurn& turn) { turn.fail(*turn.token_error_); });
  }
}

void GoogleTurn::open_stream(Segment& segment, const std::string& token) {
  const GoogleSttOptions& options = service_->options;
  const GoogleStreamConfig config{
      .language = segment.language,
      .model = segment.model,
      .hints = call_.hints,
      .hint_boost = options.hint_boost,
      .interim_results = options.interim_results,
      .automatic_punctuation = options.automatic_punctuation,
      .bearer_token = token,
      .chunk_bytes = static_cast<std::size_t>(to_ms(options.audio_chunk) * MediaTime::kSamplesPerMs) * 2};
  const std::weak_ptr<GoogleTurn> weak = weak_from_this();
  const int number = segment.number;
  segment.stream =
      service_->start(config, {.on_response =
                                   [weak, number](const GoogleResponse& response) {
                                     with(weak, [&](GoogleTurn& self) { self.on_response(number, response); });
                                   },
                               .on_done =
                                   [weak, number](const GoogleStatus& status) {
                                     with(weak, [&](GoogleTurn& self) { self.on_done(number, status); });
                                   }});
  if (!segment.stream) return;  // the provider is being destroyed
  if (const auto waiting = audio_.from(segment.begin); !waiting.empty()) segment.stream->feed(to_le_bytes(waiting));
  if (finishing_) segment.stream->half_close();
  rotation_due_ = service_->scheduler.now() + options.rotate_after;
  at(options.rotate_after, [](GoogleTurn& turn) { turn.rotate(); });
}

// The service ends a stream after 305 s: a new one takes the audio from here on, the old one gives its finals.
void GoogleTurn::rotate() {
  if (finishing_ || service_->scheduler.now() < rotation_due_) return;
  Segment& old = segments_.back();
  if (old.stream && !old.ended) old.stream->half_close();
  open_segment(audio_.end());
}

// The service ends a stream that gets no audio for 10 s.
void GoogleTurn::watch_silence() {
  const GoogleSttOptions& options = service_->options;
  at(options.silence_after / 2, [](GoogleTurn& turn) {
    const Timestamp now = turn.service_->scheduler.now();
    Segment& last = turn.segments_.back();
    if (!turn.finishing_ && last.stream && !last.ended &&
        now - turn.last_audio_ >= turn.service_->options.silence_after) {
      constexpr std::size_t kSilenceBytes = 100 * MediaTime::kSamplesPerMs * 2;
      last.stream->feed(std::string(kSilenceBytes, '\0'));
      turn.last_audio_ = now;
    }
    turn.watch_silence();
  });
}

std::string GoogleTurn::text() const {
  std::string text;
  for (const Segment& segment : segments_) {
    const std::string part = segment.transcript.text();
    if (!part.empty() && !text.empty()) text.push_back(' ');
    text += part;
  }
  return text;
}

// All streams have ended after finish(): the turn's text is complete.
void GoogleTurn::settle() {
  const bool all = std::all_of(segments_.begin(), segments_.end(), [](const Segment& s) { return s.ended; });
  if (!finishing_ || !all || ended_ || token_error_ || waiting_to_reconnect_) return;
  float sum = 0;
  float count = 0;
  for (const Segment& segment : segments_) {
    const float confidence = segment.transcript.confidence();
    sum += confidence;
    count += confidence > 0 ? 1.0F : 0.0F;
  }
  outbox_->add([id = id_, text = text(), confidence = count > 0 ? sum / count : 0.0F](dialog::SttSink& out) {
    out.on_final(id, text, confidence);
  });
  end();
}

void GoogleTurn::fail(Error error) {
  outbox_->add([id = id_, error = std::move(error)](dialog::SttSink& out) { out.on_failed(id, error); });
  end();
}

void GoogleTurn::end() {
  ended_ = true;
  for (Segment& segment : segments_) {
    if (segment.stream && !segment.ended) segment.stream->cancel();
  }
}

// The stream is gone before its time: decides what takes its place.
void GoogleTurn::replace(Segment& segment, const GoogleStatus& status) {
  segment.transcript.drop_interim();
  const bool last = &segment == &segments_.back();
  if (!last) return;  // it was rotated away; what it had not finalised is lost
  const std::size_t resume =
      segment.begin + static_cast<std::size_t>(segment.final_end.count() * MediaTime::kSamplesPerMs / 1000);
  if (status.code == kOutOfRange) {
    // Its life or its patience is over. A stream that ends so without any audio of ours would do so again.
    if (audio_.from(resume).empty() && !finishing_) return;
    if (++reconnects_ > service_->options.max_reconnects + kMaxExpiries) return fail(to_error(status));
    return open_segment(resume);
  }
  if (status.code == kInvalidArgument && service_->learn(status, segment.language, segment.model) &&
      ++renegotiations_ <= kMaxRenegotiations) {
    return open_segment(resume);
  }
  if (may_pass(status.code) && ++reconnects_ <= service_->options.max_reconnects) {
    resume_at_ = resume;
    // The first time at once: a connection that had gone stale. Then a server in trouble gets a moment.
    if (reconnects_ == 1) return open_segment(resume);
    at(milliseconds{100}, [](GoogleTurn& turn) {
      if (turn.waiting_to_reconnect_) turn.open_segment(turn.resume_at_);
    });
    waiting_to_reconnect_ = true;
    return;
  }
  fail(to_error(status));
}

// From gRPC's threads.

void GoogleTurn::on_response(int number, const GoogleResponse& response) {
  {
    const std::lock_guard lock(mutex_);
    Segment& segment = segments_[static_cast<std::size_t>(number - 1)];
    if (ended_ || segment.ended) return;
    if (response.error.code != kOk) {
      segment.ended = true;
      segment.stream->cancel();
      replace(segment, response.error);
    } else if (!response.portions.empty()) {
      segment.transcript.take(response.portions);
      segment.final_end = std::max(segment.final_end, response.last_final_end);
      outbox_->add([id = id_, text = text(), stability = segment.transcript.stability()](dialog::SttSink& out) {
        out.on_partial(id, text, stability);
      });
    }
  }
  outbox_->drain();
}

void GoogleTurn::on_done(int number, const GoogleStatus& status) {
  {
    const std::lock_guard lock(mutex_);
    Segment& segment = segments_[static_cast<std::size_t>(number - 1)];
    if (ended_ || segment.ended) return;
    segment.ended = true;
    if (status.code != kOk) replace(segment, status);
    if (!ended_) settle();
  }
  outbox_->drain();
}

}  // namespace al::providers
