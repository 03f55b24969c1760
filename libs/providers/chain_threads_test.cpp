// Chains under real threads: providers answer from a pool, timers run on their own thread, sessions die at any moment.
// For the thread sanitizer; outcomes are checked only for the promises of dialog/ports.h.
#include <thread>

#include <gtest/gtest.h>

#include "core/random.h"
#include "providers/chain.h"
#include "providers/sink_gate.h"
#include "providers/testing_sinks.h"
#include "providers/worker_pool.h"

namespace al::providers {
namespace {

using testing::SttRecorder;
using testing::TtsRecorder;

// Speaks 500 samples or fails, from a pool's thread.
class PoolTts final : public dialog::TextToSpeech {
 public:
  PoolTts(std::string name, WorkerPool& pool, bool fails) : name_(std::move(name)), pool_(pool), fails_(fails) {}
  std::unique_ptr<dialog::TtsSession> start(dialog::TtsRequest request,
                                            std::shared_ptr<dialog::TtsSink> sink) override {
    auto gate = std::make_shared<Gate>(std::move(sink));
    const auto job = pool_.submit(JobClass::kNotice, [gate, speech = request.speech, fails = fails_] {
      for (int i = 0; i < 5; ++i) gate->with([&](auto& to) { to.on_audio(speech, std::vector<std::int16_t>(100)); });
      gate->with([&](auto& to) { fails ? to.on_failed(speech, {Errc::kClosed, "down"}) : to.on_done(speech); });
    });
    EXPECT_TRUE(job);
    return std::make_unique<Session>(std::move(gate));
  }
  [[nodiscard]] std::string name() const override { return name_; }

 private:
  using Gate = SinkGate<dialog::TtsSink>;
  struct Session final : dialog::TtsSession {
    explicit Session(std::shared_ptr<Gate> to) : gate(std::move(to)) {}
    ~Session() override { gate->close(); }
    std::shared_ptr<Gate> gate;
  };
  const std::string name_;
  WorkerPool& pool_;
  const bool fails_;
};

// Hears or fails, from a pool's thread.
class PoolStt final : public dialog::SpeechToText {
 public:
  PoolStt(std::string name, WorkerPool& pool, bool fails) : name_(std::move(name)), pool_(pool), fails_(fails) {}
  std::unique_ptr<dialog::SttSession> open(const dialog::SttOptions&, std::shared_ptr<dialog::SttSink> sink) override {
    return std::make_unique<Session>(*this, std::make_shared<Gate>(std::move(sink)));
  }
  [[nodiscard]] std::string name() const override { return name_; }

 private:
  using Gate = SinkGate<dialog::SttSink>;
  struct Session final : dialog::SttSession {
    Session(PoolStt& from, std::shared_ptr<Gate> to) : owner(from), gate(std::move(to)) {}
    ~Session() override { gate->close(); }
    void start_turn(TurnId turn) override {
      later([turn](auto& to) { to.on_partial(turn, "so far", 0.5F); });
    }
    void feed(TurnId, std::span<const std::int16_t>) override {}
    void finish_turn(TurnId turn) override {
      later([turn, fails = owner.fails_](auto& to) {
        fails ? to.on_failed(turn, {Errc::kClosed, "down"}) : to.on_final(turn, "heard", 0.9F);
      });
    }
    void cancel_turn(TurnId) override {
      gate->with([](auto&) {});
    }
    void later(std::function<void(dialog::SttSink&)> event) {
      EXPECT_TRUE(
          owner.pool_.submit(JobClass::kNotice, [gate = gate, event = std::move(event)] { gate->with(event); }));
    }
    PoolStt& owner;
    std::shared_ptr<Gate> gate;
  };
  const std::string name_;
  WorkerPool& pool_;
  const bool fails_;
};

TEST(ChainThreads, VoicesThatDieAtAnyMomentAreSilentAfterwards) {
  WorkerPool pool(3, 64, "test");
  const auto timers = make_timer_thread();
  BreakerOptions never_rest;
  never_rest.failures_to_open = 1'000'000;
  TtsChainOptions options;
  options.breaker = never_rest;
  auto chain = make_tts_chain({{std::make_shared<PoolTts>("bad", pool, true), {"en"}, {}},
                               {std::make_shared<PoolTts>("good", pool, false), {}, {}}},
                              options, *timers, nullptr);
  ASSERT_TRUE(chain);
  Random random(1);
  for (int i = 0; i < 300; ++i) {
    const auto sink = std::make_shared<TtsRecorder>();
    dialog::TtsRequest request;
    request.speech = {static_cast<std::uint64_t>(i + 1)};
    request.text = "x";
    // In Hebrew the failing one is not asked, so there is always a clean end as well.
    request.voice.language = i % 2 == 0 ? "he-IL" : "en-US";
    auto session = (*chain)->start(request, sink);
    if (i % 4 == 0) {
      ASSERT_TRUE(sink->wait());
      EXPECT_FALSE(sink->error());
    } else {
      for (auto left = random.below(50); left > 0; --left) std::this_thread::yield();
    }
    session.reset();
    sink->forbid();
    EXPECT_LE(sink->ends(), 1);
  }
}

TEST(ChainThreads, TurnsEndExactlyOnceWhoeverFails) {
  WorkerPool pool(3, 64, "test");
  const auto timers = make_timer_thread();
  SttChainOptions options;
  options.breaker.failures_to_open = 1'000'000;
  auto chain = make_stt_chain({{std::make_shared<PoolStt>("bad", pool, true), {}, {}},
                               {std::make_shared<PoolStt>("good", pool, false), {}, {}}},
                              options, *timers, nullptr);
  ASSERT_TRUE(chain);
  const std::vector<std::int16_t> frame(160);
  for (int call = 0; call < 40; ++call) {
    const auto sink = std::make_shared<SttRecorder>();
    auto session = (*chain)->open({}, sink);
    for (std::uint64_t turn = 1; turn <= 5; ++turn) {
      session->start_turn({turn});
      for (int i = 0; i < 10; ++i) session->feed({turn}, frame);
      session->finish_turn({turn});
    }
    ASSERT_TRUE(sink->wait(5));
    if (call % 2 == 0) {
      session->start_turn({6});
      session->finish_turn({6});
    }
    session.reset();
    sink->forbid();
    const auto ends = sink->ends();
    EXPECT_LE(ends.size(), 6U);
    for (const auto& end : ends) EXPECT_EQ(end.text, "heard");
  }
}

}  // namespace
}  // namespace al::providers
