// Whole calls in real time with real adapters, chains, driver and engine against fakes that speak the providers'
// protocols over sockets on loopback.
//
//   al_agentd_provider_calls latency [turns]   caller's last sound -> first sound of the agent, with published
//   latencies al_agentd_provider_calls faults  [calls]   16 faults x {stt, llm, tts} x calls: the longest silence,
//   failures, leaks
//
// Exit code 0 when every promise was kept: 1.5 s of silence at most, no leaked stream or request; latency p50 <= 1.0 s.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "agentd/call_driver.h"
#include "audio/g711.h"
#include "core/log.h"
#include "dialog/scripted_agent.h"
#include "net/http_client.h"
#include "net/loop.h"
#include "providers/chain.h"
#include "providers/fakes/fake_google_speech.h"
#include "providers/fakes/fake_http.h"
#include "providers/fakes/fake_reply.h"
#include "providers/fakes/test_keys.h"
#include "providers/google_stt.h"
#include "providers/http_tts.h"
#include "providers/openai_chat.h"
#include "providers/openai_transcribe.h"

namespace al {
namespace {

using namespace providers;

constexpr milliseconds kFrame{20};
constexpr milliseconds kSilenceLimit{1500};
constexpr std::string_view kKey = "fake-key";

// One set of fakes: a place where everything of one provider lives.
struct Site {
  explicit Site(const TestServiceAccount& account)
      : speech(script, {.api_key = std::string(kKey), .service_account_public_key = account.public_key_pem}),
        http(script, {.api_key = std::string(kKey), .service_account_public_key = account.public_key_pem}) {
    // No two alike: a caller who repeats himself, and an agent who does, are answered in other ways.
    std::vector<std::string> said;
    std::vector<FakeAnswer> answers;
    for (int i = 0; i < 500; ++i) {
      said.push_back(fmt::format("אני מחפש דירה ברחוב מספר {}", i));
      answers.push_back({.text = fmt::format("יש לי משהו ברחוב {}, כמה חדרים אתם צריכים?", i), .tool_name = {}});
    }
    script.set_transcripts(std::move(said));
    script.set_answers(std::move(answers));
  }
  FakeScript script;
  FakeGoogleSpeech speech;
  FakeHttp http;
};

// Counts breaker events.
class Watcher final : public ProviderObserver {
 public:
  void on_provider_event(const ProviderEvent& event) override {
    opened += event.outcome == ProviderOutcome::kBreakerOpened ? 1 : 0;
    closed += event.outcome == ProviderOutcome::kBreakerClosed ? 1 : 0;
  }
  std::atomic<int> opened{0};
  std::atomic<int> closed{0};
};

// What a program has: client, loop, timers, and the chains google+whisper, openai+scripted, google+azure.
class Program {
 public:
  Program(const TestServiceAccount& account, Site& first, Site& second,
          std::shared_ptr<const dialog::Persona> persona) {
    const ProviderContext context{http, *scheduler, loop.loop()};
    const auto key = *parse_service_account(account.json);
    GoogleSttOptions google;
    google.endpoint = "http://" + first.speech.endpoint();
    google.tokens = make_self_signed_token_source(key, "https://speech.googleapis.com/");
    OpenAiTranscribeOptions whisper;
    whisper.base_url = second.http.http_origin() + "/v1";
    whisper.api_key = kKey;
    whisper.model = "fake";
    OpenAiChatOptions chat;
    chat.base_url = first.http.http_origin() + "/v1";
    chat.api_key = kKey;
    chat.model = "fake";
    GoogleTtsOptions voice;
    voice.base_url = first.http.http_origin();
    voice.tokens = make_self_signed_token_source(key, "https://texttospeech.googleapis.com/");
    AzureTtsOptions azure;
    azure.base_url = second.http.http_origin();
    azure.api_key = kKey;
    BreakerOptions breaker;
    breaker.open_for = seconds{1};
    breaker.rejected_for = seconds{1};
    stt = *make_stt_chain({link<dialog::SpeechToText>(make_google_stt(google, *scheduler)),
                           link<dialog::SpeechToText>(*make_openai_transcribe(whisper, context))},
                          {.breaker = breaker}, *scheduler, &watcher);
    llm = *make_model_chain(
        {link<dialog::LanguageModel>(*make_openai_chat(chat, context)),
         link<dialog::LanguageModel>(std::make_unique<dialog::ScriptedAgent>(
             std::move(persona), [this](std::function<void()> work) { loop.loop().post(std::move(work)); }))},
        {.breaker = breaker}, *scheduler, &watcher);
    tts = *make_tts_chain({link<dialog::TextToSpeech>(*make_google_tts(voice, context)),
                           link<dialog::TextToSpeech>(*make_azure_tts(azure, context))},
                          {.breaker = breaker}, *scheduler, &watcher);
  }
  ~Program() {
    tts.reset();
    llm.reset();
    stt.reset();
  }

