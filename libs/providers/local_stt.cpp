#include "providers/local_stt.h"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audio/format.h"
#include "audio/resampler.h"
#include "providers/local_moonshine.h"
#include "providers/local_utterance.h"
#include "providers/sink_gate.h"

namespace al::providers {
namespace {

using dialog::SttOptions;
using dialog::SttSession;
using dialog::SttSink;

constexpr int kModelRateHz = 16'000;
// How often a pause is looked for, and how far the edges of the voice may move without changing the words.
constexpr std::size_t kLookEvery = 5 * audio::kFrameSamples;
constexpr std::size_t kSameEdge = 3 * audio::kFrameSamples;
// Too short to be a word that was missed.
constexpr std::size_t kShortestMissed = 12 * audio::kFrameSamples;
constexpr TrimOptions kTighter{.before = milliseconds{100}, .after = milliseconds{200}};

std::size_t samples_in(Duration duration) {
  return static_cast<std::size_t>(to_ms(duration)) * (audio::kSampleRateHz / 1000);
}

bool is_english(std::string_view language) {
  return language.size() >= 2 && std::tolower(static_cast<unsigned char>(language[0])) == 'e' &&
         std::tolower(static_cast<unsigned char>(language[1])) == 'n' && (language.size() == 2 || language[2] == '-');
}

struct Engine {
  std::shared_ptr<const Moonshine> model;
  std::shared_ptr<const Moonshine> second;
  WorkerPool& pool;
  LocalSttOptions options;
};

Result<Transcript> recognise_range(const Moonshine& model, std::span<const std::int16_t> pcm, Range range,
                                   const std::atomic<bool>* cancelled) {
  const auto raised = audio::resample(pcm.subspan(range.begin, range.size()), audio::kSampleRateHz, kModelRateHz,
                                      audio::ResampleQuality::kFast);
  if (!raised) return fail(raised.error());
  std::vector<float> speech(raised->size());
  std::transform(raised->begin(), raised->end(), speech.begin(),
                 [](std::int16_t sample) { return static_cast<float>(sample) / 32768.0F; });
  return model.transcribe(speech, cancelled);
}

// A whole utterance: trimmed, in pieces, with the second chances of an empty result.
Result<Transcript> recognise(const Engine& engine, std::span<const std::int16_t> pcm,
                             const std::atomic<bool>* cancelled) {
  const Range voice = voiced_range(pcm);
  Transcript whole;
  if (voice.size() == 0) return whole;
  double log_prob = 0;
  for (const Range piece : split_at_quiet(pcm, padded(voice, pcm.size()), engine.options.longest_piece)) {
    auto heard = recognise_range(*engine.model, pcm, piece, cancelled);
    if (heard && heard->text.empty() && voice.size() >= kShortestMissed) {
      const Range again = overlap(piece, padded(voice, pcm.size(), kTighter));
      heard = recognise_range(*engine.model, pcm, again, cancelled);
      if (heard && heard->text.empty() && engine.second) {
        heard = recognise_range(*engine.second, pcm, again, cancelled);
      }
    }
    if (!heard) return heard;
    if (!whole.text.empty() && !heard->text.empty()) whole.text += ' ';
    whole.text += heard->text;
    whole.tokens += heard->tokens;
    whole.repeated |= heard->repeated;
    log_prob += static_cast<double>(heard->mean_log_prob) * heard->tokens;
  }
  whole.mean_log_prob = static_cast<float>(log_prob / std::max(1, whole.tokens));
  return whole;
}

// The share of `now` that also stood at the beginning of `before`, by words: what two decodes agree on will stay.
float agreement(std::string_view before, std::string_view now) {
  std::size_t agreed = 0;
  for (std::size_t i = 0; i < std::min(before.size(), now.size()) && before[i] == now[i]; ++i) {
    if (now[i] == ' ') agreed = i;
    if (i + 1 == now.size()) agreed = now.size();
  }
  return now.empty() ? 0.0F : static_cast<float>(agreed) / static_cast<float>(now.size());
}

// One turn, shared by the session and the jobs that decode it.
struct Turn {
  explicit Turn(TurnId turn) : id(turn) {}
  const TurnId id;
  std::atomic<bool> cancelled{false};
  std::atomic<bool> superseded{false};  // the turn is finished: a decode of its beginning is of no use any more
  bool final_given = false;             // read and written inside the gate

