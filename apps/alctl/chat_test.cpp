// `alctl chat` as a person at a pipe meets it: the built program, lines in, a conversation out.
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "alctl/programs_test_support.h"
#include "dialog/persona.h"
#include "providers/fakes/fake_agent.h"

namespace al::alctl {
namespace {

using nlohmann::json;

struct Chat {
  int code = -1;
  std::string out;
  std::string err;
  [[nodiscard]] json report() const {
    json parsed = json::parse(out, nullptr, false);
    EXPECT_TRUE(parsed.is_object()) << out << err;
    return parsed;
  }
};

Chat chat(std::vector<std::string> words, const std::string& lines) {
  const test::Folder folder;
  words.insert(words.begin(), {AL_ALCTL_PROGRAM, "chat"});
  test::Program program(folder, words, {}, lines);
  const int code = program.wait();
  return {code, program.out(), program.err()};
}

std::string caller(const std::string& persona) {
  std::string lines;
  for (const std::string& line : providers::fake_caller_lines(**dialog::Persona::built_in(persona)))
    lines += line + "\n";
  return lines;
}

void expect_whole_lead(const json& report) {
  EXPECT_TRUE(report.at("complete").get<bool>()) << report.dump(1);
  EXPECT_TRUE(report.at("confirmed").get<bool>());
  std::size_t saved = 0;
  for (const json& turn : report.at("turns")) {
    EXPECT_FALSE(turn.at("agent").get<std::string>().empty()) << turn.dump();
    EXPECT_TRUE(turn.at("refused").empty()) << turn.dump();
    EXPECT_LE(turn.at("first_ms").get<double>(), turn.at("total_ms").get<double>());
    for (const json& tool : turn.at("tools")) {
      saved += tool.at("name") == "save_lead" ? 1 : 0;
      EXPECT_FALSE(tool.at("idempotency_key").get<std::string>().empty());
    }
  }
  EXPECT_EQ(saved, 1U);
  EXPECT_TRUE(report.at("turns").back().at("ends").get<bool>());
}

TEST(Chat, AHebrewCallerReachesASavedLeadOverOpenAisProtocol) {
  const Chat ran = chat({"--fake", "openai", "--fake-latency", "llm=30", "--json"}, caller("he-real-estate"));
  ASSERT_EQ(ran.code, 0) << ran.err;
  const json report = ran.report();
  EXPECT_EQ(report.at("model"), "openai");
  EXPECT_EQ(report.at("lead").at("area"), "תל אביב");
  EXPECT_EQ(report.at("lead").at("budget"), "2500000 ILS");
  EXPECT_EQ(report.at("lead").at("phone"), "+972541234567");
  expect_whole_lead(report);
  EXPECT_GE(report.at("turns").at(0).at("first_ms").get<double>(), 30.0);  // it waited for the wire
}

TEST(Chat, AnEnglishCallerReachesASavedLeadOverAnthropicsProtocol) {
  const Chat ran = chat({"--fake", "anthropic", "--fake-latency", "llm=0", "--persona", "en-real-estate", "--json"},
                        caller("en-real-estate"));
  ASSERT_EQ(ran.code, 0) << ran.err;
  const json report = ran.report();
  EXPECT_EQ(report.at("model"), "anthropic");
  EXPECT_EQ(report.at("lead").at("name"), "Dana Cohen");
  expect_whole_lead(report);
}

TEST(Chat, TheScriptedAgentNeedsNothingAndPrintsATranscript) {
  for (const auto& [persona, area] : {std::pair{"he-real-estate", "תל אביב"}, {"en-real-estate", "Tel Aviv"}}) {
    SCOPED_TRACE(persona);
    const Chat ran = chat({"--llm", "scripted", "--persona", persona}, caller(persona));
    ASSERT_EQ(ran.code, 0) << ran.err;
    for (const std::string& part :
         {std::string("answers by scripted"), std::string("you: "), std::string("agent: "),
          "area = " + std::string(area), std::string("complete"), std::string("tool:  save_lead"),
          std::string("first words"), std::string("The lead:")}) {
      EXPECT_NE(ran.out.find(part), std::string::npos) << part << "\n" << ran.out;
    }
    EXPECT_EQ(ran.out.find('\x1b'), std::string::npos) << "colour in a pipe";
    EXPECT_EQ(ran.err, "");
  }
}

TEST(Chat, AModelThatFailsIsNamedAndTheConversationGoesOn) {
  const std::string line = "Hello, I am looking for an apartment in Haifa\n";
  const std::vector<std::string> base = {"--fake", "openai", "--persona", "en-real-estate", "--json"};
  auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), base.begin(), base.end());
    return chat(more, line);
  };
  const Chat alone = with({"--fake-fault", "llm=401"});
  ASSERT_EQ(alone.code, 0) << alone.err;
  const json turn = alone.report().at("turns").at(0);
  EXPECT_FALSE(turn.at("agent").get<std::string>().empty());
  EXPECT_NE(turn.at("problem").get<std::string>().find("401"), std::string::npos) << turn.dump();
  EXPECT_EQ(turn.at("slots").at("area"), "Haifa");

  const Chat backed = with({"--fake-fault", "llm=503", "--llm", "openai,scripted"});
  ASSERT_EQ(backed.code, 0) << backed.err;
  EXPECT_EQ(backed.report().at("turns").at(0).at("problem"), "");
}

TEST(Chat, WhatIsWrongWithAPersonaIsSaidWithItsLine) {
  const test::Folder folder;
  const std::string path = folder.write("my.toml",
                                        "language = \"en-US\"\nbusiness = \"B\"\nagent_name = \"A\"\n"
                                        "sytem_prompt = \"You are A.\"\n");
  const Chat ran = chat({"--persona", path}, "hello\n");
  EXPECT_EQ(ran.code, 78);
  EXPECT_NE(ran.err.find("my.toml:4"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("system_prompt"), std::string::npos) << ran.err;
  EXPECT_EQ(ran.out, "");
  const Chat object = chat({"--persona", path, "--json"}, "hello\n");
  EXPECT_EQ(object.code, 78);
  EXPECT_NE(object.report().at("error").dump().find("my.toml:4"), std::string::npos) << object.out;
}

TEST(Chat, ExitCodesTellWhatWasWrong) {
  EXPECT_EQ(chat({"--persona", "/nowhere/p.toml"}, "").code, 4);
  EXPECT_EQ(chat({"--llm", "gpt"}, "hello\n").code, 78);
  EXPECT_EQ(chat({"--llm", "openai"}, "hello\n").code, 78);  // asked for by name, and no key
  EXPECT_EQ(chat({"--fake", "gogle"}, "").code, 2);
  EXPECT_EQ(chat({"--fake-fault", "llm=503"}, "").code, 2);
  EXPECT_EQ(chat({"--fake", "openai", "--fake-fault", "llm=502"}, "").code, 2);
  EXPECT_EQ(chat({"--fake", "openai", "--fake-fault", "model=503"}, "").code, 2);
  EXPECT_EQ(chat({"--fake", "openai", "--fake-latency", "llm=soon"}, "").code, 2);
  const Chat legal = chat({"--llm", "gpt"}, "hello\n");
  EXPECT_NE(legal.err.find("openai, anthropic, scripted"), std::string::npos) << legal.err;
  EXPECT_EQ(chat({"--llm", "scripted"}, "").code, 0);  // nobody spoke
}

}  // namespace
}  // namespace al::alctl
