// Whole telephone calls in virtual time over chains of providers: engine, chains and breakers are the real ones; the
// caller is simulated, the providers are what the test makes them. A driver without policy, like the daemon's. For
// tests only. One thread.
#pragma once

#include <map>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "dialog/call_engine.h"
#include "dialog/ports.h"
#include "dialog/simulated_caller.h"
#include "providers/scheduler.h"

namespace al::providers::testing {

struct CallPorts {
  dialog::SpeechToText& stt;
  dialog::LanguageModel& llm;
  dialog::TextToSpeech& tts;
};

class VirtualPhone final : public std::enable_shared_from_this<VirtualPhone> {
 public:
  static std::shared_ptr<VirtualPhone> dial(Scheduler& scheduler, const dialog::CallOptions& options, CallPorts ports,
                                            dialog::testing::CallerPlan plan, std::uint64_t seed) {
    auto phone = std::shared_ptr<VirtualPhone>(new VirtualPhone(scheduler, options, ports, std::move(plan), seed));
    phone->open(options);
    return phone;
  }
  [[nodiscard]] bool over() const { return over_; }
  [[nodiscard]] const dialog::testing::SimulatedCaller& person() const { return person_; }

 private:
  VirtualPhone(Scheduler& scheduler, const dialog::CallOptions& options, CallPorts ports,
               dialog::testing::CallerPlan plan, std::uint64_t seed)
      : scheduler_(scheduler),
        ports_(ports),
        engine_(options, scheduler.now(), seed),
        person_(std::move(plan), scheduler.now(), seed) {}

  // From a provider to the call, never inside the provider's own call.
  class Post {
   public:
    Post(Scheduler& scheduler, std::weak_ptr<VirtualPhone> phone) : scheduler_(scheduler), phone_(std::move(phone)) {}
    void operator()(dialog::Input input) const {
      scheduler_.at(scheduler_.now(), [phone = phone_, input = std::move(input)] {
        if (const auto alive = phone.lock()) alive->handle(input);
      });
    }

   private:
    Scheduler& scheduler_;
    std::weak_ptr<VirtualPhone> phone_;
  };
  struct Sinks final : dialog::SttSink, dialog::ModelSink, dialog::TtsSink {
    explicit Sinks(Post to_call) : post(std::move(to_call)) {}
    void on_partial(TurnId turn, std::string text, float stability) override {
      post(dialog::in::SttPartial{turn, std::move(text), stability});
    }
    void on_final(TurnId turn, std::string text, float confidence) override {
      post(dialog::in::SttFinal{turn, std::move(text), confidence});
    }
    void on_delta(TurnId turn, std::string text) override { post(dialog::in::ModelDelta{turn, std::move(text)}); }
    void on_tool_call(TurnId turn, std::string id, std::string name, std::string arguments) override {
      post(dialog::in::ModelToolCall{turn, std::move(id), std::move(name), std::move(arguments)});
    }
    void on_done(TurnId turn, dialog::ModelUsage) override { post(dialog::in::ModelDone{turn}); }
    void on_audio(SpeechId speech, std::vector<std::int16_t> pcm) override {
      post(dialog::in::TtsAudio{speech, std::move(pcm)});
    }
    void on_done(SpeechId speech) override { post(dialog::in::TtsDone{speech}); }
    void on_failed(SpeechId speech, Error error) override {
      post(dialog::in::ProviderFailed{dialog::Stage::kTts, {}, speech, std::move(error)});
    }
    // Recognisers and models fail by turn: two faces of one function.
    void on_failed(TurnId turn, Error error) override {
      post(dialog::in::ProviderFailed{stage, turn, {}, std::move(error)});
    }
    Post post;
    dialog::Stage stage = dialog::Stage::kModel;
  };

  void open(const dialog::CallOptions& options) {
    const Post post(scheduler_, weak_from_this());
    sinks_ = std::make_shared<Sinks>(post);
    auto ear = std::make_shared<Sinks>(post);
    ear->stage = dialog::Stage::kStt;
    dialog::SttOptions stt;
    stt.language = options.persona->language;
    stt_ = ports_.stt.open(stt, std::move(ear));
    drain();
    tick();
  }

