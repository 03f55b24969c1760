// What the embedded engines cost and how well they hear: load time, memory, time per utterance, word error rate.
//
//   al_local_speech_bench [--tiny] [--threads N] [--variation X] [--rate X] [--print] [--speaker ID]… [--list FILE]
//
// Without --list, sentences of a caller are spoken by the Piper voice with the given speakers (default: the caller's),
// sent through µ-law and recognised. FILE holds lines of "sound file<TAB>what is said".
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "audio/g711.h"
#include "audio/wav_file.h"
#include "providers/local_moonshine.h"
#include "providers/local_speech.h"
#include "providers/testing_words.h"

namespace {

using namespace al;
using Pcm = std::vector<std::int16_t>;

constexpr const char* kSentences[] = {
    "Hello, I am looking for an apartment in Tel Aviv.",
    "I need four rooms and a balcony if possible.",
    "My budget is about two and a half million shekels.",
    "We would like to move in the summer.",
    "My name is Daniel Cohen.",
    "You can call me back at zero five four, one two three, four five six seven.",
    "Yes, that is correct, thank you very much.",
    "Is there parking and an elevator in the building?",
    "I want to sell my house near the sea.",
    "Please send me the details by WhatsApp.",
    "No, I do not have a mortgage yet.",
    "Could you say that again, please?",
    "We have two children and a small dog.",
    "Tomorrow morning at ten would be fine.",
    "I prefer Haifa or one of the towns nearby.",
    "How much is the monthly rent?",
    "The apartment should be on a quiet street.",
    "Sorry, I have to think about it.",
    "Let us meet on Sunday at half past five.",
    "Goodbye.",
};

struct Sample {
  std::string text;
  Pcm pcm;
};

long resident_kib(const char* field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field)) return std::atol(line.c_str() + std::string_view(field).size());
  }
  return 0;
}

class Waiting {
 protected:
  void finish() {
    {
      const std::lock_guard lock(mutex_);
      done_ = true;
    }
    changed_.notify_all();
  }

 public:
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return done_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
};

struct Speech final : dialog::TtsSink, Waiting {
  void on_audio(SpeechId, std::vector<std::int16_t> part) override {
    if (pcm.empty()) first = monotonic_now();
    pcm.insert(pcm.end(), part.begin(), part.end());
  }
  void on_done(SpeechId) override { finish(); }
  void on_failed(SpeechId, Error error) override {
    std::fprintf(stderr, "%s\n", to_string(error).c_str());
    finish();
  }
  Pcm pcm;
  Timestamp first;
};

struct Hearing final : dialog::SttSink, Waiting {
  void on_partial(TurnId, std::string, float) override {}
  void on_final(TurnId, std::string heard, float how_sure) override {
    at = monotonic_now();
    text = std::move(heard);
    confidence = how_sure;
    finish();
  }
  void on_failed(TurnId, Error error) override {
    std::fprintf(stderr, "%s\n", to_string(error).c_str());
    finish();
  }
  std::string text;
  float confidence = 0;
  Timestamp at;
};

struct Times {
  std::vector<double> ms;
  void add(Duration duration) { ms.push_back(static_cast<double>(duration.count()) / 1000.0); }
  double at(double share) {
    if (ms.empty()) return 0;
    std::sort(ms.begin(), ms.end());
    return ms[static_cast<std::size_t>(share * static_cast<double>(ms.size() - 1))];
  }
};

Pcm over_the_line(Pcm pcm) {
  for (auto& sample : pcm) sample = audio::decode_ulaw(audio::encode_ulaw(sample));
  pcm.insert(pcm.begin(), 8 * 300, std::int16_t{0});  // as the engine hands it over: pre-roll and the closing silence
  pcm.insert(pcm.end(), 8 * 400, std::int16_t{0});
  return pcm;
}

std::vector<Sample> speak(providers::LocalSpeech& engines, const std::string& speaker, double rate, Times& first,
                          Times& whole) {
  const auto tts = engines.piper();
  std::vector<Sample> samples;
  for (const char* sentence : kSentences) {
    dialog::TtsRequest request;
    request.speech = {1};
    request.text = sentence;
    request.voice = {.language = "en-US", .name = speaker, .rate = rate};
    const auto sink = std::make_shared<Speech>();
    const Timestamp start = monotonic_now();
    const auto session = tts->start(request, sink);
    sink->wait();
    first.add(sink->first - start);
    whole.add(monotonic_now() - start);
    samples.push_back({sentence, over_the_line(sink->pcm)});
  }
  return samples;
}

