#include "dialog/conversation.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "dialog/chat_driver.h"
#include "dialog/speakable.h"
#include "dialog/words.h"

namespace al::dialog {
namespace {

std::shared_ptr<const Persona> english() {
  return *Persona::built_in("en-real-estate");
}
std::shared_ptr<const Persona> hebrew() {
  return *Persona::built_in("he-real-estate");
}
Timestamp at(int seconds_from_start) {
  return Timestamp{} + seconds{seconds_from_start};
}

ConversationOptions with_date() {
  ConversationOptions options;
  options.local_time = WallTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 20));
  options.conversation_id = "CA1";
  return options;
}

TEST(Conversation, IgnoresTheSameTextWithinTheWindow) {
  Conversation conversation(english(), with_date(), 1);
  EXPECT_EQ(conversation.caller_said("I want an apartment in Haifa.", at(0)).act, CallerAct::kAnswer);
  EXPECT_EQ(conversation.caller_said("I want an apartment in Haifa", at(5)).act, CallerAct::kIgnore);
  EXPECT_EQ(conversation.caller_said("I want an apartment in Haifa", at(13)).act, CallerAct::kIgnore);
  EXPECT_EQ(conversation.caller_said("I want an apartment in Haifa", at(40)).act, CallerAct::kAnswer);
}

TEST(Conversation, TakesTheSameShortAnswerToAnotherQuestion) {
  ChatDriver chat(english(), with_date(), 1);
  chat.greet();
  EXPECT_FALSE(chat.say("four", seconds{1}).ignored);  // to "which area"
  EXPECT_FALSE(chat.say("four", seconds{2}).ignored);  // the question was put again
  Conversation conversation(english(), with_date(), 1);
  conversation.caller_said("yes", at(0));
  EXPECT_EQ(conversation.caller_said("yes", at(1)).act, CallerAct::kAnswer);
}

TEST(Conversation, AnEmptyTranscriptAsksAShortQuestionEachTimeInOtherWords) {
  Conversation conversation(hebrew(), with_date(), 1);
  std::string last;
  for (const std::string_view text : {"", "   ", "...", "?!"}) {
    const CallerDecision decision = conversation.caller_said(text, at(1));
    EXPECT_EQ(decision.act, CallerAct::kSayFixed);
    EXPECT_FALSE(decision.fixed_text.empty());
    EXPECT_NE(decision.fixed_text, last);
    last = decision.fixed_text;
  }
}

TEST(Conversation, HearsGoodbyeButNotBuying) {
  for (const std::string_view text : {"Bye", "ok thanks, bye bye", "Goodbye!", "Have a nice day."}) {
    Conversation conversation(english(), with_date(), 1);
    EXPECT_EQ(conversation.caller_said(text, at(0)).act, CallerAct::kGoodbye) << text;
  }
  for (const std::string_view text :
       {"I want to buy", "by the sea", "don't say goodbye yet", "see you have apartments"}) {
    Conversation conversation(english(), with_date(), 1);
    EXPECT_EQ(conversation.caller_said(text, at(0)).act, CallerAct::kAnswer) << text;
  }
  for (const std::string_view text : {"ביי", "להתראות", "תודה רבה, להתראות", "יאללה ביי"}) {
    Conversation conversation(hebrew(), with_date(), 1);
    EXPECT_EQ(conversation.caller_said(text, at(0)).act, CallerAct::kGoodbye) << text;
  }
}

TEST(Conversation, ReplacesTheSameAnswerGivenTwice) {
  Conversation conversation(english(), with_date(), 1);
  conversation.caller_said("hello there my friend", at(0));
  EXPECT_NE(conversation.shape_clause(TurnId{1}, "Which city would you like to live in?", true), "");
  EXPECT_EQ(conversation.finish_answer(TurnId{1}), "");
  conversation.caller_said("what do you mean by that", at(20));
  EXPECT_EQ(conversation.shape_clause(TurnId{2}, "Which city would you like to live in?", true), "");
  const std::string instead = conversation.finish_answer(TurnId{2});
  EXPECT_FALSE(instead.empty());
  EXPECT_EQ(instead.find("Which city would you like to live in"), std::string::npos);
  EXPECT_TRUE(instead.ends_with('?')) << instead;
}

TEST(Conversation, IntroducesItselfOnce) {
  Conversation conversation(english(), with_date(), 1);
  conversation.agent_said_fixed(english()->phrases.greeting);
  conversation.caller_said("hello", at(0));
  EXPECT_EQ(conversation.shape_clause(TurnId{1}, "Hi, my name is Maya from Harbor Homes. Which area?", true),
            "Which area?");
}

