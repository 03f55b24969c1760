#include "alctl/replay_run.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "audio/g711.h"
#include "audio/tone.h"
#include "dialog/call_engine.h"
#include "dialog/heard_text.h"

namespace al::alctl {
namespace {

using namespace dialog;

constexpr Duration kFrame = audio::kFrameDuration;
constexpr std::size_t kSamples = audio::kFrameSamples;
constexpr Timestamp kStart{};
constexpr float kHumDbfs = -32.0F;
// After the recording the agent may finish what it says.
constexpr seconds kAfterwards{15};

std::int64_t number(const CallEvent& event, std::string_view key) {
  for (const Fact& fact : event.facts) {
    if (const auto* value = std::get_if<std::int64_t>(&fact.value); value != nullptr && fact.key == key) return *value;
  }
  return 0;
}
std::string text(const CallEvent& event, std::string_view key) {
  for (const Fact& fact : event.facts) {
    if (const auto* value = std::get_if<std::string>(&fact.value); value != nullptr && fact.key == key) return *value;
  }
  return {};
}

class Replayer {
 public:
  Replayer(const CallOptions& options, const ReplayProviders* providers, std::uint64_t seed, bool keep_outputs)
      : providers_(providers),
        keep_outputs_(keep_outputs),
        clips_(options.clips),
        vad_(audio::to_string(options.listen.voice.engine)),
        engine_(options, kStart, seed) {
    drain();
  }

  // One frame of the caller, then 20 ms pass.
  void frame(const audio::PcmFrame& pcm) {
    in::Media media;
    media.sequence = run_.frames.size();
    media.media_time.samples = static_cast<std::int64_t>(run_.frames.size() * kSamples);
    media.ulaw = audio::encode_frame(audio::PcmFrameView(pcm));
    advance_to(now_ + kFrame);
    play_frame();
    feed(media);
    note_caller(media);
  }

  void advance_to(Timestamp when) {
    while (true) {
      Timestamp next = when;
      if (!pending_.empty()) next = std::min(next, pending_.begin()->first);
      const auto deadline = providers_ == nullptr ? std::nullopt : engine_.deadline();
      if (deadline && deadline->when <= next) {
        now_ = std::max(now_, deadline->when);
        feed(in::DeadlineReached{});
      } else if (!pending_.empty() && pending_.begin()->first <= when) {
        now_ = std::max(now_, next);
        const auto item = std::move(pending_.begin()->second);
        pending_.erase(pending_.begin());
        if (!item.turn || !cancelled_.contains(item.turn)) feed(item.input);
      } else {
        now_ = when;
        return;
      }
    }
  }

  void feed(const Input& input) {
    engine_.handle(input, now_);
    drain();
  }

  // Twilio's buffer plays one frame.
  void play_frame() {
    audio::PcmFrame pcm{};
    bool sound = false;
    return_marks();
    if (!buffer_.empty()) {
      pcm = audio::decode_frame(buffer_.front().ulaw);
      buffer_.pop_front();
      sound = std::any_of(pcm.begin(), pcm.end(), [](std::int16_t s) { return s > 8 || s < -8; });
    }
    return_marks();
    run_.agent.insert(run_.agent.end(), pcm.begin(), pcm.end());
    agent_sounds_ = sound;
  }

  void note_caller(const in::Media& media) {
    const audio::PcmFrame pcm = audio::decode_frame(media.ulaw);
    run_.caller.insert(run_.caller.end(), pcm.begin(), pcm.end());
    const audio::Heard& heard = engine_.last_heard();
    run_.frames.push_back({heard.detector.level_dbfs, heard.detector.noise_floor_dbfs, heard.detector.threshold_dbfs,
                           heard.voice, heard.speaking, agent_sounds_});
  }