std::vector<Sample> read_list(const char* path) {
  std::vector<Sample> samples;
  std::ifstream list(path);
  for (std::string line; std::getline(list, line);) {
    const auto tab = line.find('\t');
    if (tab == std::string::npos) continue;
    auto pcm = audio::read_8k(line.substr(0, tab));
    if (!pcm) {
      std::fprintf(stderr, "%s\n", to_string(pcm.error()).c_str());
      continue;
    }
    samples.push_back({line.substr(tab + 1), over_the_line(std::move(*pcm))});
  }
  return samples;
}

void measure(providers::LocalSpeech& engines, const std::string& name, const std::vector<Sample>& samples, bool print) {
  const auto stt = engines.moonshine();
  dialog::SttOptions options;
  options.language = "en-US";
  Times times;
  std::size_t errors = 0;
  std::size_t words = 0;
  std::size_t empty = 0;
  double audio_s = 0;
  double busy_ms = 0;
  for (const Sample& sample : samples) {
    const auto sink = std::make_shared<Hearing>();
    const auto session = stt->open(options, sink);
    session->start_turn({1});
    session->feed({1}, sample.pcm);
    const Timestamp start = monotonic_now();
    session->finish_turn({1});
    sink->wait();
    times.add(sink->at - start);
    busy_ms += times.ms.back();
    audio_s += static_cast<double>(sample.pcm.size()) / 8000.0;
    const std::size_t wrong = providers::testing::word_errors(sample.text, sink->text);
    errors += wrong;
    const std::string plain = providers::testing::digits_together(sample.text);
    words += split(plain, ' ').size();
    empty += sink->text.empty() ? 1 : 0;
    if (print && wrong > 0) {
      std::printf("  %zu  %.2f  %s\n           %s\n", wrong, static_cast<double>(sink->confidence), sample.text.c_str(),
                  sink->text.c_str());
    }
  }
  std::printf(
      "%-24s %4zu utterances %6.1f s  WER %5.1f %%  empty %zu  p50 %5.0f ms  p95 %5.0f ms  real-time factor %.4f\n",
      name.c_str(), samples.size(), audio_s, 100.0 * static_cast<double>(errors) / static_cast<double>(words), empty,
      times.at(0.5), times.at(0.95), busy_ms / 1000.0 / audio_s);
}

}  // namespace

int main(int argc, char** argv) {
  providers::LocalSpeechOptions options;
  options.stt.partials = false;  // the whole decode is measured
  std::vector<std::string> speakers;
  std::vector<std::string> lists;
  double rate = 1.0;
  bool print = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : "";
    if (flag == "--tiny") {
      options.tiny = true;
    } else if (flag == "--print") {
      print = true;
    } else {
      ++i;
      if (flag == "--threads") options.stt_threads = std::atoi(value);
      if (flag == "--variation") options.voice_variation = std::atof(value);
      if (flag == "--rate") rate = std::atof(value);
      if (flag == "--speaker") speakers.emplace_back(value);
      if (flag == "--list") lists.emplace_back(value);
    }
  }
  if (speakers.empty() && lists.empty()) speakers.emplace_back(providers::kCallerSpeaker);

  const long before = resident_kib("VmRSS:");
  const Timestamp start = monotonic_now();
  auto engines = providers::LocalSpeech::load(options);
  if (!engines) {
    std::fprintf(stderr, "%s\n", to_string(engines.error()).c_str());
    return 1;
  }
  std::printf("load %lld ms, resident %.0f MiB more\n", static_cast<long long>(to_ms(monotonic_now() - start)),
              static_cast<double>(resident_kib("VmRSS:") - before) / 1024.0);
  for (const auto& line : (*engines)->summary("en-US")) std::printf("%s\n", line.c_str());

  for (const auto& speaker : speakers) {
    Times first;
    Times whole;
    const auto samples = speak(**engines, speaker, rate, first, whole);
    std::printf("voice %s: first audio p50 %.0f ms p95 %.0f ms\n", speaker.c_str(), first.at(0.5), first.at(0.95));
    measure(**engines, "piper " + speaker, samples, print);
  }
  for (const auto& list : lists) measure(**engines, list, read_list(list.c_str()), print);
  std::printf("resident %.0f MiB, at most %.0f MiB\n", static_cast<double>(resident_kib("VmRSS:")) / 1024.0,
              static_cast<double>(resident_kib("VmHWM:")) / 1024.0);
}
