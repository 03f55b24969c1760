#include "agentd/bench/talking_call.h"

#include <cmath>
#include <cstdlib>
#include <numbers>
#include <utility>

namespace al::bench {
namespace {

using namespace dialog;

constexpr int kClipSeconds = 55;  // below PlayoutOptions::max_speech

// Takes what it is given and says nothing.
class SilentProviders final : public SpeechToText, public LanguageModel, public TextToSpeech {
 public:
  std::unique_ptr<SttSession> open(const SttOptions&, std::shared_ptr<SttSink>) override {
    struct Session final : SttSession {
      void start_turn(TurnId) override {}
      void feed(TurnId, std::span<const std::int16_t>) override {}
      void finish_turn(TurnId) override {}
      void cancel_turn(TurnId) override {}
    };
    return std::make_unique<Session>();
  }
  std::unique_ptr<ModelSession> start(ModelRequest, std::shared_ptr<ModelSink>) override {
    return std::make_unique<ModelSession>();
  }
  std::unique_ptr<TtsSession> start(TtsRequest, std::shared_ptr<TtsSink>) override {
    return std::make_unique<TtsSession>();
  }
  void warm_up() override {}
  [[nodiscard]] std::string name() const override { return "silent"; }
};

Pcm long_tone() {
  Pcm pcm(static_cast<std::size_t>(audio::kSampleRateHz) * kClipSeconds);
  for (std::size_t i = 0; i < pcm.size(); ++i) {
    const double phase = 2 * std::numbers::pi * 440 * static_cast<double>(i) / audio::kSampleRateHz;
    pcm[i] = static_cast<std::int16_t>(6'000 * std::sin(phase));
  }
  return pcm;
}

}  // namespace

struct TalkingCalls::Shared {
  SilentProviders silent;
  CallOptions options;
  std::uint64_t calls = 0;
};

namespace {

class TalkingCall final : public agentd::CallSession, private agentd::CallServices {
 public:
  explicit TalkingCall(TalkingCalls::Shared& shared) : shared_(shared) {}

  std::shared_ptr<agentd::CallDriver> start(net::Loop& loop, agentd::MediaOut& out, Timestamp now) override {
    return agentd::CallDriver::start(loop, shared_.options, {shared_.silent, shared_.silent, shared_.silent}, out,
                                     *this, now, ++shared_.calls);
  }
  [[nodiscard]] bool finished() const override { return false; }

 private:
  void on_input(const Input&, Timestamp) override {}
  void on_event(const CallEvent&) override {}
  void feed_stt_copy(const audio::PcmFrame&) override {}
  void save_lead(const out::SaveLead&) override {}
  void run_tool(const out::RunTool&, std::function<void(std::string)>) override {}
  void end_call(const std::string&) override {}

  TalkingCalls::Shared& shared_;
};

}  // namespace

TalkingCalls::TalkingCalls() : shared_(std::make_unique<Shared>()) {
  auto persona = Persona::built_in("en-real-estate");
  if (!persona) std::abort();  // it is part of the program
  shared_->options.persona = std::move(*persona);
  shared_->options.call_sid = "CA0";
  shared_->options.greeting = "A long greeting.";
  shared_->options.clips[*shared_->options.greeting] = std::make_shared<const Pcm>(long_tone());
}

TalkingCalls::~TalkingCalls() = default;

std::unique_ptr<agentd::CallSession> TalkingCalls::make() {
  return std::make_unique<TalkingCall>(*shared_);
}

}  // namespace al::bench
