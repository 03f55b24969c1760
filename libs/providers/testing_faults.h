// Recognisers, models and voices that are ill in each of the sixteen ways of fakes/fault.h, in virtual time: what the
// adapters make of such a wire, handed to a chain. For tests only. One thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "audio/tone.h"
#include "dialog/heard_text.h"
#include "dialog/ports.h"
#include "providers/fakes/fault.h"
#include "providers/scheduler.h"

namespace al::providers::testing {

// What the providers of one side of a chain share: today's illness, and who is still alive.
struct Ward {
  Fault fault = Fault::kNone;
  int alive = 0;    // sessions
  int started = 0;  // requests
};

// One request: its events stop when it dies.
class Patient {
 public:
  Patient(std::shared_ptr<Ward> ward, Scheduler& scheduler) : ward_(std::move(ward)), scheduler_(scheduler) {
    ++ward_->alive;
  }
  ~Patient() {
    --ward_->alive;
    *open_ = false;
  }
  Patient(const Patient&) = delete;
  Patient& operator=(const Patient&) = delete;

  void later(Duration delay, std::function<void()> event) {
    scheduler_.at(scheduler_.now() + delay, [open = open_, event = std::move(event)] {
      if (*open) event();
    });
  }
  // Again and again.
  void every(Duration gap, std::function<void()> event) {
    later(gap, [this, gap, event = std::move(event)] {
      event();
      every(gap, event);
    });
  }
  // What was asked for before has no effect any more.
  void forget() { *std::exchange(open_, std::make_shared<bool>(true)) = false; }
  [[nodiscard]] Fault fault() const { return ward_->fault; }

 private:
  std::shared_ptr<Ward> ward_;
  Scheduler& scheduler_;
  std::shared_ptr<bool> open_ = std::make_shared<bool>(true);
};

// The refusals that every provider words alike; nullopt = another kind of fault.
[[nodiscard]] inline std::optional<Error> refusal(Fault fault) {
  switch (fault) {
    case Fault::kUnauthorized:
      return Error{Errc::kRejected, "HTTP 401"};
    case Fault::kRateLimited:
      return Error{Errc::kRateLimited, "HTTP 429", seconds{1}};
    case Fault::kServerError:
      return Error{Errc::kClosed, "HTTP 503"};
    case Fault::kHtmlBody:
      return Error{Errc::kMalformed, "a page"};
    default:
      return std::nullopt;
  }
}

inline constexpr Duration kRoundTrip = milliseconds{30};
inline constexpr Duration kLateBy = seconds{3};

class FaultyModel final : public dialog::LanguageModel {
 public:
  using Answers = std::function<std::string()>;
  FaultyModel(std::string name, Scheduler& scheduler, Answers answers)
      : name_(std::move(name)), scheduler_(scheduler), answers_(std::move(answers)) {}

  std::unique_ptr<dialog::ModelSession> start(dialog::ModelRequest request,
                                              std::shared_ptr<dialog::ModelSink> sink) override {
    ++ward->started;
    return std::make_unique<Session>(ward, scheduler_, request.turn, std::move(sink), answers_());
  }
  [[nodiscard]] std::string name() const override { return name_; }
  std::shared_ptr<Ward> ward = std::make_shared<Ward>();

 private:
  class Session final : public dialog::ModelSession {
   public:
    Session(std::shared_ptr<Ward> ward, Scheduler& scheduler, TurnId turn, std::shared_ptr<dialog::ModelSink> sink,
            std::string text)
        : patient_(std::move(ward), scheduler), turn_(turn), sink_(std::move(sink)), text_(std::move(text)) {
      begin();
    }

   private:
    static constexpr Duration kFirstToken = milliseconds{350};
    static constexpr Duration kGap = milliseconds{10};

