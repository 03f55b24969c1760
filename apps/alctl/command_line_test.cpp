#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "alctl/command_table.h"
#include "alctl/commands.h"
#include "alctl/nearest.h"

namespace al::alctl {
namespace {

// A table with one command of each shape; what it got is kept.
struct Table {
  Arguments got;
  int runs = 0;
  std::vector<CommandSpec> commands;

  Table() {
    CommandSpec call;
    call.name = "call";
    call.summary = "places a call";
    call.arguments = {{"URL", "where", true, false, ValueKind::kText, {}}};
    call.options = {{"say", ValueKind::kFile, "FILE", "a line", "", true, {}, {}, {}},
                    {"text", ValueKind::kText, "TEXT", "a line", "", true, {}, {}, {}},
                    {"jitter-ms", ValueKind::kInteger, "MS", "jitter", "0", false, {}, 0.0, 500.0},
                    {"interrupt", ValueKind::kFlag, "", "talk over it", "", false, {}, {}, {}},
                    {"track", ValueKind::kChoice, "T", "which", "", false, {"left", "right"}, {}, {}}};
    call.examples = {{"alctl call http://h --text x", "calls"}};
    call.run = [this](const Arguments& arguments, Io&) {
      got = arguments;
      ++runs;
      return ExitCode::kOk;
    };
    CommandSpec sign = call;
    sign.name = "signature sign";
    sign.options.clear();
    CommandSpec many = call;
    many.name = "replay";
    many.options.clear();
    many.arguments = {{"FILE", "recordings", true, true, ValueKind::kFile, {}}};
    commands = {call, sign, many};
  }

  ExitCode run(std::vector<std::string> argv) {
    std::ostringstream fresh_out;
    std::ostringstream fresh_err;
    Io io{fresh_out, fresh_err};
    const ExitCode code = run_command_line(commands, argv, io);
    out = fresh_out.str();
    err = fresh_err.str();
    return code;
  }
  std::string out;
  std::string err;
};

TEST(CommandLine, KeepsTheOrderAmongDifferentOptions) {
  Table table;
  ASSERT_EQ(table.run({"call", "--say", "a.wav", "http://h", "--text", "b", "--say", "c.wav"}), ExitCode::kOk);
  EXPECT_EQ(table.got.text("URL"), "http://h");
  std::vector<std::pair<std::string, std::string>> lines;
  for (const auto& entry : table.got.in_order()) {
    if (entry.first == "say" || entry.first == "text") lines.push_back(entry);
  }
  const std::vector<std::pair<std::string, std::string>> wanted{{"say", "a.wav"}, {"text", "b"}, {"say", "c.wav"}};
  EXPECT_EQ(lines, wanted);
}

TEST(CommandLine, DefaultsAreGivenButNotMarkedAsGiven) {
  Table table;
  ASSERT_EQ(table.run({"call", "http://h"}), ExitCode::kOk);
  EXPECT_EQ(table.got.integer("jitter-ms", 7), 0);
  EXPECT_FALSE(table.got.given("jitter-ms"));
  EXPECT_FALSE(table.got.flag("interrupt"));
}

TEST(CommandLine, ValuesWithLeadingDashesAndEqualsSignsArrive) {
  Table table;
  ASSERT_EQ(table.run({"call", "http://h", "--text=-5 = x", "--jitter-ms=30", "--interrupt"}), ExitCode::kOk);
  EXPECT_EQ(table.got.text("text"), "-5 = x");
  EXPECT_EQ(table.got.integer("jitter-ms"), 30);
  EXPECT_TRUE(table.got.flag("interrupt"));
}

TEST(CommandLine, RefusesWrongValuesWithTheOptionsName) {
  for (const auto& [words, part] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"call", "u", "--jitter-ms", "x"}, "'x' is not a whole number"},
           {{"call", "u", "--jitter-ms", "501"}, "out of range"},
           {{"call", "u", "--track", "middle"}, "'middle' is not one of left right"},
           {{"call", "u", "--jiter-ms", "3"}, "did you mean '--jitter-ms'"},
           {{"call", "u", "--color", "pink"}, "auto always never"},
           {{"call"}, "URL"},
           {{"cal", "u"}, "did you mean 'call'"},
           {{"signature", "sing"}, "did you mean 'sign'"}}) {
    Table table;
    EXPECT_EQ(table.run(words), ExitCode::kUsage) << part;
    EXPECT_NE(table.err.find(part), std::string::npos) << table.err;
    EXPECT_EQ(table.out, "");
    EXPECT_EQ(table.runs, 0);
  }
}

TEST(CommandLine, ErrorsAreJsonWithJson) {
  Table table;
  EXPECT_EQ(table.run({"call", "--json"}), ExitCode::kUsage);
  const auto body = nlohmann::json::parse(table.out);
  EXPECT_EQ(body["error"]["exit_code"], 2);
  EXPECT_EQ(table.err, "");
}

TEST(CommandLine, TwoWordCommandsAndRepeatedArguments) {
  Table table;
  ASSERT_EQ(table.run({"signature", "sign", "u"}), ExitCode::kOk);
  ASSERT_EQ(table.run({"replay", "a", "b", "c"}), ExitCode::kOk);
  EXPECT_EQ(table.got.all("FILE"), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(table.run({"replay"}), ExitCode::kUsage);
}

TEST(CommandLine, SeveralArgumentsEachTakeOneWord) {
  Table table;
  CommandSpec check = table.commands[0];
  check.name = "check";
  check.arguments.push_back({"SIGNATURE", "what", true, false, ValueKind::kText, {}});
  table.commands.push_back(check);
  ASSERT_EQ(table.run({"check", "--text", "a", "http://h", "--text", "b", "abc="}), ExitCode::kOk) << table.err;
  EXPECT_EQ(table.got.text("URL"), "http://h");
  EXPECT_EQ(table.got.text("SIGNATURE"), "abc=");
  EXPECT_EQ(table.got.all("text"), (std::vector<std::string>{"a", "b"}));
}

TEST(CommandLine, HelpIsDataAndMissingCommandIsAnError) {
  Table table;
  EXPECT_EQ(table.run({"call", "--help"}), ExitCode::kOk);
  EXPECT_LT(table.out.find("alctl call http://h --text x"), table.out.find("usage:")) << "examples come first";
  EXPECT_EQ(table.runs, 0);
  EXPECT_EQ(table.run({"help", "signature", "sign"}), ExitCode::kOk);
  EXPECT_NE(table.out.find("alctl signature sign URL"), std::string::npos);
  EXPECT_EQ(table.run({}), ExitCode::kUsage);
  EXPECT_EQ(table.out, "");
}

TEST(CommandLine, DocumentsNameEveryCommandAndOption) {
  Table table;
  for (const std::string& text : {man_page(table.commands, "1"), bash_completion(table.commands),
                                  zsh_completion(table.commands), fish_completion(table.commands)}) {
    EXPECT_NE(text.find("replay"), std::string::npos);
    EXPECT_NE(text.find("sign"), std::string::npos);
    EXPECT_TRUE(text.find("jitter-ms") != std::string::npos || text.find("jitter\\-ms") != std::string::npos);
  }
}

TEST(Nearest, OffersOnlyLikelySlips) {
  EXPECT_EQ(nearest("smok", {"call", "smoke"}), "smoke");
  EXPECT_EQ(nearest("xyzzy", {"call", "smoke"}), std::nullopt);
}

}  // namespace
}  // namespace al::alctl
