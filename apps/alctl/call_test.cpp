// The parts of `alctl call`: the script, the measurements, and a whole call against a server over real sockets.
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "alctl/call_analysis.h"
#include "alctl/call_session.h"
#include "alctl/caller_script.h"
#include "alctl/model_server.h"
#include "alctl/text_align.h"
#include "core/random.h"

namespace al::alctl {
namespace {

using test::Fault;
using test::ModelServer;

constexpr std::uint8_t kLoud = 0x1A;
constexpr std::uint8_t kQuiet = 0xFF;

// ---- the script -----------------------------------------------------------------------------------------------------

HeardFrame quiet_frame() {
  return {false, true, true, false};
}
HeardFrame loud_frame() {
  return {true, false, false, false};
}

// Frames of quiet after a mark until the agent has finished.
constexpr int kSettled = static_cast<int>(CallerScriptOptions{}.settle / milliseconds{20});

// Frames until the script acts; at most `limit`.
int frames_until(CallerScript& script, const HeardFrame& frame, CallerScript::Act act, int limit = 1000) {
  for (int i = 1; i <= limit; ++i) {
    if (script.on_frame(frame) == act) return i;
  }
  return -1;
}

TEST(CallerScript, SpeaksWhenTheAgentHasFinished) {
  CallerScript script(2, {});
  EXPECT_EQ(frames_until(script, loud_frame(), CallerScript::Act::kSay, 100), -1);
  EXPECT_EQ(frames_until(script, quiet_frame(), CallerScript::Act::kSay), kSettled) << "quiet after the mark";
  EXPECT_EQ(script.next(), 1U);
}

TEST(CallerScript, WaitsLongerWhereNoMarkCame) {
  CallerScript script(1, {});
  script.on_frame(loud_frame());
  HeardFrame open = quiet_frame();
  open.speech_closed = false;
  EXPECT_EQ(frames_until(script, open, CallerScript::Act::kSay), 75);
}

TEST(CallerScript, NeverSpeaksWhileSoundIsBuffered) {
  CallerScript script(1, {});
  script.on_frame(loud_frame());
  HeardFrame waiting = quiet_frame();
  waiting.buffer_empty = false;
  EXPECT_EQ(frames_until(script, waiting, CallerScript::Act::kSay), -1);
}

TEST(CallerScript, GoesOnWhenTheAgentSaysNothing) {
  CallerScript script(2, {});
  EXPECT_EQ(frames_until(script, quiet_frame(), CallerScript::Act::kSay), 250) << "five seconds for the greeting";
  HeardFrame speaking = quiet_frame();
  speaking.caller_speaking = true;
  script.on_frame(speaking);
  EXPECT_EQ(frames_until(script, quiet_frame(), CallerScript::Act::kSay), 400);
  EXPECT_EQ(script.unanswered(), std::vector<std::size_t>{0});
}

TEST(CallerScript, InterruptsAfterTheGivenTime) {
  CallerScriptOptions options;
  options.interrupt = true;
  options.interrupt_at = milliseconds{600};
  CallerScript script(2, options);
  EXPECT_EQ(frames_until(script, loud_frame(), CallerScript::Act::kSay, 200), -1) << "the greeting is heard out";
  EXPECT_EQ(frames_until(script, quiet_frame(), CallerScript::Act::kSay), kSettled);
  HeardFrame speaking = quiet_frame();
  speaking.caller_speaking = true;
  script.on_frame(speaking);
  EXPECT_EQ(frames_until(script, loud_frame(), CallerScript::Act::kSay), 30);
}

TEST(CallerScript, HangsUpAfterTheLastAnswer) {
  CallerScript script(0, {});
  script.on_frame(loud_frame());
  EXPECT_EQ(frames_until(script, quiet_frame(), CallerScript::Act::kHangUp), kSettled);
}

TEST(TrimSilence, KeepsTheVoiceAndTwentyMillisecondsAround) {
  std::vector<std::uint8_t> ulaw(160 * 10, kQuiet);
  std::fill_n(ulaw.begin() + 160 * 4, 160 * 2, kLoud);
  EXPECT_EQ(trim_silence(ulaw).size(), 160U * 4);
  EXPECT_TRUE(trim_silence(std::vector<std::uint8_t>(1000, kQuiet)).empty());
  EXPECT_TRUE(trim_silence({}).empty());
}

// ---- the measurements
// -------------------------------------------------------------------------------------------------

// A track of `frames` frames in which the given spans are loud.
std::vector<std::uint8_t> track(std::size_t frames, const std::vector<std::pair<std::size_t, std::size_t>>& loud) {
  std::vector<std::uint8_t> out(frames * 160, kQuiet);
  for (const auto& [from, to] : loud) {
    std::fill(out.begin() + static_cast<std::ptrdiff_t>(from * 160),
              out.begin() + static_cast<std::ptrdiff_t>(to * 160), kLoud);
  }
  return out;
}

TEST(MeasureCall, FindsFirstSoundLatencyAndSilence) {
  CallTracks tracks;
  tracks.agent = track(500, {{50, 100}, {230, 300}, {450, 480}});
  tracks.caller = track(500, {{150, 200}, {330, 360}});
  tracks.stream_start = 5;
  const auto figures = measure_call(tracks, {{0, 150, 200}, {1, 330, 360}});
  EXPECT_EQ(figures.first_audio_ms, 900);
  ASSERT_EQ(figures.turns.size(), 2U);
  EXPECT_EQ(figures.turns[0].caller_end_ms, 4000);
  EXPECT_EQ(figures.turns[0].agent_start_ms, 4600);
  EXPECT_EQ(figures.turns[0].latency_ms, 600);
  EXPECT_EQ(figures.turns[1].latency_ms, 1800);
  EXPECT_EQ(figures.max_silence_ms, 1800);
  EXPECT_TRUE(figures.barge_in_stop_ms.empty());
}

TEST(MeasureCall, AnUnansweredTurnIsSilentUntilTheNextLine) {
  CallTracks tracks;
  tracks.agent = track(400, {{320, 350}});
  tracks.caller = track(400, {{10, 20}, {220, 250}});
  const auto figures = measure_call(tracks, {{0, 10, 20}, {1, 220, 250}});
  EXPECT_FALSE(figures.turns[0].agent_start_ms.has_value());
  EXPECT_EQ(figures.max_silence_ms, 4000);
}

TEST(MeasureCall, BargeInIsTheTimeToTheAgentsSilence) {
  CallTracks tracks;
  tracks.agent = track(400, {{50, 109}, {200, 240}});
  tracks.caller = track(400, {{100, 130}});
  tracks.stream_start = 0;
  const auto figures = measure_call(tracks, {{0, 100, 130}});
  EXPECT_EQ(figures.barge_in_stop_ms, std::vector<std::int64_t>{180});
  EXPECT_EQ(figures.turns[0].latency_ms, 1400);
}

TEST(MeasureCall, ASentenceThatEndedByItselfWasNotInterrupted) {
  CallTracks tracks;
  tracks.agent = track(300, {{50, 99}});
  const auto figures = measure_call(tracks, {{0, 100, 130}});
  EXPECT_TRUE(figures.barge_in_stop_ms.empty());
}

twilio::MediaArrival arrival(double ms, bool fresh, std::uint32_t buffered = 160) {
  return {Timestamp{Duration{static_cast<std::int64_t>(ms * 1000)}}, 160, buffered, fresh};
}

TEST(Pacing, ABurstAtTheBeginningIsOnePointOfTheGrid) {
  std::vector<twilio::MediaArrival> arrivals;
  for (int i = 0; i < 5; ++i) arrivals.push_back(arrival(100 + 0.1 * i, i == 0, i == 0 ? 0 : 160));
  for (int i = 1; i < 50; ++i) arrivals.push_back(arrival(100 + 20.0 * i, false));
  const auto deviations = pacing_deviations_ms(arrivals);
  EXPECT_EQ(deviations.size(), 49U);
  EXPECT_LT(deviations.back(), 0.6);
}

TEST(Pacing, FindsLateFramesWithoutBlamingTheOthers) {
  std::vector<twilio::MediaArrival> arrivals;
  for (int i = 0; i < 100; ++i) arrivals.push_back(arrival(20.0 * i + (i == 50 ? 9 : 0), i == 0, i == 0 ? 0 : 160));
  const auto deviations = pacing_deviations_ms(arrivals);
  EXPECT_NEAR(deviations.back(), 9, 0.01);
  EXPECT_LT(percentile(deviations, 0.95), 0.01);
}

TEST(Pacing, ADriftingSenderIsSeen) {
  std::vector<twilio::MediaArrival> arrivals;
  for (int i = 0; i < 200; ++i) arrivals.push_back(arrival(20.2 * i, i == 0, i == 0 ? 0 : 160));
  EXPECT_GT(percentile(pacing_deviations_ms(arrivals), 0.99), 15);
}

TEST(Pacing, PercentileIsTheNearestRank) {
  EXPECT_EQ(percentile({}, 0.5), 0);
  EXPECT_EQ(percentile({1, 2, 3, 4}, 0.5), 2);
  EXPECT_EQ(percentile({1, 2, 3, 4}, 0.99), 4);
}

TEST(AlignTexts, FindsLinesAmongMergedDroppedAndMisheardOnes) {
  const std::vector<std::string> lines{"I want a flat in Haifa", "Four rooms please", "", "My name is Dan"};
  using Match = std::optional<std::size_t>;
  EXPECT_EQ(align_texts(lines, {"i want a fled in haifa.", "whatever was on the tape", "My name is Don"}),
            (std::vector<Match>{0, std::nullopt, 1, 2}));
  EXPECT_EQ(align_texts(lines, {}), (std::vector<Match>(4)));
  EXPECT_EQ(align_texts({}, {"x"}), (std::vector<Match>{}));
  EXPECT_EQ(word_overlap("Hello, World", "hello world!"), 1.0);
  EXPECT_EQ(word_overlap("", "x"), 0.0);
}

// ---- whole calls
// --------------------------------------------------------------------------------------------------------

CallerLine tone_line(std::size_t frames) {
  return {"tone", "text", std::vector<std::uint8_t>(frames * 160, kLoud)};
}

CallResult call(const ModelServer& server, CallSetup setup) {
  setup.call.webhook_url = server.url() + "/webhook/incoming_call";
  setup.call.status_callback = server.url() + "/webhook/call_status";
  setup.call.auth_token = ModelServer::kToken;
  setup.call.call_sid = CallSid(random_sid("CA"));
  setup.linger = milliseconds{100};
  setup.longest = seconds{30};
  std::ostringstream quiet;
  Io io{quiet, quiet};
  return run_call(std::move(setup), io);
}

TEST(Call, TalksWithAServerOverRealSockets) {
  const ModelServer server;
  CallSetup setup;
  setup.lines = {tone_line(30), tone_line(40)};
  setup.dtmf = "12#";
  const auto [outcome, tracks] = call(server, std::move(setup));
  EXPECT_TRUE(outcome.ok) << outcome.problem;
  EXPECT_EQ(outcome.turns_answered(), 2);
  EXPECT_GE(*outcome.figures.first_audio_ms, 280);
  for (const TurnFigures& turn : outcome.figures.turns) {
    EXPECT_GE(*turn.latency_ms, 200);
    EXPECT_LE(*turn.latency_ms, 5000) << "the server answers 300 ms after the caller";
  }
  EXPECT_EQ(server.digits(), "12#");
  EXPECT_EQ(server.marks_returned(), 3);
  EXPECT_TRUE(outcome.debugger.empty());
  EXPECT_EQ(tracks.caller.size(), tracks.agent.size());
  EXPECT_EQ(outcome.frames_in, 60U + 40U + 40U);
}

TEST(Call, MeasuresHowFastTheAgentYields) {
  const ModelServer server;
  CallSetup setup;
  setup.lines = {tone_line(20), tone_line(30)};
  setup.script.interrupt = true;
  setup.script.interrupt_at = milliseconds{300};
  const auto result = call(server, std::move(setup));
  EXPECT_EQ(server.clears_sent(), 1);
  ASSERT_EQ(result.outcome.figures.barge_in_stop_ms.size(), 1U);
  EXPECT_LE(result.outcome.figures.barge_in_stop_ms[0], 900) << "the server yields after 80 ms of voice";
}

TEST(Call, AGapInTheSpeechIsAnUnderrun) {
  const ModelServer server({Fault::kStutters});
  const auto result = call(server, {});
  EXPECT_GE(result.outcome.underruns, 1U);
}

TEST(Call, SaysWhyItFailed) {
  {
    const ModelServer server({Fault::kRefusesRightSignature});
    const auto result = call(server, {});
    EXPECT_EQ(result.outcome.exit_code, ExitCode::kDenied);
  }
  {
    const ModelServer server({Fault::kSilentAgent});
    CallSetup setup;
    setup.script.greeting_wait = milliseconds{300};
    const auto result = call(server, std::move(setup));
    EXPECT_EQ(result.outcome.problem, "the agent was never heard");
    EXPECT_EQ(result.outcome.exit_code, ExitCode::kFailed);
  }
  {
    CallSetup setup;
    setup.call.webhook_url = "http://127.0.0.1:1/x";
    std::ostringstream quiet;
    Io io{quiet, quiet};
    EXPECT_EQ(run_call(std::move(setup), io).outcome.exit_code, ExitCode::kUnreachable);
  }
}

TEST(Call, ACallThatEndsBeforeAllIsSaidHasFailed) {
  const ModelServer server({Fault::kClosesWithError});
  CallSetup setup;
  setup.lines = {tone_line(30)};
  const auto result = call(server, std::move(setup));
  EXPECT_FALSE(result.outcome.ok);
  EXPECT_NE(result.outcome.problem.find("before line 1 of 1"), std::string::npos) << result.outcome.problem;
  EXPECT_EQ(result.outcome.debugger.at(0).code, 31921);
}

TEST(Call, JsonHasThePromisedKeys) {
  const ModelServer server;
  CallSetup setup;
  setup.lines = {tone_line(30)};
  auto result = call(server, std::move(setup));
  result.outcome.agent_texts = {"hello"};
  const auto body = nlohmann::json::parse(call_json(result.outcome));
  for (const char* key : {"first_audio_ms", "turns", "max_silence_ms", "barge_in_stop_ms", "pacing_p99_ms", "underruns",
                          "frames_in", "frames_out", "lead"}) {
    EXPECT_TRUE(body.contains(key)) << key;
  }
  ASSERT_EQ(body["turns"].size(), 1U);
  for (const char* key : {"caller_text", "caller_end_ms", "agent_start_ms", "latency_ms", "agent_text"}) {
    EXPECT_TRUE(body["turns"][0].contains(key)) << key;
  }
  EXPECT_EQ(body["turns"][0]["agent_text"], "hello");
  const auto timeline = nlohmann::json::parse(timeline_json(result.outcome));
  EXPECT_GT(timeline["events"].size(), 5U);
}

}  // namespace
}  // namespace al::alctl
