// What a program has that talks to providers, for benchmarks: an HTTP client, a loop, timers, and the chains
// google+whisper, openai+scripted, google+azure against fakes that speak the real protocols on loopback.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "dialog/persona.h"
#include "dialog/ports.h"
#include "net/http_client.h"
#include "net/loop.h"
#include "providers/chain.h"
#include "providers/fakes/fake_google_speech.h"
#include "providers/fakes/fake_http.h"
#include "providers/fakes/fault.h"
#include "providers/fakes/test_keys.h"

namespace al::agentd::bench {

// Every answer of the fake models begins so; a ready-made phrase of the persona never does.
inline constexpr std::string_view kAnswerOpening = "יש לי משהו";

// One set of fakes: a place where everything of one provider lives.
struct Site {
  // `places` makes the texts of two sites differ: "ברחוב".
  Site(const providers::TestServiceAccount& account, const std::string& places);
  providers::FakeScript script;
  providers::FakeGoogleSpeech speech;
  providers::FakeHttp http;
};

// Counts what the chains decided about the first provider of each. Thread-safe.
class BreakerWatch final : public providers::ProviderObserver {
 public:
  void on_provider_event(const providers::ProviderEvent& event) override;
  struct Counts {
    int ok = 0;
    int failed = 0;  // failures and timeouts: what a breaker counts
    int opened = 0;
    int closed = 0;
    bool open = false;  // now
  };
  // Of all providers together.
  [[nodiscard]] Counts counts() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Counts> by_provider_;
};

// Everything lives until the object dies; calls that use it must be gone by then.
class Program {
 public:
  // `first` serves Google's recogniser and voice and OpenAI's model, `second` the recogniser and the voice behind them.
  Program(const providers::TestServiceAccount& account, Site& first, Site& second,
          std::shared_ptr<const dialog::Persona> persona);
  ~Program();

  // The longest rest of a breaker, so that a benchmark knows how long to wait for a probe.
  static constexpr Duration kLongestRest = seconds{2};

  net::HttpClient http;
  std::unique_ptr<providers::Scheduler> scheduler = providers::make_timer_thread();
  net::LoopThread loop{"calls"};
  BreakerWatch watch;
  std::unique_ptr<dialog::SpeechToText> stt;
  std::unique_ptr<dialog::LanguageModel> llm;
  std::unique_ptr<dialog::TextToSpeech> tts;
};

}  // namespace al::agentd::bench