  std::mutex mutex;  // guards the rest
  bool decoding = false;
  bool final_wanted = false;  // the turn is finished and waits for the decode that is running
  Range voice;                // of the decode that runs or ran last
  std::optional<Result<Transcript>> result;
  std::string last_partial;
};

using Gate = SinkGate<SttSink>;

void give_final(Gate& gate, Turn& turn, Result<Transcript> result) {
  gate.with([&](SttSink& sink) {
    if (turn.cancelled) return;
    turn.final_given = true;
    if (result) {
      const float confidence = result->confidence();
      sink.on_final(turn.id, std::move(result->text), confidence);
    } else {
      sink.on_failed(turn.id, result.error());
    }
  });
}

// Decodes what was said so far. Its result becomes a partial, or the final if the turn ends with nothing added.
void decode_so_far(const Engine& engine, Gate& gate, Turn& turn, std::span<const std::int16_t> pcm, bool partials) {
  if (turn.superseded) return;
  Result<Transcript> result = recognise(engine, pcm, &turn.superseded);
  std::unique_lock lock(turn.mutex);
  turn.decoding = false;
  turn.result = result;
  const bool final_wanted = std::exchange(turn.final_wanted, false);
  std::string text = result ? result->text : std::string{};
  const float stability = agreement(turn.last_partial, text);
  turn.last_partial = text;
  lock.unlock();
  if (final_wanted) return give_final(gate, turn, std::move(result));
  if (!partials || text.empty()) return;
  gate.with([&](SttSink& sink) {
    if (!turn.cancelled && !turn.final_given) sink.on_partial(turn.id, std::move(text), stability);
  });
}

class LocalSttSession final : public SttSession {
 public:
  LocalSttSession(std::shared_ptr<const Engine> engine, const SttOptions& options, std::shared_ptr<SttSink> sink)
      : engine_(std::move(engine)), language_(options.language), gate_(std::make_shared<Gate>(std::move(sink))) {}

  ~LocalSttSession() override {
    gate_->close();
    for (const auto& turn : turns_) turn->cancelled = turn->superseded = true;
  }

  void start_turn(TurnId turn) override {
    std::erase_if(turns_, [](const auto& old) { return old.use_count() == 1; });
    turns_.push_back(std::make_shared<Turn>(turn));
    pcm_.clear();
    pcm_.reserve(samples_in(seconds{10}));
    levels_ = {};
    levels_.reserve(pcm_.capacity() / audio::kFrameSamples);
    looked_at_ = 0;
    decoded_at_ = 0;
  }

  void feed(TurnId turn, std::span<const std::int16_t> pcm_8k) override {
    if (!is_current(turn)) return;
    const std::size_t most = samples_in(engine_->options.longest_turn);
    pcm_8k = pcm_8k.first(std::min(pcm_8k.size(), most - std::min(most, pcm_.size())));
    pcm_.insert(pcm_.end(), pcm_8k.begin(), pcm_8k.end());
    levels_.add(pcm_8k);
    if (pcm_.size() - looked_at_ < kLookEvery) return;
    looked_at_ = pcm_.size();
    consider_decoding();
  }

  void finish_turn(TurnId id) override {
    if (!is_current(id)) return;
    const std::shared_ptr<Turn> turn = turns_.back();
    finished_ = id;
    if (!is_english(language_)) {
      return notice(turn, fail(Errc::kUnsupported, "the embedded recogniser knows English only, not " + language_ +
                                                       "; set STT=google, deepgram or whisper with its key"));
    }
    const Range voice = voiced_range(levels_.levels());
    std::unique_lock lock(turn->mutex);
    if (same_words(turn->voice, voice)) {
      if (turn->decoding) {
        turn->final_wanted = true;
        return;
      }
      if (turn->result && *turn->result) return notice(turn, std::move(*turn->result));
    }
    lock.unlock();
    turn->superseded = true;
    const auto job = engine_->pool.submit(JobClass::kFinal, [engine = engine_, gate = gate_, turn, pcm = pcm_] {
      if (!turn->cancelled) give_final(*gate, *turn, recognise(*engine, pcm, &turn->cancelled));
    });
    if (!job) notice(turn, fail(job.error()));
  }