  net::HttpClient http;
  std::unique_ptr<Scheduler> scheduler = make_timer_thread();
  net::LoopThread loop{"calls"};
  Watcher watcher;
  std::unique_ptr<dialog::SpeechToText> stt;
  std::unique_ptr<dialog::LanguageModel> llm;
  std::unique_ptr<dialog::TextToSpeech> tts;

 private:
  template <typename Port>
  static ChainLink<Port> link(std::unique_ptr<Port> provider) {
    return {.provider = std::move(provider), .languages = {}, .voices = {}};
  }
};

dialog::CallOptions call_options(std::shared_ptr<const dialog::Persona> persona) {
  dialog::CallOptions options;
  options.persona = persona;
  options.greeting = "";
  auto& endpoint = options.listen.endpoint;
  endpoint.min_silence = endpoint.short_silence = endpoint.long_silence = milliseconds{400};
  for (const std::string& phrase : persona->fixed_phrases()) {
    options.clips[phrase] = std::make_shared<dialog::Pcm>(fake_speech(phrase, audio::kSampleRateHz));
  }
  return options;
}

// One caller: speaks, falls silent, listens; again. Lives on the loop.
class Caller final : public agentd::MediaOut, public agentd::CallServices {
 public:
  Caller(Program& program, const dialog::CallOptions& options, int turns, std::uint64_t seed)
      : program_(program),
        turns_(turns),
        voice_(caller_voice(seed)),
        timer_(program.loop.loop(), [this](Timestamp now) { tick(now); }) {
    start_ = monotonic_now();
    driver_ = agentd::CallDriver::start(program.loop.loop(), options, {*program.stt, *program.llm, *program.tts}, *this,
                                        *this, start_, seed);
    timer_.arm(start_);
  }

  // For every turn: from the caller's last sound to the agent's first; the limit of waiting where none came.
  [[nodiscard]] const std::vector<Duration>& gaps() const { return gaps_; }
  std::atomic<bool> finished{false};

  void send_media(const audio::UlawFrame& ulaw) override {
    constexpr int kAudible = 300;
    const auto pcm = audio::decode_frame(ulaw);
    const bool sound = std::any_of(pcm.begin(), pcm.end(), [](std::int16_t s) { return std::abs(s) > kAudible; });
    if (!sound || !waiting_) return;
    gaps_.push_back(monotonic_now() - last_sound_);
    waiting_ = false;
  }
  // Twilio plays at once here, so a mark comes back when its frames have had their time.
  void send_mark(const std::string& name) override { marks_.push_back({monotonic_now() + milliseconds{60}, name}); }
  void clear() override {}
  void on_input(const dialog::Input&, Timestamp) override {}
  void on_event(const dialog::CallEvent&) override {}
  void feed_stt_copy(const audio::PcmFrame&) override {}
  void save_lead(const dialog::out::SaveLead&) override {}
  void run_tool(const dialog::out::RunTool&, std::function<void(std::string)> answer) override { answer("ok"); }
  void end_call(const std::string&) override { stop(); }

 private:
  static std::vector<std::int16_t> caller_voice(std::uint64_t seed) {
    // 1.2-1.6 s; every sample of it is loud enough to be the caller's sound.
    auto pcm = fake_speech(std::string(20 + seed % 5, 'a'), audio::kSampleRateHz);
    for (std::size_t i = 0; i < pcm.size(); ++i)
      pcm[i] = static_cast<std::int16_t>(pcm[i] / 2 + static_cast<int>(4000 * std::sin(static_cast<double>(i) * 0.13)));
    pcm.resize(pcm.size() / audio::kFrameSamples * audio::kFrameSamples);
    return pcm;
  }