TEST(Conversation, TheFirstAnswerCarriesTheNoticeWhenTheCallerSpokeFirst) {
  ChatDriver chat(english(), with_date(), 1);
  const ChatTurn turn = chat.say("An apartment in Haifa please");
  EXPECT_NE(turn.agent.find("digital assistant"), std::string::npos) << turn.agent;
  EXPECT_NE(turn.agent.find("recorded"), std::string::npos) << turn.agent;
  EXPECT_TRUE(turn.agent.ends_with('?')) << turn.agent;
}

TEST(Conversation, AsksOneQuestionAndStopsThere) {
  Conversation conversation(english(), with_date(), 1);
  conversation.caller_said("hello", at(0));
  EXPECT_EQ(conversation.shape_clause(TurnId{1}, "Sure! Which area? And what is your budget? Call us.", true),
            "Sure! Which area?");
  EXPECT_EQ(conversation.shape_clause(TurnId{1}, "What is your name?", false), "");
}

TEST(Conversation, CutsAnAnswerThatIsTooLongButKeepsItsQuestion) {
  Conversation conversation(english(), with_date(), 1);
  conversation.caller_said("hello", at(0));
  std::string said;
  for (int i = 0; i < 12; ++i) {
    said += conversation.shape_clause(
                TurnId{1}, "This is sentence number " + std::string(static_cast<std::size_t>(i + 1), 'x') + " of many.",
                i == 0) +
            " ";
  }
  said += conversation.shape_clause(TurnId{1}, "Which city do you want?", false);
  EXPECT_LE(count_words(said), 32) << said;
  EXPECT_TRUE(said.ends_with("Which city do you want?")) << said;
}

TEST(Conversation, SpeaksFiguresAsWordsAndDropsMarkup) {
  Conversation conversation(hebrew(), with_date(), 1);
  conversation.caller_said("יש לי 1,800,000 ₪", at(0));
  EXPECT_EQ(conversation.shape_clause(TurnId{1}, "**מצוין** 😀, 4 חדרים ב-1,800,000 ₪.", true),
            "מצוין, ארבעה חדרים במיליון ושמונה מאות אלף שקלים.");
}

TEST(Conversation, SaysThatItSavedOnlyAfterItDid) {
  ChatDriver chat(english(), with_date(), 1);
  Conversation& conversation = chat.conversation();
  chat.greet();
  chat.say("Apartment in Haifa, four rooms, two million, in three months. My name is Dana, 0541234567.");
  EXPECT_EQ(conversation.shape_clause(TurnId{50}, "I have saved your details.", true), "");
  const ChatTurn turn = chat.say("Yes, that is right.");
  ASSERT_EQ(turn.tools.size(), 1U);
  EXPECT_EQ(turn.tools[0].name, "save_lead");
  EXPECT_NE(turn.agent.find("saved"), std::string::npos) << turn.agent;
  EXPECT_EQ(conversation.shape_clause(TurnId{60}, "Your details have been saved.", true),
            "Your details have been saved.");
}

TEST(Conversation, AToolThatFailedIsNotClaimed) {
  ChatDriver chat(english(), with_date(), 1, {}, [](const CheckedTool&) {
    return ChatDriver::ToolOutcome{"disk full", false};
  });
  chat.greet();
  chat.say("Apartment in Haifa, four rooms, two million, in three months. My name is Dana, 0541234567.");
  const ChatTurn turn = chat.say("Yes, that is right.");
  EXPECT_EQ(turn.agent.find("are saved"), std::string::npos) << turn.agent;
  EXPECT_EQ(turn.agent.find("is saved"), std::string::npos) << turn.agent;
  EXPECT_FALSE(turn.agent.empty());
}

TEST(Conversation, ACommitmentHasOneKeyAndIsDoneOnce) {
  ChatDriver chat(english(), with_date(), 1);
  chat.greet();
  chat.say("Apartment in Haifa, four rooms, two million, in three months. My name is Dana, 0541234567.");
  std::string key;
  EXPECT_FALSE(chat.conversation().check_tool("save_lead", "{}", key)) << "the caller did not agree yet";
  const ChatTurn turn = chat.say("Yes");
  ASSERT_EQ(turn.tools.size(), 1U);
  EXPECT_FALSE(turn.tools[0].idempotency_key.empty());
  const auto again = chat.conversation().check_tool("save_lead", "{}");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::kConflict);
}

TEST(Conversation, WhatWasNotHeardMayBeSaidAgain) {
  Conversation conversation(english(), with_date(), 1);
  conversation.caller_said("hello", at(0));
  conversation.shape_clause(TurnId{1}, "We have many homes. Which city would you like to live in?", true);
  conversation.agent_heard(TurnId{1}, "We have", true);
  EXPECT_EQ(conversation.history().back().text, "We have [interrupted here]");
  conversation.caller_said("sorry, go on please", at(5));
  EXPECT_EQ(conversation.shape_clause(TurnId{2}, "Which city would you like to live in?", true),
            "Which city would you like to live in?");
}

