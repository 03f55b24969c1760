// Random calls with random faults. Whatever providers, marks and the line do: the line is never silent for long while
// an answer is owed, nothing plays when we do not speak, one model request at a time, and a call ends exactly once.
// Every call is told by its seed; a failing one prints it and its story. More seeds: --gtest_repeat=N (they go on).
#include <algorithm>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "core/random.h"
#include "dialog/call_engine.h"
#include "dialog/virtual_call.h"

namespace al::dialog {
namespace {

using testing::LineModel;
using testing::ModelScript;
using testing::SttScript;
using testing::TtsScript;
using testing::VirtualCall;

constexpr int kCallsPerRun = 150;
constexpr milliseconds kLongestSilence{1500};
constexpr milliseconds kLongestDelay{400};  // of frames, by the line

class Chance {
 public:
  explicit Chance(std::uint64_t seed) : random_(seed) {}
  bool one_in(std::uint64_t n) { return random_.below(n) == 0; }
  milliseconds between(std::int64_t low, std::int64_t high) {
    return milliseconds{low + static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(high - low + 1)))};
  }
  std::string_view pick(std::initializer_list<std::string_view> of) { return *(of.begin() + random_.below(of.size())); }
  Random& raw() { return random_; }

 private:
  Random random_;
};

SttScript random_stt(Chance& chance) {
  SttScript script;
  script.text = chance.pick({"a flat in Haifa", "yes", "uh-huh", "", "four rooms", "my number is 054", "and", "bye",
                             "two million", "what does it cost", "okay", "no no, in Eilat please"});
  script.delay = chance.between(20, chance.one_in(5) ? 5000 : 500);
  script.hang = chance.one_in(12);
  script.fail = chance.one_in(12);
  script.copies = chance.one_in(8) ? 3 : 1;
  if (chance.one_in(2)) {
    script.partials.emplace_back(chance.between(100, 900), script.text.substr(0, script.text.size() / 2));
    script.partials.emplace_back(chance.between(300, 1500), script.text);
  }
  return script;
}

ModelScript random_model(Chance& chance, int& words) {
  ModelScript script;
  const auto clauses = chance.raw().below(4);
  for (std::uint64_t i = 0; i < clauses; ++i) {
    std::string text = "Answer number " + std::to_string(++words % 12) + " of mine. ";
    script.deltas.emplace_back(chance.between(10, chance.one_in(6) ? 6000 : 400), std::move(text));
  }
  if (chance.one_in(10)) script.tools.push_back({{}, "t" + std::to_string(words), "save_lead", "{}"});
  script.hang = chance.one_in(10);
  script.fail = chance.one_in(10);
  return script;
}

TtsScript random_tts(Chance& chance) {
  TtsScript script;
  script.first = chance.between(5, chance.one_in(8) ? 5000 : 250);
  script.speed = chance.one_in(6) ? 0.7 : 15.0;  // slower than real time: underruns
  script.per_char = chance.between(20, 70);
  script.hang = chance.one_in(12);
  script.fail = chance.one_in(12);
  script.empty = chance.one_in(15);
  if (chance.one_in(15)) script.breaks_after = chance.between(20, 700);
  return script;
}

LineModel random_line(Chance& chance) {
  LineModel line;
  line.down = chance.between(5, 150);
  line.up = chance.between(5, 150);
  line.lose_marks = chance.one_in(5);
  line.lose_frames = chance.one_in(4) ? 0.05 : 0.0;
  line.delay_frames = chance.one_in(4) ? 0.01 : 0.0;
  line.noise = chance.one_in(3) ? 60 : 10;
  if (chance.one_in(4)) {  // an echo that comes later than the gate waits for would be a caller like any other
    line.echo = 0.15;
    line.delay_frames = 0;
    line.down = line.up = chance.between(5, 75);
  }
  return line;
}

