// Whole conversations in text, from testdata/conversations: each must end in the lead that it says, in few turns,
// without a sentence said twice and with one question an answer.
#include <map>
#include <ostream>
#include <set>

#include <gtest/gtest.h>
#include <toml++/toml.h>

#include "dialog/chat_driver.h"
#include "dialog/slots.h"
#include "dialog/speakable.h"
#include "dialog/words.h"

namespace al::dialog {
namespace {

struct Scripted {
  std::string persona;
  std::string name;
  bool whatsapp = false;
  std::vector<std::string> lines;
  std::map<std::string, std::string> slots;
};

std::vector<Scripted> load(const std::string& file) {
  std::vector<Scripted> out;
  const toml::table root = toml::parse_file(std::string(AL_SOURCE_DIR) + "/testdata/conversations/" + file);
  for (const toml::node& node : *root["conversation"].as_array()) {
    const toml::table& table = *node.as_table();
    Scripted one;
    one.persona = root["persona"].value_or(std::string());
    one.name = table["name"].value_or(std::string());
    one.whatsapp = table["whatsapp"].value_or(false);
    for (const toml::node& line : *table["lines"].as_array()) one.lines.push_back(line.value_or(std::string()));
    for (const auto& [key, value] : *table["slots"].as_table())
      one.slots[std::string(key.str())] = value.value_or(std::string());
    out.push_back(std::move(one));
  }
  return out;
}

std::vector<Scripted> all() {
  std::vector<Scripted> out = load("en.toml");
  for (Scripted& one : load("he.toml")) out.push_back(std::move(one));
  return out;
}

void PrintTo(const Scripted& script, std::ostream* out) {
  *out << script.name;
}

class Conversations : public testing::TestWithParam<Scripted> {};

void expect_well_formed(const ChatTurn& turn, DialogueStage stage, std::set<std::string>& said) {
  int questions = 0;
  for (const std::string& sentence : split_sentences(turn.agent)) {
    questions += sentence.ends_with('?') ? 1 : 0;
    EXPECT_TRUE(said.insert(normal_form(sentence)).second) << "said twice: " << sentence;
  }
  EXPECT_LE(questions, 1) << turn.agent;
  EXPECT_FALSE(turn.agent.empty()) << "no answer to: " << turn.caller;
  EXPECT_EQ(turn.agent.find_first_of("0123456789*_#{}[]$"), std::string::npos) << turn.agent;
  const int limit = stage == DialogueStage::kCollecting ? 24 : 44;
  EXPECT_LE(count_words(turn.agent), limit) << turn.agent;
}

TEST_P(Conversations, ReachACompleteLeadInAtMostNineTurns) {
  const Scripted& script = GetParam();
  const auto persona = Persona::built_in(script.persona);
  ASSERT_TRUE(persona) << persona.error().detail;
  for (const std::uint64_t seed : {0U, 1U, 7U}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    ConversationOptions options;
    options.conversation_id = "test";
    options.caller_number = "+972501112233";
    options.whatsapp = script.whatsapp;
    options.local_time = WallTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 20) + std::chrono::hours(9));
    ChatDriver chat(*persona, options, seed);
    chat.greet();
    std::set<std::string> said;
    for (const std::string& sentence : split_sentences((*persona)->phrases.greeting))
      said.insert(normal_form(sentence));
    int turns = 0;
    int complete_at = 0;
    bool saved = false;
    bool sent = false;
    std::string transcript;
    for (const std::string& line : script.lines) {
      const ChatTurn turn = chat.say(line);
      ++turns;
      transcript += "caller: " + line + "\nagent:  " + turn.agent + "\n";
      SCOPED_TRACE(transcript);
      EXPECT_FALSE(turn.ignored);
      expect_well_formed(turn, chat.conversation().stage(), said);
      EXPECT_TRUE(turn.refused.empty()) << turn.refused.front();
      for (const ChatTool& tool : turn.tools) {
        saved = saved || tool.name == "save_lead";
        sent = sent || tool.name == "send_whatsapp";
      }
      if (complete_at == 0 && chat.conversation().complete()) complete_at = turns;
      if (turn.ends) break;
    }
    SCOPED_TRACE(transcript);
    EXPECT_GT(complete_at, 0) << "the lead is not complete";
    EXPECT_LE(complete_at, 9);
    EXPECT_EQ(sent, script.whatsapp);
    for (const auto& [slot, value] : chat.conversation().slots()) {
      const SlotSpec* spec = (*persona)->slot(slot);
      ASSERT_NE(spec, nullptr);
      EXPECT_TRUE(valid_slot_value(**persona, *spec, value)) << slot << " = " << value;
    }
    for (const auto& [slot, value] : script.slots) {
      const auto hit = chat.conversation().slots().find(slot);
      if (hit == chat.conversation().slots().end()) {
        ADD_FAILURE() << slot << " was not filled";
      } else {
        EXPECT_EQ(hit->second, value) << slot;
      }
    }
    for (const auto& [slot, value] : chat.conversation().slots()) {
      if (slot == "deal" || script.slots.contains(slot) || slot == "area") continue;
      ADD_FAILURE() << "filled from nothing: " << slot << " = " << value;
    }
  }
}

std::string test_name(const testing::TestParamInfo<Scripted>& info) {
  std::string name = info.param.persona.substr(0, 2) + "_" + info.param.name;
  for (char& c : name) {
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))) c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Scripted, Conversations, testing::ValuesIn(all()), test_name);

TEST(ConversationData, HasAtLeastSixtyConversations) {
  EXPECT_GE(all().size(), 60U);
}

}  // namespace
}  // namespace al::dialog