  void tick(Timestamp now) {
    if (finished) return;
    audio::PcmFrame frame{};
    const bool speaking = phase_ == Phase::kSpeaks;
    if (speaking) {
      std::copy_n(voice_.begin() + static_cast<std::ptrdiff_t>(position_), audio::kFrameSamples, frame.begin());
      position_ += audio::kFrameSamples;
      last_sound_ = now;
    }
    dialog::in::Media media;
    media.sequence = ++sequence_;
    media.media_time = MediaTime{static_cast<std::int64_t>((sequence_ - 1) * audio::kFrameSamples)};
    media.ulaw = audio::encode_frame(frame);
    driver_->handle(media, now);
    while (!marks_.empty() && marks_.front().first <= now && !finished) {
      const std::string name = marks_.front().second;
      marks_.erase(marks_.begin());
      driver_->handle(dialog::in::MarkPlayed{name}, now);
    }
    advance(now);
    if (!finished) timer_.arm(start_ + sequence_ * kFrame);
  }

  void advance(Timestamp now) {
    constexpr milliseconds kBefore{600};
    constexpr milliseconds kListen{2500};  // to the answer; the rest of it is talked over at the next turn
    switch (phase_) {
      case Phase::kQuiet:
        if (now - start_ < kBefore) return;
        phase_ = Phase::kSpeaks;
        break;
      case Phase::kSpeaks:
        if (position_ < voice_.size()) return;
        position_ = 0;
        waiting_ = true;
        phase_ = Phase::kListens;
        break;
      case Phase::kListens:
        if (now - last_sound_ < kListen) return;
        if (waiting_) gaps_.push_back(kListen);
        waiting_ = false;
        if (--turns_ == 0) return stop();
        phase_ = Phase::kSpeaks;
        break;
    }
  }

  void stop() {
    if (finished) return;
    if (waiting_) gaps_.push_back(monotonic_now() - last_sound_);
    finished = true;
    driver_->handle(dialog::in::Hangup{"end of the trial"}, monotonic_now());
    driver_->close();
    timer_.cancel();
  }

  enum class Phase { kQuiet, kSpeaks, kListens };
  Program& program_;
  int turns_;
  const std::vector<std::int16_t> voice_;
  net::Timer timer_;
  std::shared_ptr<agentd::CallDriver> driver_;
  Timestamp start_{};
  Timestamp last_sound_{};
  std::uint64_t sequence_ = 0;
  std::size_t position_ = 0;
  Phase phase_ = Phase::kQuiet;
  bool waiting_ = false;
  std::vector<std::pair<Timestamp, std::string>> marks_;
  std::vector<Duration> gaps_;
};

struct Trial {
  std::vector<Duration> gaps;
};

// `calls` at once, spread over one frame, each with `turns` turns.
Trial run_calls(Program& program, const dialog::CallOptions& options, int calls, int turns) {
  std::vector<std::unique_ptr<Caller>> callers(static_cast<std::size_t>(calls));
  for (std::size_t i = 0; i < callers.size(); ++i) {
    program.loop.loop().post([&, i] { callers[i] = std::make_unique<Caller>(program, options, turns, i + 1); });
  }
  std::atomic<bool> all{false};
  while (!all) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    program.loop.loop().post(
        [&] { all = std::all_of(callers.begin(), callers.end(), [](const auto& c) { return c && c->finished; }); });
  }
  Trial trial;
  std::atomic<bool> collected{false};
  program.loop.loop().post([&] {
    for (const auto& caller : callers) {
      trial.gaps.insert(trial.gaps.end(), caller->gaps().begin(), caller->gaps().end());
    }
    callers.clear();
    collected = true;
  });
  while (!collected) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return trial;
}

std::int64_t percentile(std::vector<Duration> values, double fraction) {
  if (values.empty()) return -1;
  std::sort(values.begin(), values.end());
  return to_ms(values[static_cast<std::size_t>(fraction * static_cast<double>(values.size() - 1))]);
}

int measure_latency(int turns, milliseconds speculate_after) {
  const auto account = make_test_service_account();
  Site first(account);
  Site second(account);
  const auto persona = *dialog::Persona::built_in("he-real-estate");
  Program program(account, first, second, persona);
  auto options = call_options(persona);
  options.turn.speculate_after = speculate_after;
  constexpr int kCalls = 4;
  const Trial trial = run_calls(program, options, kCalls, turns);
  constexpr std::int64_t kProviders = 150 + 350 + 100;
  const std::int64_t p50 = percentile(trial.gaps, 0.5);
  fmt::print("caller's last sound -> agent's first sound, {} turns: p50 {} ms, p95 {} ms, max {} ms\n",
             trial.gaps.size(), p50, percentile(trial.gaps, 0.95), percentile(trial.gaps, 1.0));
  fmt::print(
      "of p50: endpointing 400 ms, providers {} ms (recogniser 150, first token 350, first audio 100), the rest {} "
      "ms\n",
      kProviders, p50 - 400 - kProviders);
  return p50 <= 1000 ? 0 : 1;
}

struct Verdict {
  std::int64_t worst_ms = 0;
  int silent = 0;
  bool leaked = false;
  int opened = 0;
  int closed = 0;
};

Verdict try_fault(const TestServiceAccount& account, const std::shared_ptr<const dialog::Persona>& persona,
                  FakeStage stage, Fault fault, int calls) {
  Site first(account);
  Site second(account);
  Verdict verdict;
  {
    Program program(account, first, second, persona);
    const auto options = call_options(persona);
    first.script.set_fault(stage, fault);
    const Trial trial = run_calls(program, options, calls, 1);
    for (const Duration gap : trial.gaps) {
      verdict.worst_ms = std::max(verdict.worst_ms, to_ms(gap));
      verdict.silent += gap > kSilenceLimit ? 1 : 0;
    }
    // The provider recovers: a probe must close the breaker again.
    first.script.set_fault(stage, Fault::kNone, 0);
    if (program.watcher.opened > 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2500));
      run_calls(program, options, 2, 1);
    }
    verdict.opened = program.watcher.opened;
    verdict.closed = program.watcher.closed;
    const Timestamp patience = monotonic_now() + seconds{3};
    while ((first.script.open_streams > 0 || program.http.stats().running > 0) && monotonic_now() < patience) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    verdict.leaked = first.script.open_streams > 0 || program.http.stats().running > 0;
  }
  return verdict;
}

