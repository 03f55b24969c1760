#include "agentd/call_driver.h"

#include <utility>
#include <variant>

namespace al::agentd {

using namespace dialog;

namespace {

// From a provider's thread to the call's loop. A call that is gone by then is not missed by anybody.
class Poster {
 public:
  Poster(net::Loop& loop, std::weak_ptr<CallDriver> driver) : loop_(loop), driver_(std::move(driver)) {}
  void operator()(Input input) const {
    loop_.post([driver = driver_, input = std::move(input)] {
      if (const auto alive = driver.lock()) alive->handle(input, monotonic_now());
    });
  }

 private:
  net::Loop& loop_;
  std::weak_ptr<CallDriver> driver_;
};

class SttToLoop final : public SttSink {
 public:
  explicit SttToLoop(Poster post) : post_(std::move(post)) {}
  void on_partial(TurnId turn, std::string text, float stability) override {
    post_(in::SttPartial{turn, std::move(text), stability});
  }
  void on_final(TurnId turn, std::string text, float confidence) override {
    post_(in::SttFinal{turn, std::move(text), confidence});
  }
  void on_failed(TurnId turn, Error error) override {
    post_(in::ProviderFailed{Stage::kStt, turn, {}, std::move(error)});
  }

 private:
  Poster post_;
};

class ModelToLoop final : public ModelSink {
 public:
  explicit ModelToLoop(Poster post) : post_(std::move(post)) {}
  void on_delta(TurnId turn, std::string text) override { post_(in::ModelDelta{turn, std::move(text)}); }
  void on_tool_call(TurnId turn, std::string id, std::string name, std::string arguments_json) override {
    post_(in::ModelToolCall{turn, std::move(id), std::move(name), std::move(arguments_json)});
  }
  void on_done(TurnId turn, ModelUsage) override { post_(in::ModelDone{turn}); }
  void on_failed(TurnId turn, Error error) override {
    post_(in::ProviderFailed{Stage::kModel, turn, {}, std::move(error)});
  }

 private:
  Poster post_;
};

class TtsToLoop final : public TtsSink {
 public:
  explicit TtsToLoop(Poster post) : post_(std::move(post)) {}
  void on_audio(SpeechId speech, std::vector<std::int16_t> pcm_8k) override {
    post_(in::TtsAudio{speech, std::move(pcm_8k)});
  }
  void on_done(SpeechId speech) override { post_(in::TtsDone{speech}); }
  void on_failed(SpeechId speech, Error error) override {
    post_(in::ProviderFailed{Stage::kTts, {}, speech, std::move(error)});
  }

 private:
  Poster post_;
};

}  // namespace

std::shared_ptr<CallDriver> CallDriver::start(net::Loop& loop, const CallOptions& options, CallPorts ports,
                                              MediaOut& out, CallServices& services, Timestamp now,
                                              std::uint64_t seed) {
  std::shared_ptr<CallDriver> driver(new CallDriver(loop, options, ports, out, services, now, seed));
  driver->open_providers(options);
  driver->drain();
  return driver;
}

CallDriver::CallDriver(net::Loop& loop, const CallOptions& options, CallPorts ports, MediaOut& out,
                       CallServices& services, Timestamp now, std::uint64_t seed)
    : loop_(loop),
      ports_(ports),
      out_(out),
      services_(services),
      engine_(options, now, seed),
      timer_(loop, [this](Timestamp due) { handle(in::DeadlineReached{}, due); }) {}

void CallDriver::open_providers(const CallOptions& options) {
  const Poster post(loop_, weak_from_this());
  stt_sink_ = std::make_shared<SttToLoop>(post);
  model_sink_ = std::make_shared<ModelToLoop>(post);
  tts_sink_ = std::make_shared<TtsToLoop>(post);
  SttOptions stt;
  stt.language = options.persona->language;
  stt.hints = options.persona->hints;
  stt.call = options.call_sid;
  stt_ = ports_.stt.open(stt, stt_sink_);
  ports_.llm.warm_up();
  ports_.tts.warm_up();
}

void CallDriver::handle(const Input& input, Timestamp now) {
  if (closed_) return;
  const auto alive = shared_from_this();  // ending the call inside drain() may drop the owner's reference
  services_.on_input(input, now);
  // A provider that has said its last word needs no session any more.
  if (const auto* done = std::get_if<in::ModelDone>(&input)) models_.erase(done->turn);
  if (const auto* done = std::get_if<in::TtsDone>(&input)) syntheses_.erase(done->speech);
  if (const auto* failed = std::get_if<in::ProviderFailed>(&input)) {
    if (failed->stage == Stage::kModel) models_.erase(failed->turn);
    if (failed->stage == Stage::kTts) syntheses_.erase(failed->speech);
  }
  engine_.handle(input, now);
  drain();
}

void CallDriver::drain() {
  while (!closed_) {
    auto output = engine_.poll_output();
    if (!output) break;
    services_.on_output(*output);
    std::visit([this](auto& what) { act(what); }, *output);
  }
  if (!closed_) arm();
}

void CallDriver::arm() {
  if (const auto deadline = engine_.deadline()) {
    timer_.arm(deadline->when);
  } else {
    timer_.cancel();
  }
}

void CallDriver::close() {
  closed_ = true;
  timer_.cancel();
  models_.clear();
  syntheses_.clear();
  stt_.reset();
}

void CallDriver::act(out::StartStt& output) {
  if (stt_) stt_->start_turn(output.turn);
}

void CallDriver::act(out::FeedStt& output) {
  services_.feed_stt_copy(output.pcm);
  if (stt_) stt_->feed(output.turn, output.pcm);
}

void CallDriver::act(out::FinishStt& output) {
  if (stt_) stt_->finish_turn(output.turn);
}

void CallDriver::act(out::CancelStt& output) {
  if (stt_) stt_->cancel_turn(output.turn);
}

void CallDriver::act(out::AskModel& output) {
  const TurnId turn = output.request.turn;
  models_.erase(turn);  // asked again after a tool: the earlier session is over
  models_[turn] = ports_.llm.start(std::move(output.request), model_sink_);
}

void CallDriver::act(out::Synthesize& output) {
  const SpeechId speech = output.request.speech;
  const TurnId turn = output.request.turn;
  syntheses_[speech] = {turn, ports_.tts.start(std::move(output.request), tts_sink_)};
}

void CallDriver::act(out::CancelTurn& output) {
  models_.erase(output.turn);
  std::erase_if(syntheses_, [&](const auto& entry) { return entry.second.turn == output.turn; });
}

void CallDriver::act(out::RunTool& output) {
  services_.run_tool(output, [post = Poster(loop_, weak_from_this()), turn = output.turn, id = output.id,
                              name = output.name](std::string result) {
    post(in::ToolResult{turn, id, name, std::move(result)});
  });
}

}  // namespace al::agentd
