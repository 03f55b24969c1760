#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "alctl/commands.h"
#include "alctl/tune_command.h"
#include "core/settings.h"

namespace al::alctl {
namespace {

struct Ran {
  ExitCode code = ExitCode::kFailed;
  std::string out;
  std::string err;
};

Ran run(std::vector<std::string> words) {
  std::ostringstream out;
  std::ostringstream err;
  Io io{out, err};
  words.insert(words.begin(), "tune");
  Ran ran;
  ran.code = run_command_line({tune_command()}, words, io);
  ran.out = out.str();
  ran.err = err.str();
  return ran;
}

const std::string kSet = AL_SOURCE_DIR "/testdata/turns";

TEST(Tune, JsonHoldsTheMetricsThatScriptsRelyOn) {
  const Ran ran = run({kSet, "--vad", "energy", "--json", "--draws", "50"});
  ASSERT_EQ(ran.code, ExitCode::kOk) << ran.err;
  const auto report = nlohmann::json::parse(ran.out);
  for (const char* name : {"f1",
                           "precision",
                           "recall",
                           "fpr",
                           "missed_pct",
                           "lost_pct",
                           "split_pct",
                           "merged_pct",
                           "ghost_per_min",
                           "false_triggers_200ms_per_min",
                           "eou_p50_ms",
                           "eou_p90_ms",
                           "eou_one_word_p50_ms",
                           "holds_le_350ms_cut_pct",
                           "prompts",
                           "prompts_falsely_killed",
                           "barge_ins",
                           "barge_ins_taken",
                           "barge_in_p50_ms",
                           "replies",
                           "replies_lost",
                           "us_per_frame"}) {
    EXPECT_TRUE(report["metrics"].contains(name) && report["metrics"][name].is_number()) << name;
  }
  EXPECT_EQ(report["metrics"]["prompts"], 4);
  EXPECT_EQ(report["set"]["manifest_sha256"].get<std::string>().size(), 64U);
  EXPECT_LE(report["confidence_intervals"]["f1"][0], report["metrics"]["f1"]);
  EXPECT_EQ(report["engine"], "energy");
}

TEST(Tune, TheSameRunGivesTheSameFigures) {
  const auto figures = [] {
    auto report = nlohmann::json::parse(run({kSet, "--vad", "energy", "--json", "--threads", "3"}).out);
    report["metrics"].erase("us_per_frame");
    report.erase("more");
    return report;
  };
  EXPECT_EQ(figures(), figures());
}

TEST(Tune, ASweepWritesItsWinnerInTheDaemonsFormat) {
  const auto path = std::filesystem::temp_directory_path() / "al_tune_test.toml";
  const Ran ran = run({kSet, "--vad", "energy", "--only", "a01_clean", "--sweep", "min_silence=300:900:300", "--sweep",
                       "vad_on_db=5,9", "--write", path.string(), "--json", "--draws", "10"});
  ASSERT_EQ(ran.code, ExitCode::kOk) << ran.err;
  const auto report = nlohmann::json::parse(ran.out);
  EXPECT_EQ(report["tried"], 6);
  EXPECT_FALSE(report["pareto"].empty());
  std::ifstream file(path);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto settings = Settings::parse(text, "written");
  ASSERT_TRUE(settings) << settings.error().detail << "\n" << text;
  EXPECT_EQ(settings->string("vad_engine"), "energy");
  for (const auto& [key, value] : report["winner"]["settings"].items()) {
    EXPECT_DOUBLE_EQ(std::stod(settings->shown(key)), std::stod(value.get<std::string>())) << key;
  }
  std::filesystem::remove(path);
}

TEST(Tune, MistakesAreExplained) {
  EXPECT_EQ(run({"/no/such/folder"}).code, ExitCode::kNotFound);
  const Ran unknown = run({kSet, "--set", "min_silense=300"});
  EXPECT_EQ(unknown.code, ExitCode::kUsage);
  EXPECT_NE(unknown.err.find("min_silense"), std::string::npos);
  EXPECT_EQ(run({kSet, "--sweep", "min_silence=9:1:1"}).code, ExitCode::kUsage);
  EXPECT_EQ(run({kSet, "--set", "min_silence"}).code, ExitCode::kUsage);
  EXPECT_EQ(run({kSet, "--vad", "energy", "--only", "nobody"}).code, ExitCode::kFailed);
}

}  // namespace
}  // namespace al::alctl