int measure_faults(int calls, std::string_view only) {
  const auto account = make_test_service_account();
  const auto persona = *dialog::Persona::built_in("he-real-estate");
  constexpr std::pair<FakeStage, const char*> kStages[] = {
      {FakeStage::kStt, "stt"}, {FakeStage::kModel, "llm"}, {FakeStage::kTts, "tts"}};
  int bad = 0;
  fmt::print("{:<6}{:<18}{:>9}{:>8}{:>8}{:>9}{:>9}\n", "stage", "fault", "worst ms", "silent", "leaked", "opened",
             "closed");
  int cells = 0;
  for (const auto& [stage, name] : kStages) {
    if (!only.empty() && only != name) continue;
    for (const Fault fault : kAllFaults) {
      ++cells;
      const Verdict v = try_fault(account, persona, stage, fault, calls);
      const bool ok = v.silent == 0 && !v.leaked && (v.opened == 0 || v.closed > 0);
      bad += ok ? 0 : 1;
      fmt::print("{:<6}{:<18}{:>9}{:>8}{:>8}{:>9}{:>9}{}\n", name, to_string(fault), v.worst_ms, v.silent,
                 v.leaked ? "yes" : "no", v.opened, v.closed, ok ? "" : "  <--");
      std::fflush(stdout);
    }
  }
  fmt::print("{} of {} cells kept every promise\n", cells - bad, cells);
  return bad == 0 ? 0 : 1;
}

}  // namespace
}  // namespace al

int main(int argc, char** argv) {
  al::log::set_level(al::log::Level::kOff);
  const std::string what = argc > 1 ? argv[1] : "";
  const int count = argc > 2 ? std::atoi(argv[2]) : 0;
  if (what == "latency") {
    return al::measure_latency(count > 0 ? count : 10, al::milliseconds(argc > 3 ? std::atoi(argv[3]) : 0));
  }
  if (what == "faults") return al::measure_faults(count > 0 ? count : 20, argc > 3 ? argv[3] : "");
  fmt::print(stderr, "usage: al_agentd_provider_calls latency [turns] [speculate_ms] | faults [calls] [stage]\n");
  return 2;
}