TEST(Conversation, GoesOnAfterSaveAndRestore) {
  ChatDriver chat(english(), with_date(), 1);
  chat.greet();
  chat.say("Apartment in Haifa, four rooms");
  chat.say("My number is zero five four");
  const std::string saved = chat.conversation().save();
  Conversation other(english(), with_date(), 1);
  ASSERT_TRUE(other.restore(saved));
  EXPECT_EQ(other.slots(), chat.conversation().slots());
  EXPECT_EQ(other.history().size(), chat.conversation().history().size());
  EXPECT_EQ(other.expected_slot(), chat.conversation().expected_slot());
  other.caller_said("one two three four five six seven", at(60));
  EXPECT_EQ(other.slots().at("phone"), "+972541234567");
  EXPECT_EQ(other.save().empty(), false);
}

TEST(Conversation, RefusesAStateThatDoesNotFit) {
  ChatDriver chat(english(), with_date(), 1);
  chat.say("Apartment in Haifa, four rooms");
  const std::string saved = chat.conversation().save();
  Conversation conversation(hebrew(), with_date(), 1);
  EXPECT_FALSE(conversation.restore(saved)) << "another persona";
  Conversation same(english(), with_date(), 1);
  EXPECT_FALSE(same.restore("not json"));
  EXPECT_FALSE(same.restore("{}"));
  for (const auto& [name, value] : {std::pair<std::string, nlohmann::json>{"slots", {{"budget", "a lot"}}},
                                    {"slots", {{"nothing", "x"}}},
                                    {"ask", {"nothing"}},
                                    {"pending_digits", "abc"},
                                    {"version", 99}}) {
    nlohmann::json broken = nlohmann::json::parse(saved);
    broken[name] = value;
    EXPECT_FALSE(same.restore(broken.dump())) << name;
  }
  EXPECT_TRUE(same.slots().empty()) << "a refused state changes nothing";
}

TEST(Conversation, TellsWhatToExpectOfTheNextWords) {
  ChatDriver chat(english(), with_date(), 1);
  chat.greet();
  EXPECT_TRUE(chat.conversation().expectation().free_speech);
  chat.say("Apartment in Haifa, four rooms, two million, in three months");
  EXPECT_TRUE(chat.conversation().expectation().digits);
  chat.say("Dana, zero five four");
  EXPECT_EQ(chat.conversation().expectation().digits_known, 3);
  chat.say("one two three four five six seven");
  EXPECT_TRUE(chat.conversation().expectation().yes_no);
}

TEST(Conversation, ModelFailureIsNeverSilenceAndNeverTheSameTwice) {
  Conversation conversation(hebrew(), with_date(), 1);
  std::string last;
  for (std::uint64_t turn = 1; turn <= 4; ++turn) {
    conversation.caller_said("בלה בלה מספר " + std::to_string(turn), at(static_cast<int>(turn) * 20));
    const std::string said = conversation.failure_answer(TurnId{turn});
    EXPECT_FALSE(said.empty());
    EXPECT_NE(said, last);
    last = said;
  }
}

TEST(Conversation, AQuestionThatStaysOpenIsLeftForLater) {
  ChatDriver chat(english(), with_date(), 1);
  chat.greet();
  std::string all;
  for (int i = 0; i < 16; ++i)
    all += chat.say("the green one over there " + std::string(static_cast<std::size_t>(i + 1), 'y')).agent + "\n";
  EXPECT_FALSE(chat.conversation().complete());
  EXPECT_NE(all.find("move"), std::string::npos) << "it never went on to another question:\n" << all;
}

TEST(ScriptedAgent, DeliversThroughItsSinkAndNothingAfterItsEnd) {
  struct Sink : ModelSink {
    void on_delta(TurnId, std::string text) override { said += text; }
    void on_tool_call(TurnId, std::string, std::string, std::string) override {}
    void on_done(TurnId, ModelUsage) override { ++done; }
    void on_failed(TurnId, Error) override {}
    std::string said;
    int done = 0;
  };
  std::vector<std::function<void()>> queue;
  ScriptedAgent agent(english(), [&](std::function<void()> job) { queue.push_back(std::move(job)); });
  Conversation conversation(english(), with_date(), 1);
  conversation.agent_said_fixed(english()->phrases.greeting);
  conversation.caller_said("Haifa", at(0));
  auto sink = std::make_shared<Sink>();
  auto session = agent.start(conversation.request(TurnId{1}, "CA1"), sink);
  EXPECT_EQ(sink->done, 0) << "never from inside start()";
  queue[0]();
  EXPECT_EQ(sink->done, 1);
  EXPECT_NE(sink->said.find("Haifa"), std::string::npos) << sink->said;
  auto cancelled = std::make_shared<Sink>();
  session = agent.start(conversation.request(TurnId{2}, "CA1"), cancelled);
  session.reset();
  queue[1]();
  EXPECT_EQ(cancelled->done, 0);
  EXPECT_EQ(cancelled->said, "");
}

}  // namespace
}  // namespace al::dialog