// One model request may be open: it is closed by its end or by CancelTurn.
void check_outputs(const VirtualCall& call, std::uint64_t seed) {
  int ends = 0;
  std::set<std::string> marks;
  std::string agent = "STARTING";
  for (const auto& [when, output] : call.outputs()) {
    if (const auto* event = std::get_if<out::Event>(&output); event != nullptr && event->event.name == "STATE_CHANGE") {
      if (std::get<std::string>(event->event.facts[0].value) == "agent") {
        agent = std::get<std::string>(event->event.facts[2].value);
      }
    }
    if (std::holds_alternative<out::SendMedia>(output)) {
      ASSERT_EQ(agent, "SPEAKING") << "seed " << seed << ": sound while not speaking\n" << call.story();
      ASSERT_EQ(ends, 0) << "seed " << seed << ": sound after the end";
    }
    if (const auto* mark = std::get_if<out::SendMark>(&output)) {
      ASSERT_TRUE(marks.insert(mark->name).second) << "seed " << seed << ": mark " << mark->name << " twice";
    }
    if (std::holds_alternative<out::EndCall>(output)) ++ends;
  }
  ASSERT_LE(ends, 1) << "seed " << seed;
}

void random_call(std::uint64_t seed) {
  Chance chance(seed);
  const LineModel line = random_line(chance);
  CallOptions options = VirtualCall::options();
  if (chance.one_in(6)) options.greeting = "";
  if (chance.one_in(6)) options.clips[options.persona->phrases.filler] = nullptr;
  if (chance.one_in(6)) options.clips[options.persona->phrases.fallback] = nullptr;
  if (chance.one_in(4)) options.idle.max_call = seconds{25};
  if (chance.one_in(4)) options.turn.speculate_after = milliseconds{200};
  VirtualCall call(options, seed, line);
  int words = 0;
  call.stt_default = [&] { return random_stt(chance); };
  call.model_default = [&] { return random_model(chance, words); };
  call.tts_default = [&] { return random_tts(chance); };
  call.tool_answer = [&](const out::RunTool&) { return chance.one_in(3) ? std::string() : std::string("ok"); };
  call.deliver_cancelled = chance.one_in(3);
  for (int i = 0; i < 12 && !call.engine().ended(); ++i) {
    if (chance.one_in(10)) call.press(static_cast<char>('0' + chance.raw().below(10)));
    if (!chance.one_in(5)) call.say(chance.between(40, chance.one_in(8) ? 9000 : 2500));
    call.advance(chance.between(100, 5000));
    if (chance.one_in(40)) call.hang_up();
  }
  call.advance(seconds{75});  // nobody speaks any more: it has to come to an end by itself
  ASSERT_TRUE(call.engine().ended()) << "seed " << seed << "\n" << call.story();
  ASSERT_FALSE(call.engine().deadline().has_value());
  const Duration limit = line.delay_frames > 0 ? kLongestSilence + kLongestDelay : kLongestSilence;
  ASSERT_LE(call.longest_owed_silence(), limit + line.up + line.down)
      << "seed " << seed << ", silent until " << to_ms(call.longest_owed_silence_end() - call.start()) << " ms\n"
      << call.story();
  ASSERT_LE(call.most_open_models(), 1) << "seed " << seed << "\n" << call.story();
  check_outputs(call, seed);
}

TEST(CallEngineProperty, RandomFaultsNeverLeaveTheLineSilentOrUnowned) {
  static std::uint64_t next_seed = 1;
  for (int i = 0; i < kCallsPerRun; ++i) {
    ASSERT_NO_FATAL_FAILURE(random_call(next_seed++));
  }
}

TEST(CallEngineProperty, TheSameSeedTellsTheSameStory) {
  const auto story = [](std::uint64_t seed) {
    Chance chance(seed);
    VirtualCall call(VirtualCall::options(), seed, random_line(chance));
    int words = 0;
    call.stt_default = [&] { return random_stt(chance); };
    call.model_default = [&] { return random_model(chance, words); };
    call.tts_default = [&] { return random_tts(chance); };
    call.say(seconds{2});
    call.advance(seconds{20});
    return call.story();
  };
  EXPECT_EQ(story(5), story(5));
  EXPECT_NE(story(5), story(6));
}

}  // namespace
}  // namespace al::dialog
