#include "agentd/turn_recorder.h"

#include <gtest/gtest.h>

namespace al::agentd {
namespace {

const CallSid kCall("CA0123456789abcdef0123456789abcdef");

dialog::CallEvent event(const char* name, std::uint64_t turn, std::vector<dialog::Fact> facts = {}) {
  dialog::CallEvent event;
  event.name = name;
  event.turn = TurnId{turn};
  event.facts = std::move(facts);
  return event;
}

// What the store holds after these events: the last record of each turn.
std::map<TurnId, store::TurnRecord> stored(const std::vector<dialog::CallEvent>& events) {
  TurnRecorder recorder(kCall);
  std::map<TurnId, store::TurnRecord> turns;
  for (const dialog::CallEvent& one : events) {
    if (auto record = recorder.on_event(one, "heard", WallTime{})) turns[record->turn] = *record;
  }
  return turns;
}

TEST(TurnRecorder, PutsWhatWasHeardAndSaidIntoOneTurn) {
  const auto turns = stored({event("ASR_TEXT", 2, {{"text", std::string("a flat")}}),
                             event("LLM_REPLY", 2, {{"text", std::string("where?")}}),
                             event("LATENCY", 2, {{"total_ms", std::int64_t{700}}}), event("TTS_END", 2)});
  ASSERT_EQ(turns.size(), 1U);
  const store::TurnRecord& turn = turns.begin()->second;
  EXPECT_EQ(turn.caller_text, "a flat");
  EXPECT_EQ(turn.agent_text, "where?");
  EXPECT_EQ(turn.agent_heard, "heard");
  EXPECT_EQ(turn.latencies_ms.at("total"), 700);
}

TEST(TurnRecorder, AnAnswerAskedForEarlyBelongsToWhatWasHeard) {
  const auto turns = stored({event("GUESS", 3), event("ASR_TEXT", 2, {{"text", std::string("a flat")}}),
                             event("LLM_REPLY", 3, {{"text", std::string("where?")}}),
                             event("LATENCY", 3, {{"total_ms", std::int64_t{500}}}), event("TTS_END", 3),
                             event("GUESS", 5), event("ASR_TEXT", 4, {{"text", std::string("in Haifa")}}),
                             event("LLM_REPLY", 5, {{"text", std::string("when?")}}), event("TTS_END", 5)});
  ASSERT_EQ(turns.size(), 2U);
  EXPECT_EQ(turns.at(TurnId{2}).caller_text, "a flat");
  EXPECT_EQ(turns.at(TurnId{2}).agent_text, "where?");
  EXPECT_EQ(turns.at(TurnId{2}).latencies_ms.at("total"), 500);
  EXPECT_EQ(turns.at(TurnId{4}).caller_text, "in Haifa");
  EXPECT_EQ(turns.at(TurnId{4}).agent_text, "when?");
}

TEST(TurnRecorder, AnAnswerThatWasForgottenChangesNothing) {
  const auto turns = stored({event("GUESS", 3), event("ASR_TEXT", 2, {{"text", std::string("a flat in Haifa")}}),
                             event("GUESS_DROPPED", 3), event("LLM_REPLY", 2, {{"text", std::string("how big?")}}),
                             event("TTS_END", 2), event("ASR_TEXT", 4, {{"text", std::string("three rooms")}}),
                             event("LLM_REPLY", 4, {{"text", std::string("when?")}}), event("TTS_END", 4)});
  ASSERT_EQ(turns.size(), 2U);
  EXPECT_EQ(turns.at(TurnId{2}).agent_text, "how big?");
  EXPECT_EQ(turns.at(TurnId{4}).caller_text, "three rooms");
}

}  // namespace
}  // namespace al::agentd