    void begin() {
      const Fault fault = patient_.fault();
      if (const auto error = refusal(fault)) return fail(kRoundTrip, *error);
      switch (fault) {
        case Fault::kHang:
        case Fault::kSlowDrip:  // a whole event takes a minute
          return;
        case Fault::kReset:
          words(2);
          return fail(kFirstToken + 2 * kGap, {Errc::kClosed, "reset"});
        case Fault::kMidStreamError:
          words(1);
          return fail(kFirstToken + kGap, {Errc::kClosed, "an error in the answer"});
        case Fault::kTruncated:  // after the first clause
          words(5);
          return fail(kFirstToken + 5 * kGap, {Errc::kClosed, "cut off"});
        case Fault::kMalformed:
          return fail(kFirstToken, {Errc::kMalformed, "no JSON"});
        case Fault::kEmpty:
          return done(kFirstToken);
        case Fault::kWrongShape:
          delta(kFirstToken, text_);
          return done(kFirstToken);
        case Fault::kEndless:
          for (int i = 0; i < 60; ++i) delta(kFirstToken + i * kGap, "and on and on and on ");
          return fail(kFirstToken + 60 * kGap, {Errc::kMalformed, "the answer does not end"});
        case Fault::kOddSplit:
          for (std::size_t i = 0; i < text_.size(); ++i) delta(kFirstToken, text_.substr(i, 1));
          return done(kFirstToken);
        case Fault::kLate:
          delta(kLateBy, text_);
          return done(kLateBy);
        default:
          done(kFirstToken + words(100) * kGap);
      }
    }
    int words(int most) {
      int count = 0;
      for (std::size_t at = 0; at < text_.size() && count < most; ++count) {
        const std::size_t end = std::min(text_.size(), text_.find(' ', at + 1));
        delta(kFirstToken + count * kGap, text_.substr(at, end - at));
        at = end;
      }
      return count;
    }
    void delta(Duration when, std::string piece) {
      patient_.later(when, [this, piece = std::move(piece)] { sink_->on_delta(turn_, piece); });
    }
    void done(Duration when) {
      patient_.later(when, [this] { sink_->on_done(turn_, {}); });
    }
    void fail(Duration when, Error error) {
      patient_.later(when, [this, error = std::move(error)] { sink_->on_failed(turn_, error); });
    }

    Patient patient_;
    const TurnId turn_;
    const std::shared_ptr<dialog::ModelSink> sink_;
    const std::string text_;
  };

  const std::string name_;
  Scheduler& scheduler_;
  const Answers answers_;
};

class FaultyTts final : public dialog::TextToSpeech {
 public:
  FaultyTts(std::string name, Scheduler& scheduler) : name_(std::move(name)), scheduler_(scheduler) {}

  std::unique_ptr<dialog::TtsSession> start(dialog::TtsRequest request,
                                            std::shared_ptr<dialog::TtsSink> sink) override {
    ++ward->started;
    return std::make_unique<Session>(ward, scheduler_, request, std::move(sink));
  }
  [[nodiscard]] std::string name() const override { return name_; }
  std::shared_ptr<Ward> ward = std::make_shared<Ward>();

 private:
  class Session final : public dialog::TtsSession {
   public:
    Session(std::shared_ptr<Ward> ward, Scheduler& scheduler, const dialog::TtsRequest& request,
            std::shared_ptr<dialog::TtsSink> sink)
        : patient_(std::move(ward), scheduler),
          speech_(request.speech),
          sink_(std::move(sink)),
          pcm_(
              audio::make_tone(300, std::chrono::duration_cast<milliseconds>(dialog::estimated_length(request.text)))) {
      begin();
    }

   private:
    static constexpr Duration kFirstAudio = milliseconds{100};

    void begin() {
      const Fault fault = patient_.fault();
      if (const auto error = refusal(fault)) return fail(kRoundTrip, *error);
      switch (fault) {
        case Fault::kHang:
          return;
        case Fault::kSlowDrip:
          return patient_.every(milliseconds{200}, [this] { sink_->on_audio(speech_, {1000}); });
        case Fault::kReset:
        case Fault::kMidStreamError:
          piece(kFirstAudio, 0, 2400);
          return fail(kFirstAudio, {Errc::kClosed, "reset"});
        case Fault::kTruncated:
          piece(kFirstAudio, 0, 80);
          return fail(kFirstAudio, {Errc::kClosed, "cut off"});
        case Fault::kMalformed:
          return fail(kFirstAudio, {Errc::kMalformed, "no base64"});
        case Fault::kEmpty:
          return done(kFirstAudio);
        case Fault::kEndless:
          for (int i = 0; i < 20; ++i) piece(kFirstAudio + i * milliseconds{20}, 0, pcm_.size());
          return fail(kFirstAudio + milliseconds{400}, {Errc::kMalformed, "the sound does not end"});
        case Fault::kOddSplit:
          for (std::size_t at = 0, n = 0; at < pcm_.size(); ++n) {
            constexpr std::size_t kSizes[] = {1, 2, 3, 5, 7};
            const std::size_t size = std::min(pcm_.size() - at, kSizes[n % 5]);
            piece(kFirstAudio, at, size);
            at += size;
          }
          return done(kFirstAudio);
        case Fault::kLate:
          piece(kLateBy, 0, pcm_.size());
          return done(kLateBy);
        default:  // also the shapes that adapters understand
          piece(kFirstAudio, 0, pcm_.size());
          done(kFirstAudio);
      }
    }
    void piece(Duration when, std::size_t from, std::size_t count) {
      patient_.later(when, [this, from, count] {
        const auto begin = pcm_.begin() + static_cast<std::ptrdiff_t>(std::min(from, pcm_.size()));
        const auto size = std::min<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(count), pcm_.end() - begin);
        sink_->on_audio(speech_, std::vector<std::int16_t>(begin, begin + size));
      });
    }
    void done(Duration when) {
      patient_.later(when, [this] { sink_->on_done(speech_); });
    }
    void fail(Duration when, Error error) {
      patient_.later(when, [this, error = std::move(error)] { sink_->on_failed(speech_, error); });
    }

