#include "providers/chain_race.h"

namespace al::providers {
namespace {

using dialog::TextToSpeech;
using dialog::TtsRequest;
using dialog::TtsSession;
using dialog::TtsSink;

struct TtsTraits {
  using Port = TextToSpeech;
  using Sink = TtsSink;
  using Session = TtsSession;
  using Request = TtsRequest;
  using TtsRace = chain::Race<TtsTraits>;

  static const std::string& language(const TtsRequest& request) { return request.voice.language; }
  // A voice's name means something to its own provider only. One that was asked for by name keeps the first link's
  // meaning.
  static TtsRequest for_link(TtsRequest request, const ChainLink<TextToSpeech>& link) {
    const std::string tag = chain::primary_tag(request.voice.language);
    for (const std::string& key : {request.voice.language, tag, std::string()}) {
      for (const auto& [language, voice] : link.voices) {
        if (language != key) continue;
        request.voice.name = voice;
        return request;
      }
    }
    return request;
  }
  static void fail(TtsSink& sink, const TtsRequest& request, const Error& error) {
    sink.on_failed(request.speech, error);
  }
  static std::unique_ptr<TtsSession> start(TextToSpeech& port, TtsRequest request, const std::shared_ptr<TtsRace>& race,
                                           std::size_t attempt);
};

using TtsRace = TtsTraits::TtsRace;

// Hears one link.
class LinkSink final : public TtsSink {
 public:
  LinkSink(const std::shared_ptr<TtsRace>& race, std::size_t attempt, std::size_t shortest)
      : race_(race), attempt_(attempt), shortest_(shortest) {}

  // A few samples are no beginning: a voice that drips is as late as one that hangs.
  void on_audio(SpeechId speech, std::vector<std::int16_t> pcm_8k) override {
    samples_ += pcm_8k.size();
    const auto race = race_.lock();
    if (!race || pcm_8k.empty()) return;
    race->output(attempt_, enough() ? chain::Weight::kDecides : chain::Weight::kNothing,
                 [speech, pcm = std::move(pcm_8k)](TtsSink& sink) { sink.on_audio(speech, pcm); });
  }
  void on_done(SpeechId speech) override {
    if (const auto race = race_.lock()) {
      race->done(attempt_, enough(), [speech](TtsSink& sink) { sink.on_done(speech); });
    }
  }
  void on_failed(SpeechId, Error error) override {
    if (const auto race = race_.lock()) race->failed(attempt_, std::move(error));
  }

 private:
  [[nodiscard]] bool enough() const { return samples_ >= shortest_; }

  const std::weak_ptr<TtsRace> race_;
  const std::size_t attempt_;
  const std::size_t shortest_;
  std::size_t samples_ = 0;
};

std::unique_ptr<TtsSession> TtsTraits::start(TextToSpeech& port, TtsRequest request,
                                             const std::shared_ptr<TtsRace>& race, std::size_t attempt) {
  return port.start(std::move(request), std::make_shared<LinkSink>(race, attempt, race->times().shortest));
}

}  // namespace

Result<std::unique_ptr<TextToSpeech>> make_tts_chain(std::vector<ChainLink<TextToSpeech>> links,
                                                     TtsChainOptions options, Scheduler& scheduler,
                                                     ProviderObserver* observer) {
  const chain::RaceTimes times{options.hedge_after, options.first_deadline, options.progress_deadline,
                               options.last_deadline, options.shortest_samples};
  return chain::make_race_chain<TtsTraits>(ProviderStage::kTts, std::move(links), times, options.breaker, scheduler,
                                           observer, "voices");
}

}  // namespace al::providers