  [[nodiscard]] bool ended() const { return engine_.ended(); }
  [[nodiscard]] bool sounding() const { return !buffer_.empty() || !pending_.empty(); }
  void set_now(Timestamp now) { now_ = std::max(now_, now); }
  [[nodiscard]] const OutputDigest& digest() const { return digest_; }

  ReplayRun finish() {
    run_.agent.resize(run_.caller.size(), 0);
    run_.vad = vad_;
    return std::move(run_);
  }

 private:
  struct Pending {
    Input input;
    TurnId turn;
  };
  struct Buffered {
    audio::UlawFrame ulaw{};
    std::string mark;
  };

  void drain() {
    while (const auto output = engine_.poll_output()) {
      if (keep_outputs_) append_output_line(run_.outputs, *output, now_ - kStart);
      if (providers_ == nullptr) digest_.add(*output, now_ - kStart);
      std::visit([this](const auto& what) { act(what); }, *output);
    }
  }
  void later(Duration delay, Input input, TurnId turn) {
    if (providers_ != nullptr) pending_.emplace(now_ + delay, Pending{std::move(input), turn});
  }
  void return_marks() {
    while (!buffer_.empty() && !buffer_.front().mark.empty()) {
      later(Duration{0}, in::MarkPlayed{buffer_.front().mark}, {});
      buffer_.pop_front();
    }
  }

  void act(const out::StartStt& start) { audio_[start.turn].clear(); }
  void act(const out::FeedStt& feed) {
    auto& pcm = audio_[feed.turn];
    pcm.insert(pcm.end(), feed.pcm.begin(), feed.pcm.end());
  }
  void act(const out::FinishStt& finish) {
    if (providers_ == nullptr) return;
    const std::vector<std::int16_t> pcm = std::move(audio_[finish.turn]);
    audio_.erase(finish.turn);
    std::string words = providers_->recognise ? providers_->recognise(pcm) : std::string();
    later(providers_->recognise ? providers_->recognition_time : Duration{0},
          in::SttFinal{finish.turn, std::move(words), 0}, finish.turn);
  }
  void act(const out::CancelStt& cancel) { audio_.erase(cancel.turn); }
  void act(const out::AskModel& ask) {
    if (providers_ == nullptr) return;
    const TurnId turn = ask.request.turn;
    if (providers_->answer) {
      for (const std::string& sentence : providers_->answer(ask.request)) {
        later(providers_->model_time, in::ModelDelta{turn, sentence}, turn);
      }
    }
    later(providers_->model_time, in::ModelDone{turn}, turn);
  }
  void act(const out::Synthesize& synthesize) {
    const TtsRequest& request = synthesize.request;
    run_.spoken.emplace_back(to_ms(now_ - kStart), request.text);
    if (providers_ == nullptr) return;
    std::vector<std::int16_t> pcm;
    if (providers_->speak) {
      pcm = providers_->speak(request.text);
    } else {
      const auto length = std::chrono::duration_cast<milliseconds>(estimated_length(request.text));
      pcm = audio::make_tone(220.0, length, kHumDbfs);
    }
    later(providers_->voice_time, in::TtsAudio{request.speech, std::move(pcm)}, request.turn);
    later(providers_->voice_time, in::TtsDone{request.speech}, request.turn);
  }
  void act(const out::CancelTurn& cancel) { cancelled_.insert(cancel.turn); }
  void act(const out::RunTool& tool) {
    later(milliseconds{200}, in::ToolResult{tool.turn, tool.id, tool.name, "ok"}, {});
  }
  void act(const out::SendMedia& media) { buffer_.push_back({media.ulaw, {}}); }
  void act(const out::SendMark& mark) { buffer_.push_back({{}, mark.name}); }
  void act(const out::ClearPlayback&) {
    for (const Buffered& item : buffer_) {
      if (!item.mark.empty()) later(Duration{0}, in::MarkPlayed{item.mark}, {});
    }
    buffer_.clear();
  }
  void act(const out::EndCall& end) {
    run_.end_reason = end.reason;
    later(milliseconds{100}, in::Hangup{"completed"}, {});
  }
  void act(const out::SaveLead&) {}
  void act(const out::Event& output) {
    const CallEvent& event = output.event;
    run_.events.push_back(event);
    if (event.name == "EOU") {
      ReplayUtterance utterance;
      utterance.turn = event.turn;
      utterance.decided_ms = event.media_time.ms();
      utterance.end_ms = utterance.decided_ms - number(event, "silence_ms");
      utterance.onset_ms = utterance.end_ms - number(event, "len_ms");
      utterance.voice_ms = number(event, "voice_ms");
      utterance.reason = number(event, "dropped") != 0 ? "dropped" : text(event, "reason");
      run_.utterances.push_back(std::move(utterance));
    } else if (event.name == "ASR_TEXT") {
      for (ReplayUtterance& utterance : run_.utterances) {
        if (utterance.turn == event.turn) utterance.text = text(event, "text");
      }
    } else if (event.name == "TTS_START" && clips_.contains(text(event, "text"))) {
      run_.spoken.emplace_back(to_ms(event.at - kStart), text(event, "text"));  // ready-made: it was never synthesised
    }
  }

