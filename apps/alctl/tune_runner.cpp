#include "alctl/tune_runner.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include <time.h>

#include "audio/scored_detector.h"

namespace al::alctl {
namespace {

constexpr std::chrono::milliseconds kLookEvery{100};
constexpr double kRecordingShare = 0.3;  // of the progress bar, while the network runs

// Processor time of this thread: what others do on the machine does not count.
double cpu_us() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

}  // namespace

TuneRunner::TuneRunner(const audio::TurnSet& set, std::shared_ptr<const audio::SileroModel> model, int threads)
    : set_(set), model_(std::move(model)), threads_(std::max(1, threads)) {}

TuneRunner::~TuneRunner() = default;

// Items are taken one by one, so that a long call does not leave a core idle. False when stopped.
bool TuneRunner::for_all(std::size_t count, const std::function<void(std::size_t)>& work, double from, double to,
                         const Progress& progress) const {
  std::atomic<std::size_t> next{0};
  std::atomic<std::size_t> done{0};
  std::atomic<bool> stop{false};
  std::vector<std::jthread> workers;
  for (int t = 0; t < threads_; ++t) {
    workers.emplace_back([&] {
      for (std::size_t i = next++; i < count && !stop; i = next++) {
        work(i);
        ++done;
      }
    });
  }
  while (done < count && !stop) {
    if (!progress(from + (to - from) * static_cast<double>(done) / static_cast<double>(count))) stop = true;
    std::this_thread::sleep_for(count - done > 1 ? kLookEvery / 10 : kLookEvery / 50);
  }
  return !stop;
}

bool TuneRunner::record(float gain_db, double from, double to, const Progress& progress) {
  if (scores_.contains(gain_db)) return true;
  Scores scores(set_.calls.size());
  const auto work = [&](std::size_t i) { scores[i] = audio::record_scores(set_.calls[i], model_, gain_db); };
  if (!for_all(scores.size(), work, from, to, progress)) return false;
  scores_.emplace(gain_db, std::move(scores));
  return true;
}

Result<audio::TurnListener> TuneRunner::listener(const audio::ListenOptions& options, std::size_t call) const {
  const auto recorded = scores_.find(options.voice.silero.gain_db);
  if (options.voice.engine != audio::VadEngine::kSilero || recorded == scores_.end()) {
    return audio::TurnListener::create(options, model_);
  }
  auto scorer = audio::make_recorded_scorer(recorded->second[call]);
  return audio::TurnListener(options, std::make_unique<audio::ScoredDetector>(options.voice, std::move(scorer)));
}

Result<std::vector<std::vector<audio::CallScore>>> TuneRunner::run(const std::vector<audio::ListenOptions>& candidates,
                                                                   const Progress& progress) {
  for (const audio::ListenOptions& options : candidates) {
    // Fails now rather than on a worker: no such engine, no model.
    if (auto probe = audio::TurnListener::create(options, model_); !probe) return fail(probe.error());
    if (options.voice.engine != audio::VadEngine::kSilero) continue;
    if (!record(options.voice.silero.gain_db, 0.0, kRecordingShare, progress)) return fail(Errc::kClosed, "stopped");
  }
  const std::size_t calls = set_.calls.size();
  std::vector<std::vector<audio::CallScore>> results(candidates.size(), std::vector<audio::CallScore>(calls));
  const auto work = [&](std::size_t i) {
    auto ear = listener(candidates[i / calls], i % calls);
    const audio::LabelledCall& call = set_.calls[i % calls];
    results[i / calls][i % calls] = audio::score_call(call, audio::run_trial(call, std::move(*ear)));
  };
  if (!for_all(candidates.size() * calls, work, kRecordingShare, 1.0, progress)) return fail(Errc::kClosed, "stopped");
  return results;
}

Result<FrameCost> TuneRunner::cost(const audio::ListenOptions& options, double seconds) const {
  auto ear = audio::TurnListener::create(options, model_);
  if (!ear) return fail(ear.error());
  std::vector<double> each;
  const auto most = static_cast<std::size_t>(seconds * 1000.0 / static_cast<double>(audio::kFrameDuration.count()));
  std::int64_t at_ms = 0;
  for (const audio::LabelledCall& call : set_.calls) {
    for (std::size_t at = 0; at + audio::kFrameSamples <= call.caller.size() && each.size() < most;
         at += audio::kFrameSamples) {
      const audio::PcmFrameView frame(call.caller.data() + at, audio::kFrameSamples);
      const double before = cpu_us();
      static_cast<void>(ear->hear({frame, MediaTime::from_ms(at_ms), {}, false}));
      each.push_back(cpu_us() - before);
      at_ms += audio::kFrameDuration.count();
    }
  }
  if (each.empty()) return fail(Errc::kMalformed, "the set holds no audio to time");
  FrameCost cost;
  for (const double us : each) cost.mean_us += us / static_cast<double>(each.size());
  std::sort(each.begin(), each.end());
  cost.p50_us = each[each.size() / 2];
  cost.p99_us = each[each.size() * 99 / 100];
  return cost;
}

}  // namespace al::alctl
