// What a provider's bad day does to callers, in virtual time: 16 faults x {stt, llm, tts} x 20 calls of three turns,
// the fault there from the start or from the second turn on, a healthy provider behind the ill one. Nobody hears more
// than 1.5 s of nothing after their turn, no call is given up, the breaker opens and closes again, nothing is left
// behind. The same over sockets and in real time: apps/agentd/bench/provider_calls_bench.cpp.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "audio/tone.h"
#include "providers/chain.h"
#include "providers/testing_calls.h"
#include "providers/testing_faults.h"
#include "providers/testing_providers.h"
#include "providers/testing_scheduler.h"

namespace al::providers {
namespace {

using dialog::testing::CallerPlan;
using dialog::testing::TurnReport;
using testing::VirtualPhone;

constexpr milliseconds kLongestSilence{1500};
constexpr int kCalls = 20;
constexpr seconds kLongestRest{4};

// Three chains of two, all over one clock.
struct World {
  World() {
    const BreakerOptions breaker{.open_for = seconds{2}, .longest_open = kLongestRest, .rejected_for = seconds{2}};
    stt_chain = *make_stt_chain({{stt, {}, {}}, {second_stt, {}, {}}}, {.breaker = breaker}, scheduler, &log);
    llm_chain = *make_model_chain({{llm, {}, {}}, {second_llm, {}, {}}}, {.breaker = breaker}, scheduler, &log);
    tts_chain = *make_tts_chain({{tts, {}, {}}, {second_tts, {}, {}}}, {.breaker = breaker}, scheduler, &log);
  }
  testing::Ward& ward(FakeStage stage) const {
    return stage == FakeStage::kStt ? *stt->ward : stage == FakeStage::kModel ? *llm->ward : *tts->ward;
  }
  testing::Ward& second_ward(FakeStage stage) const {
    return stage == FakeStage::kStt     ? *second_stt->ward
           : stage == FakeStage::kModel ? *second_llm->ward
                                        : *second_tts->ward;
  }
  [[nodiscard]] int alive() const {
    return stt->ward->alive + second_stt->ward->alive + llm->ward->alive + second_llm->ward->alive + tts->ward->alive +
           second_tts->ward->alive;
  }