  const ReplayProviders* providers_;
  bool keep_outputs_;
  const Clips& clips_;
  const std::string vad_;
  OutputDigest digest_;
  CallEngine engine_;
  Timestamp now_ = kStart;
  std::multimap<Timestamp, Pending> pending_;
  std::map<TurnId, std::vector<std::int16_t>> audio_;
  std::set<TurnId> cancelled_;
  std::deque<Buffered> buffer_;
  bool agent_sounds_ = false;
  ReplayRun run_;
};

}  // namespace

ReplayRun replay_audio(const std::vector<std::int16_t>& pcm_8k, const CallOptions& options,
                       const ReplayProviders& providers, std::uint64_t seed, bool keep_outputs) {
  Replayer replayer(options, &providers, seed, keep_outputs);
  audio::PcmFrame frame{};
  for (std::size_t at = 0; at < pcm_8k.size() && !replayer.ended(); at += kSamples) {
    const std::size_t count = std::min(kSamples, pcm_8k.size() - at);
    frame.fill(0);
    std::copy_n(pcm_8k.begin() + static_cast<std::ptrdiff_t>(at), count, frame.begin());
    replayer.frame(frame);
  }
  frame.fill(0);
  for (Duration after{0}; after < kAfterwards && !replayer.ended(); after += kFrame) {
    if (after > seconds{2} && !replayer.sounding()) break;
    replayer.frame(frame);
  }
  if (!replayer.ended()) replayer.feed(in::Hangup{"the recording is over"});
  return replayer.finish();
}

ReplayRun replay_record(const CallRecord& record, const CallOptions& options, bool keep_outputs) {
  Replayer replayer(options, nullptr, record.header.seed, keep_outputs);
  ReplayCheck check;
  check.whole = record.whole;
  auto point = record.digests.begin();
  const auto compare = [&](std::size_t inputs) {
    for (; point != record.digests.end() && point->inputs == inputs; ++point) {
      ++check.compared;
      const bool same = point->value == replayer.digest().value() && point->outputs == replayer.digest().outputs();
      if (!same && !check.differs_at) check.differs_at = point->at;
    }
  };
  compare(0);
  std::size_t inputs = 0;
  for (const TimedInput& timed : record.inputs) {
    replayer.set_now(kStart + timed.at);
    const auto* media = std::get_if<in::Media>(&timed.input);
    if (media != nullptr) replayer.play_frame();
    replayer.feed(timed.input);
    if (media != nullptr) replayer.note_caller(*media);
    compare(++inputs);
  }
  check.outputs = replayer.digest().outputs();
  ReplayRun run = replayer.finish();
  run.check = check;
  return run;
}

}  // namespace al::alctl
