#include <algorithm>
#include <sstream>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "alctl/command_table.h"
#include "alctl/commands.h"
#include "alctl/replay_report.h"
#include "alctl/replay_run.h"
#include "audio/wav_file.h"
#include "dialog/scripted_agent.h"

namespace al::alctl {
namespace {

const std::string kRecording = std::string(AL_SOURCE_DIR) + "/testdata/turns/a01_clean.wav";

struct Ran {
  ExitCode code = ExitCode::kOk;
  std::string out;
  std::string err;
};

Ran alctl(std::vector<std::string> arguments, bool json = false) {
  std::ostringstream out;
  std::ostringstream err;
  Io io{out, err};
  if (json) arguments.emplace_back("--json");
  const ExitCode code = run_command_line({replay_command(), version_command()}, arguments, io);
  return {code, out.str(), err.str()};
}

dialog::CallOptions options() {
  dialog::CallOptions options;
  options.persona = dialog::Persona::built_in("en-real-estate").value();
  return options;
}

TEST(Replay, TheSameRecordingGivesTheSameOutputTwice) {
  const std::vector<std::string> command = {"replay",   kRecording, "--vad",           "energy", "--stt",
                                            "scripted", "--line",   "a flat in Haifa", "--line", "four rooms"};
  const Ran first = alctl(command);
  ASSERT_EQ(first.code, ExitCode::kOk) << first.err;
  EXPECT_EQ(alctl(command).out, first.out);
  EXPECT_NE(first.out.find("a flat in Haifa"), std::string::npos);
  const Ran json = alctl(command, true);
  EXPECT_EQ(alctl(command, true).out, json.out);
}

TEST(Replay, ListeningAloneFindsTheUtterancesAndKeepsTheAgentQuiet) {
  const Ran ran = alctl({"replay", kRecording, "--vad", "energy"}, true);
  ASSERT_EQ(ran.code, ExitCode::kOk) << ran.err;
  const auto file = nlohmann::json::parse(ran.out).at("files").at(0);
  EXPECT_GE(file.at("utterances").size(), 2U);
  EXPECT_TRUE(file.at("spoken").empty());
  for (const auto& utterance : file.at("utterances")) {
    EXPECT_LT(utterance.at("onset_ms").get<int>(), utterance.at("end_ms").get<int>());
    EXPECT_LT(utterance.at("end_ms").get<int>(), utterance.at("decided_ms").get<int>());
  }
}

TEST(Replay, ASettingChangesTheDecisions) {
  const auto silence = [](const std::string& set) {
    const Ran ran = alctl({"replay", kRecording, "--vad", "energy", "--set", set}, true);
    const auto utterances = nlohmann::json::parse(ran.out).at("files").at(0).at("utterances");
    return utterances.at(0).at("decided_ms").get<int>() - utterances.at(0).at("end_ms").get<int>();
  };
  EXPECT_GT(silence("min_silence=900"), silence("min_silence=300") + 300);
}

TEST(Replay, AWholeConversationRunsOverTheRecording) {
  const auto pcm = audio::read_8k(kRecording);
  ASSERT_TRUE(pcm.has_value());
  const dialog::CallOptions call = options();
  ReplayProviders providers;
  int heard = 0;
  providers.recognise = [&heard](const auto& sound) {
    EXPECT_GT(sound.size(), 1600U);
    return ++heard == 1 ? std::string("a flat in Haifa") : std::string("four rooms");
  };
  providers.answer = [&](const dialog::ModelRequest& request) {
    return dialog::scripted_answer(*call.persona, request).sentences;
  };
  const ReplayRun run = replay_audio(*pcm, call, providers, 1, true);
  EXPECT_GE(heard, 2);
  EXPECT_EQ(run.caller.size(), run.agent.size());
  EXPECT_EQ(run.frames.size() * 160, run.caller.size());
  EXPECT_TRUE(std::any_of(run.agent.begin(), run.agent.end(), [](auto s) { return s > 200; }));
  EXPECT_TRUE(std::any_of(run.events.begin(), run.events.end(), [](const auto& e) { return e.name == "LATENCY"; }));
  ASSERT_FALSE(run.outputs.empty());
  heard = 0;
  EXPECT_TRUE(replay_audio(*pcm, call, providers, 1, true).outputs == run.outputs);
}

TEST(Replay, ThePageIsSelfContained) {
  const auto pcm = audio::read_8k(kRecording);
  ASSERT_TRUE(pcm.has_value());
  ReplayHead head;
  head.file = "call</script><script>alert(1)</script>.wav";
  head.vad = "energy";
  const std::string page = replay_page(head, replay_audio(*pcm, options(), {}, 1));
  EXPECT_EQ(page.find("http://"), std::string::npos);
  EXPECT_EQ(page.find("https://"), std::string::npos);
  EXPECT_EQ(page.find("<script src"), std::string::npos);
  EXPECT_EQ(page.find("</script><script>alert"), std::string::npos);  // a file name cannot break out
  const std::string end = "</script>";
  EXPECT_EQ(page.find(end), page.rfind(end));
}

// `alctl call --wav` writes the caller left and the agent right: the caller is heard, not both on top of each other.
TEST(Replay, OfAStereoFileTheLeftChannelIsTheCaller) {
  const auto caller = audio::read_8k(kRecording);
  ASSERT_TRUE(caller.has_value());
  // The agent talks all the time; the caller's voice comes where it came.
  std::vector<std::int16_t> stereo;
  for (std::size_t i = 0; i < caller->size(); ++i) {
    const auto phase = static_cast<double>(i % 40) / 40.0;
    stereo.push_back((*caller)[i]);
    stereo.push_back(static_cast<std::int16_t>(12'000 * (phase < 0.5 ? 4 * phase - 1 : 3 - 4 * phase)));
  }
  const std::string path = testing::TempDir() + "/replay_stereo.wav";
  ASSERT_TRUE(audio::write_wav(path, stereo, audio::kSampleRateHz, 2));
  const auto replay = [](const std::string& file, std::vector<std::string> more) {
    std::vector<std::string> words = {"replay", file, "--vad", "energy"};
    words.insert(words.end(), more.begin(), more.end());
    const Ran ran = alctl(words, true);
    EXPECT_EQ(ran.code, ExitCode::kOk) << ran.err;
    return nlohmann::json::parse(ran.out).at("files").at(0);
  };
  const auto alone = replay(kRecording, {});
  const auto left = replay(path, {});
  EXPECT_EQ(left.at("utterances"), alone.at("utterances"));
  EXPECT_EQ(left.at("channel"), "left");
  EXPECT_EQ(left.at("channels"), 2);
  EXPECT_EQ(alone.at("channel"), "");
  EXPECT_EQ(replay(path, {"--channel", "left"}).at("utterances"), alone.at("utterances"));
  EXPECT_NE(replay(path, {"--channel", "right"}).at("utterances"), alone.at("utterances"));
  EXPECT_NE(replay(path, {"--channel", "mix"}).at("utterances"), alone.at("utterances"));

  EXPECT_NE(alctl({"replay", path, "--vad", "energy"}).out.find("the left one of 2 channels is the caller"),
            std::string::npos);
  EXPECT_NE(alctl({"replay", path, "--vad", "energy", "--channel", "mix"}).out.find("all 2 channels mixed"),
            std::string::npos);
  EXPECT_EQ(alctl({"replay", kRecording, "--channel", "right"}).code, ExitCode::kFailed) << "it has one channel";
  EXPECT_EQ(alctl({"replay", path, "--channel", "3"}).code, ExitCode::kUsage);
}

// What replay writes can be replayed.
TEST(Replay, ItsOwnStereoFileGivesTheSameUtterancesAgain) {
  const std::string both = testing::TempDir() + "/replay_both.wav";
  const std::vector<std::string> script = {"--vad", "energy", "--stt", "scripted", "--line", "a flat in Haifa"};
  std::vector<std::string> first = {"replay", kRecording, "--out-wav", both};
  first.insert(first.end(), script.begin(), script.end());
  const Ran written = alctl(first, true);
  ASSERT_EQ(written.code, ExitCode::kOk) << written.err;
  std::vector<std::string> second = {"replay", both};
  second.insert(second.end(), script.begin(), script.end());
  const auto again = nlohmann::json::parse(alctl(second, true).out).at("files").at(0);
  EXPECT_EQ(again.at("utterances"), nlohmann::json::parse(written.out).at("files").at(0).at("utterances"));
}

TEST(Replay, SaysWhatIsWrongWithAFile) {
  EXPECT_EQ(alctl({"replay", "/nowhere/at/all.wav"}).code, ExitCode::kNotFound);
  const Ran record = alctl({"replay", std::string(AL_SOURCE_DIR) + "/README.md.jsonl"});
  EXPECT_EQ(record.code, ExitCode::kNotFound);
  EXPECT_NE(record.err.find("README.md.jsonl"), std::string::npos);
  EXPECT_EQ(alctl({"replay"}).code, ExitCode::kUsage);
  EXPECT_NE(alctl({"replay", kRecording, "--set", "min_silnce=4"}).err.find("min_silence"), std::string::npos);
}

TEST(Replay, ARecordingIsHeardAndAnsweredOverTheProvidersOwnProtocols) {
  // Recognition over a WebSocket, the model over Anthropic's events, the voice over ElevenLabs' WebSocket.
  const std::vector<std::string> command = {"replay",         kRecording,  "--vad",          "energy",         "--fake",
                                            "elevenlabs",     "--persona", "en-real-estate", "--fake-latency", "stt=0",
                                            "--fake-latency", "llm=0",     "--fake-latency", "tts=0"};
  const Ran ran = alctl(command, true);
  ASSERT_EQ(ran.code, ExitCode::kOk) << ran.err;
  EXPECT_EQ(ran.err.find("warning"), std::string::npos) << ran.err;
  const auto file = nlohmann::json::parse(ran.out).at("files").at(0);
  ASSERT_GE(file.at("utterances").size(), 2U);
  EXPECT_EQ(file.at("utterances").at(0).at("text"), "Hello, I am looking for an apartment in Tel Aviv");
  EXPECT_NE(file.at("spoken").dump().find("rooms"), std::string::npos) << file.at("spoken").dump(1);
  EXPECT_EQ(alctl(command, true).out, ran.out);  // nominal times: the wire does not show

  std::vector<std::string> broken = command;
  broken.insert(broken.end(), {"--fake-fault", "stt=401"});
  const Ran failed = alctl(broken, true);
  ASSERT_EQ(failed.code, ExitCode::kOk);
  EXPECT_NE(failed.err.find("warning"), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(failed.out).at("files").at(0).at("utterances").at(0).at("text"), "");
}

}  // namespace
}  // namespace al::alctl
