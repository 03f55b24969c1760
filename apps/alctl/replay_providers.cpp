#include "alctl/replay_providers.h"

#include <utility>

#include "alctl/own_providers.h"

namespace al::alctl {
namespace {

class Heard final : public dialog::SttSink, public Collected<std::string> {
 public:
  void on_partial(TurnId, std::string, float) override {}
  void on_final(TurnId, std::string text, float) override {
    change([&](std::string& value) { value = std::move(text); });
    finish({});
  }
  void on_failed(TurnId, Error error) override { finish(to_string(error)); }
};

class Said final : public dialog::ModelSink, public Collected<std::vector<std::string>> {
 public:
  void on_delta(TurnId, std::string text) override {
    change([&](auto& deltas) { deltas.push_back(std::move(text)); });
  }
  void on_tool_call(TurnId, std::string, std::string, std::string) override {}  // a replay runs no tools
  void on_done(TurnId, dialog::ModelUsage) override { finish({}); }
  void on_failed(TurnId, Error error) override { finish(to_string(error)); }
};

class Spoken final : public dialog::TtsSink, public Collected<std::vector<std::int16_t>> {
 public:
  void on_audio(SpeechId, std::vector<std::int16_t> pcm) override {
    change([&](auto& all) { all.insert(all.end(), pcm.begin(), pcm.end()); });
  }
  void on_done(SpeechId) override { finish({}); }
  void on_failed(SpeechId, Error error) override { finish(to_string(error)); }
};

}  // namespace

struct WireProviders::Impl {
  std::shared_ptr<const dialog::Persona> persona;
  Settings settings;
  Wants wants;
  std::vector<std::string> problems;
  std::uint64_t speeches = 0;
  TurnId turn;
  std::unique_ptr<OwnProviders> own;

  // What failed is kept for the report.
  template <typename Sink>
  auto wait(Sink& sink) {
    auto [value, problem] = sink.wait();
    if (!problem.empty()) problems.push_back(std::move(problem));
    return std::move(value);
  }
};

WireProviders::WireProviders(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
WireProviders::~WireProviders() = default;
const std::vector<std::string>& WireProviders::problems() const {
  return impl_->problems;
}

Result<std::unique_ptr<WireProviders>> WireProviders::open(const Settings& settings,
                                                           std::shared_ptr<const dialog::Persona> persona,
                                                           Wants wants) {
  auto impl = std::make_unique<Impl>();
  impl->persona = persona;
  impl->settings = settings;
  impl->wants = wants;
  // Nothing of a replay stays on this machine.
  if (auto set = impl->settings.set("tts_cache_mb", "0"); !set) return fail(set.error());
  providers::FactoryWants build;
  build.stt = wants.stt;
  build.llm = wants.llm;
  build.tts = wants.tts;
  build.warm_phrases = false;
  auto opened = OwnProviders::open(impl->settings, std::move(persona), build);
  if (!opened) return fail(opened.error());
  impl->own = std::move(*opened);
  return std::unique_ptr<WireProviders>(new WireProviders(std::move(impl)));
}

void WireProviders::serve(ReplayProviders& providers) {
  Impl& my = *impl_;
  if (my.wants.stt) {
    providers.recognise = [&my](const std::vector<std::int16_t>& pcm) {
      const auto sink = std::make_shared<Heard>();
      dialog::SttOptions options;
      options.language = my.persona->language;
      options.hints = my.persona->hints;
      options.call = "replay";
      const auto session = my.own->set.stt->open(options, sink);
      my.turn = my.turn.next();
      session->start_turn(my.turn);
      session->feed(my.turn, pcm);
      session->finish_turn(my.turn);
      return my.wait(*sink);
    };
  }
  if (my.wants.llm) {
    providers.answer = [&my](const dialog::ModelRequest& request) {
      const auto sink = std::make_shared<Said>();
      const auto session = my.own->set.llm->start(request, sink);
      return my.wait(*sink);
    };
  }
  if (my.wants.tts) {
    providers.speak = [&my](const std::string& text) {
      const auto sink = std::make_shared<Spoken>();
      dialog::TtsRequest request;
      request.speech = {++my.speeches};
      request.text = text;
      request.voice.language = my.persona->language;
      request.voice.rate = my.settings.number("tts_rate");
      request.call = "replay";
      const auto session = my.own->set.tts->start(std::move(request), sink);
      return my.wait(*sink);
    };
  }
}

}  // namespace al::alctl