  // A frame of the caller each 20 ms.
  void tick() {
    handle(person_.speak(scheduler_.now()));
    for (const std::string& mark : person_.listen(scheduler_.now())) handle(dialog::in::MarkPlayed{mark});
    if (!person_.go_on(scheduler_.now())) return hang_up();
    at(scheduler_.now() + audio::kFrameDuration, [](VirtualPhone& phone) { phone.tick(); });
  }
  void hang_up() {
    handle(dialog::in::Hangup{"end of the trial"});
    over_ = true;
    models_.clear();
    voices_.clear();
    stt_.reset();
  }

  void handle(const dialog::Input& input) {
    if (over_) return;
    if (const auto* done = std::get_if<dialog::in::ModelDone>(&input)) models_.erase(done->turn);
    if (const auto* done = std::get_if<dialog::in::TtsDone>(&input)) voices_.erase(done->speech);
    if (const auto* failed = std::get_if<dialog::in::ProviderFailed>(&input)) {
      if (failed->stage == dialog::Stage::kModel) models_.erase(failed->turn);
      if (failed->stage == dialog::Stage::kTts) voices_.erase(failed->speech);
    }
    engine_.handle(input, scheduler_.now());
    drain();
  }
  void drain() {
    while (auto output = engine_.poll_output()) {
      std::visit([this](auto& what) { act(what); }, *output);
    }
    const auto due = engine_.deadline();
    if (!due || due->when == armed_) return;
    armed_ = due->when;
    at(due->when, [when = due->when](VirtualPhone& phone) {
      if (phone.armed_ == when) phone.handle(dialog::in::DeadlineReached{});
    });
  }
  template <typename Work>
  void at(Timestamp when, Work work) {
    scheduler_.at(when, [weak = weak_from_this(), work] {
      if (const auto phone = weak.lock(); phone && !phone->over_) work(*phone);
    });
  }

  void act(dialog::out::StartStt& output) { stt_->start_turn(output.turn); }
  void act(dialog::out::FeedStt& output) { stt_->feed(output.turn, output.pcm); }
  void act(dialog::out::FinishStt& output) { stt_->finish_turn(output.turn); }
  void act(dialog::out::CancelStt& output) { stt_->cancel_turn(output.turn); }
  void act(dialog::out::AskModel& output) {
    const TurnId turn = output.request.turn;
    models_.erase(turn);
    models_[turn] = ports_.llm.start(std::move(output.request), sinks_);
  }
  void act(dialog::out::Synthesize& output) {
    const auto [speech, turn] = std::pair{output.request.speech, output.request.turn};
    voices_[speech] = {turn, ports_.tts.start(std::move(output.request), sinks_)};
  }
  void act(dialog::out::CancelTurn& output) {
    models_.erase(output.turn);
    std::erase_if(voices_, [&](const auto& entry) { return entry.second.first == output.turn; });
  }
  void act(dialog::out::RunTool& output) {
    Post(scheduler_, weak_from_this())(dialog::in::ToolResult{output.turn, output.id, output.name, "ok"});
  }
  void act(dialog::out::SendMedia& output) { person_.send_media(output.ulaw, scheduler_.now()); }
  void act(dialog::out::SendMark& output) { person_.send_mark(output.name); }
  void act(dialog::out::ClearPlayback&) { person_.clear(); }
  void act(dialog::out::EndCall&) { person_.on_end_call(); }
  void act(dialog::out::SaveLead&) {}
  void act(dialog::out::Event& output) { person_.on_event(output.event); }

  Scheduler& scheduler_;
  const CallPorts ports_;
  dialog::CallEngine engine_;
  dialog::testing::SimulatedCaller person_;
  std::shared_ptr<Sinks> sinks_;
  std::unique_ptr<dialog::SttSession> stt_;
  std::map<TurnId, std::unique_ptr<dialog::ModelSession>> models_;
  std::map<SpeechId, std::pair<TurnId, std::unique_ptr<dialog::TtsSession>>> voices_;
  Timestamp armed_{};
  bool over_ = false;
};

}  // namespace al::providers::testing