    Patient patient_;
    const SpeechId speech_;
    const std::shared_ptr<dialog::TtsSink> sink_;
    const std::vector<std::int16_t> pcm_;
  };

  const std::string name_;
  Scheduler& scheduler_;
};

class FaultyStt final : public dialog::SpeechToText {
 public:
  using Transcripts = std::function<std::string()>;
  FaultyStt(std::string name, Scheduler& scheduler, Transcripts transcripts)
      : name_(std::move(name)), scheduler_(scheduler), transcripts_(std::move(transcripts)) {}

  std::unique_ptr<dialog::SttSession> open(const dialog::SttOptions&, std::shared_ptr<dialog::SttSink> sink) override {
    return std::make_unique<Session>(*this, std::move(sink));
  }
  [[nodiscard]] std::string name() const override { return name_; }
  std::shared_ptr<Ward> ward = std::make_shared<Ward>();

 private:
  // One turn at a time is enough: a turn that follows begins a new one.
  class Session final : public dialog::SttSession {
   public:
    Session(FaultyStt& owner, std::shared_ptr<dialog::SttSink> sink)
        : owner_(owner), patient_(owner.ward, owner.scheduler_), sink_(std::move(sink)) {}

    void start_turn(TurnId turn) override {
      patient_.forget();
      turn_ = turn;
      text_ = owner_.transcripts_();
      samples_ = 0;
      ++owner_.ward->started;
      const Fault fault = patient_.fault();
      if (const auto error = refusal(fault)) return fail(kRoundTrip, *error);
      if (fault == Fault::kEndless) patient_.every(milliseconds{20}, [this] { sink_->on_partial(turn_, text_, 0.1F); });
    }
    void feed(TurnId turn, std::span<const std::int16_t> pcm) override {
      if (turn != turn_) return;
      constexpr std::size_t kPartialAfter = 4000;
      const std::size_t before = std::exchange(samples_, samples_ + pcm.size());
      if (before >= kPartialAfter || samples_ < kPartialAfter) return;
      switch (patient_.fault()) {
        case Fault::kReset:
          return fail(Duration{0}, {Errc::kClosed, "reset"});
        case Fault::kTruncated:
        case Fault::kMidStreamError:
          partial(Duration{0}, text_.substr(0, text_.find(' ')));
          return fail(milliseconds{200}, {Errc::kClosed, "Socket closed"});
        case Fault::kOddSplit:
          for (std::size_t i = 1; i < text_.size(); ++i) partial(milliseconds{i}, text_.substr(0, i));
          return;
        case Fault::kHang:
        case Fault::kLate:
        case Fault::kEmpty:
          return;
        default:
          partial(Duration{0}, text_);
      }
    }
    void finish_turn(TurnId turn) override {
      if (turn != turn_) return;
      switch (patient_.fault()) {
        case Fault::kHang:
        case Fault::kEndless:
          return;
        case Fault::kSlowDrip:
          return final_text(seconds{8}, text_);
        case Fault::kMalformed:
        case Fault::kWrongShape:
          return fail(kFinal, {Errc::kMalformed, "no transcript"});
        case Fault::kEmpty:
          return final_text(kFinal, "");
        case Fault::kLate:
          return final_text(kLateBy, text_);
        default:
          return final_text(kFinal, text_);
      }
    }
    void cancel_turn(TurnId turn) override {
      if (turn == turn_) patient_.forget();
    }

   private:
    static constexpr Duration kFinal = milliseconds{150};
    void partial(Duration when, std::string text) {
      patient_.later(when, [this, turn = turn_, text = std::move(text)] { sink_->on_partial(turn, text, 0.5F); });
    }
    void final_text(Duration when, std::string text) {
      patient_.later(when, [this, turn = turn_, text = std::move(text)] { sink_->on_final(turn, text, 0.9F); });
    }
    void fail(Duration when, Error error) {
      patient_.later(when, [this, turn = turn_, error = std::move(error)] {
        patient_.forget();  // its last word
        sink_->on_failed(turn, error);
      });
    }

    FaultyStt& owner_;
    Patient patient_;
    const std::shared_ptr<dialog::SttSink> sink_;
    TurnId turn_;
    std::string text_;
    std::size_t samples_ = 0;
  };

  const std::string name_;
  Scheduler& scheduler_;
  const Transcripts transcripts_;
};

}  // namespace al::providers::testing