  testing::VirtualScheduler scheduler;
  testing::EventLog log;
  int said = 0;
  int answered = 0;
  // No two alike: a caller who repeats himself, and an agent who does, are answered in other ways.
  std::function<std::string()> say = [this] { return "I want to see flat " + std::to_string(++said) + " in Haifa"; };
  std::function<std::string()> answer = [this] {
    return "There is something, number " + std::to_string(++answered) + ". How many rooms?";
  };
  std::shared_ptr<testing::FaultyStt> stt = std::make_shared<testing::FaultyStt>("ear", scheduler, say);
  std::shared_ptr<testing::FaultyStt> second_stt = std::make_shared<testing::FaultyStt>("ear2", scheduler, say);
  std::shared_ptr<testing::FaultyModel> llm = std::make_shared<testing::FaultyModel>("brain", scheduler, answer);
  std::shared_ptr<testing::FaultyModel> second_llm =
      std::make_shared<testing::FaultyModel>("brain2", scheduler, answer);
  std::shared_ptr<testing::FaultyTts> tts = std::make_shared<testing::FaultyTts>("mouth", scheduler);
  std::shared_ptr<testing::FaultyTts> second_tts = std::make_shared<testing::FaultyTts>("mouth2", scheduler);
  std::unique_ptr<dialog::SpeechToText> stt_chain;
  std::unique_ptr<dialog::LanguageModel> llm_chain;
  std::unique_ptr<dialog::TextToSpeech> tts_chain;
};

dialog::CallOptions call_options() {
  dialog::CallOptions options;
  options.persona = *dialog::Persona::built_in("en-real-estate");
  options.greeting = "";
  for (const std::string& phrase : options.persona->fixed_phrases()) {
    options.clips[phrase] = std::make_shared<dialog::Pcm>(audio::make_tone(440, seconds{1}));
  }
  return options;
}

struct Outcome {
  std::vector<TurnReport> turns;  // of all calls
  int given_up = 0;               // calls that the agent ended
};

// Calls that begin 7 ms after each other.
Outcome run(World& world, int calls, const CallerPlan& plan, const dialog::CallOptions& options) {
  std::vector<std::shared_ptr<VirtualPhone>> phones;
  for (int i = 0; i < calls; ++i) {
    phones.push_back(VirtualPhone::dial(world.scheduler, options,
                                        {*world.stt_chain, *world.llm_chain, *world.tts_chain}, plan,
                                        static_cast<std::uint64_t>(i) + 1));
    world.scheduler.advance(milliseconds{7});
  }
  const auto over = [](const auto& phone) { return phone->over(); };
  for (int i = 0; i < 120 && !std::all_of(phones.begin(), phones.end(), over); ++i) world.scheduler.advance(seconds{1});
  Outcome outcome;
  std::vector<std::weak_ptr<VirtualPhone>> gone;
  for (auto& phone : phones) {
    EXPECT_TRUE(phone->over());
    outcome.given_up += phone->person().ended_by_agent() ? 1 : 0;
    const auto& turns = phone->person().turns();
    outcome.turns.insert(outcome.turns.end(), turns.begin(), turns.end());
    gone.push_back(std::exchange(phone, nullptr));
  }
  for (const auto& phone : gone) EXPECT_TRUE(phone.expired()) << "a call that is over is still held";
  return outcome;
}

Outcome run(World& world, int calls, const CallerPlan& plan) {
  static const dialog::CallOptions options = call_options();
  return run(world, calls, plan, options);
}

void expect_no_silence(const Outcome& outcome) {
  for (const TurnReport& turn : outcome.turns) {
    ASSERT_TRUE(turn.first_sound.has_value()) << "a turn without any sound after it";
    ASSERT_LE(turn.worst_silence, kLongestSilence);
  }
}

void expect_nothing_left(World& world) {
  world.scheduler.advance(seconds{120});
  EXPECT_EQ(world.alive(), 0) << "sessions at providers";
  EXPECT_EQ(world.scheduler.waiting(), 0U) << "timers";
}

struct Breaker {
  explicit Breaker(const testing::EventLog& log) {
    for (const ProviderEvent& event : log.events) {
      const bool opens = event.outcome == ProviderOutcome::kBreakerOpened;
      opened += opens ? 1 : 0;
      if (opens || event.outcome == ProviderOutcome::kBreakerClosed) open = opens;
    }
  }
  int opened = 0;
  bool open = false;
};

// Faults that adapters or chains live with: nothing is asked twice because of them.
bool is_lived_with(FakeStage stage, Fault fault) {
  switch (fault) {
    case Fault::kOddSplit:
    case Fault::kHeaderInside:
      return true;
    case Fault::kWrongShape:
      return stage != FakeStage::kStt;
    default:
      return false;
  }
}

void one_cell(FakeStage stage, Fault fault, bool from_the_start) {
  SCOPED_TRACE(std::string(to_string(fault)) + (from_the_start ? " from the start" : " from the second turn on"));
  World world;
  if (from_the_start) world.ward(stage).fault = fault;
  CallerPlan plan;
  plan.before_turn = [&](int turn) {
    if (turn == 2) world.ward(stage).fault = fault;
  };
  const Outcome outcome = run(world, from_the_start ? kCalls : kCalls / 4, plan);
  expect_no_silence(outcome);
  EXPECT_EQ(outcome.given_up, 0) << "although a healthy provider was there";
  const auto& turns = outcome.turns;
  const auto answered = std::count_if(turns.begin(), turns.end(), [](const auto& t) { return t.outcome == "answer"; });
  // A recogniser that hears nothing needs three turns to be found out; everybody else is answered.
  EXPECT_GE(answered + (fault == Fault::kEmpty && stage == FakeStage::kStt ? kCalls : 0),
            static_cast<std::ptrdiff_t>(turns.size()));
  EXPECT_EQ(Breaker(world.log).opened > 0, !is_lived_with(stage, fault));

  world.ward(stage).fault = Fault::kNone;
  world.scheduler.advance(kLongestRest);
  plan.before_turn = nullptr;
  expect_no_silence(run(world, 2, plan));
  EXPECT_FALSE(Breaker(world.log).open) << "the provider is well again, and nobody asks it";

  expect_nothing_left(world);
}

// Recogniser 150 ms after the half-close, first token 350 ms and three more at 10 ms to the first clause, first sound
// 100 ms, and the end of the turn declared 400 ms after the last sound: the rest would be ours.
Outcome run_healthy(milliseconds early) {
  World world;
  dialog::CallOptions options = call_options();
  auto& endpoint = options.listen.endpoint;
  endpoint.min_silence = endpoint.short_silence = endpoint.long_silence = endpoint.action_delay = milliseconds{400};
  options.listen.voice.energy.smoothing = 1.0F;  // its tail after the last sound would be endpointing too
  options.turn.speculate_after = early;
  return run(world, kCalls, {}, options);
}

TEST(HealthyCalls, NothingIsAddedToEndpointingAndProviders) {
  const Outcome outcome = run_healthy(milliseconds{0});
  ASSERT_EQ(outcome.turns.size(), std::size_t{3} * kCalls);
  for (const TurnReport& turn : outcome.turns) {
    ASSERT_TRUE(turn.answer.has_value());
    EXPECT_EQ(turn.outcome, "answer");
    EXPECT_EQ(turn.text.find("There is something"), 0U) << turn.text;
    std::int64_t parts = 0;
    std::string account;
    for (const auto& [name, ms] : turn.ledger) {
      parts += name == "total_ms" ? 0 : ms;
      account += name + '=' + std::to_string(ms) + ' ';
    }
    EXPECT_EQ(*turn.answer, milliseconds{400 + 150 + 350 + 30 + 100}) << account;
    EXPECT_EQ(parts, turn.ledger.at("total_ms"));
    EXPECT_EQ(turn.ledger.at("total_ms"), to_ms(*turn.answer)) << "the ledger and the ear";
  }
}

TEST(HealthyCalls, AModelThatIsAskedEarlyHasAnsweredWhenTheTurnEnds) {
  const Outcome outcome = run_healthy(dialog::TurnOptions().speculate_after);
  ASSERT_EQ(outcome.turns.size(), std::size_t{3} * kCalls);
  for (const TurnReport& turn : outcome.turns) {
    ASSERT_TRUE(turn.answer.has_value());
    EXPECT_EQ(turn.outcome, "answer");
    EXPECT_EQ(turn.text.find("There is something"), 0U) << turn.text;
    EXPECT_EQ(*turn.answer, milliseconds{400 + 150 + 100});
    EXPECT_EQ(turn.ledger.at("total_ms"), to_ms(*turn.answer)) << "the ledger and the ear";
  }
}

class FaultyCalls : public ::testing::TestWithParam<FakeStage> {};

TEST_P(FaultyCalls, NobodyHearsSilenceAndNothingIsLeftBehind) {
  for (const Fault fault : kAllFaults) one_cell(GetParam(), fault, true);
}

TEST_P(FaultyCalls, NorWhenTheFaultBeginsInTheMiddleOfACall) {
  for (const Fault fault : kAllFaults) one_cell(GetParam(), fault, false);
}

// Nobody can answer: the agent says so, in time, and may end the call; it never just stops to speak.
TEST_P(FaultyCalls, NorWhenEveryProviderOfTheStageIsIll) {
  for (const Fault fault : kAllFaults) {
    SCOPED_TRACE(to_string(fault));
    World world;
    world.ward(GetParam()).fault = world.second_ward(GetParam()).fault = fault;
    expect_no_silence(run(world, 2, {}));
    expect_nothing_left(world);
  }
}

INSTANTIATE_TEST_SUITE_P(Stages, FaultyCalls, ::testing::Values(FakeStage::kStt, FakeStage::kModel, FakeStage::kTts),
                         [](const auto& instance) {
                           return instance.param == FakeStage::kStt     ? "Stt"
                                  : instance.param == FakeStage::kModel ? "Model"
                                                                        : "Tts";
                         });

}  // namespace
}  // namespace al::providers