  void cancel_turn(TurnId id) override {
    for (const auto& turn : turns_) {
      if (turn->id != id) continue;
      turn->cancelled = turn->superseded = true;
      gate_->with([](SttSink&) {});  // a sink call that is under way ends first
    }
    if (is_current(id)) finished_ = id;
  }

 private:
  [[nodiscard]] bool is_current(TurnId turn) const {
    return !turns_.empty() && turns_.back()->id == turn && finished_ != turn;
  }

  static bool same_words(Range decoded, Range now) {
    const auto near = [](std::size_t a, std::size_t b) { return std::max(a, b) - std::min(a, b) <= kSameEdge; };
    return decoded.size() > 0 && near(decoded.begin, now.begin) && near(decoded.end, now.end);
  }

  // Decode ahead when the caller pauses, or has talked for a while, and a worker has nothing else to do.
  void consider_decoding() {
    if (!engine_->options.partials || !is_english(language_)) return;
    const Range voice = voiced_range(levels_.levels());
    if (voice.size() < kShortestMissed) return;
    const bool pause = pcm_.size() >= voice.end + samples_in(engine_->options.eager_after);
    const bool due = pcm_.size() - decoded_at_ >= samples_in(engine_->options.partial_every);
    const std::shared_ptr<Turn> turn = turns_.back();
    {
      const std::lock_guard lock(turn->mutex);
      if (turn->decoding || same_words(turn->voice, voice) || (!pause && !due)) return;
      turn->decoding = true;
      // While the caller goes on talking, the voice has no end yet: no later turn may take this result for its own.
      turn->voice = pause ? voice : Range{};
      turn->result.reset();
    }
    decoded_at_ = pcm_.size();
    const auto job = engine_->pool.submit(JobClass::kIdle, [engine = engine_, gate = gate_, turn, pcm = pcm_] {
      decode_so_far(*engine, *gate, *turn, pcm, true);
    });
    if (!job) {
      const std::lock_guard lock(turn->mutex);
      turn->decoding = false;
      turn->voice = {};
    }
  }

  // A final that is known already still comes from a worker.
  void notice(const std::shared_ptr<Turn>& turn, Result<Transcript> result) {
    const auto job = engine_->pool.submit(
        JobClass::kNotice, [gate = gate_, turn, result = std::move(result)] { give_final(*gate, *turn, result); });
    static_cast<void>(job);  // refused only while the pool is being destroyed, and then nobody listens
  }

  const std::shared_ptr<const Engine> engine_;
  const std::string language_;
  const std::shared_ptr<Gate> gate_;
  std::vector<std::shared_ptr<Turn>> turns_;  // the last one takes audio; earlier ones may still be decoded
  TurnId finished_;
  std::vector<std::int16_t> pcm_;  // of the current turn
  LevelTrack levels_;
  std::size_t looked_at_ = 0;   // samples of the turn when a pause was last looked for
  std::size_t decoded_at_ = 0;  // … when the last decode began
};

class LocalStt final : public dialog::SpeechToText {
 public:
  explicit LocalStt(std::shared_ptr<const Engine> engine) : engine_(std::move(engine)) {}
  std::unique_ptr<SttSession> open(const SttOptions& options, std::shared_ptr<SttSink> sink) override {
    return std::make_unique<LocalSttSession>(engine_, options, std::move(sink));
  }
  [[nodiscard]] std::string name() const override { return "moonshine"; }

 private:
  std::shared_ptr<const Engine> engine_;
};

}  // namespace

std::unique_ptr<dialog::SpeechToText> make_local_stt(std::shared_ptr<const Moonshine> model,
                                                     std::shared_ptr<const Moonshine> second, WorkerPool& pool,
                                                     LocalSttOptions options) {
  return std::make_unique<LocalStt>(
      std::make_shared<const Engine>(Engine{std::move(model), std::move(second), pool, options}));
}

}  // namespace al::providers
