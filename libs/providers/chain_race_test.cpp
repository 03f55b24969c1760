// Chains of models and voices, in virtual time.
#include <gtest/gtest.h>

#include "providers/chain.h"
#include "providers/testing_providers.h"
#include "providers/testing_scheduler.h"

namespace al::providers {
namespace {

using dialog::ModelSink;
using dialog::TtsSink;
using testing::FakeModel;
using testing::FakeTts;
using testing::Script;

// What the engine would hear, as one line an event.
struct ModelHeard final : ModelSink {
  void on_delta(TurnId, std::string text) override { lines.push_back("delta " + text); }
  void on_tool_call(TurnId, std::string, std::string name, std::string) override { lines.push_back("tool " + name); }
  void on_done(TurnId, dialog::ModelUsage) override { lines.emplace_back("done"); }
  void on_failed(TurnId, Error error) override { lines.push_back("failed " + std::string(al::to_string(error.code))); }
  std::vector<std::string> lines;
};

using Lines = std::vector<std::string>;

class ModelChainTest : public ::testing::Test {
 protected:
  ModelChainTest() {
    auto made = make_model_chain({{first, {}, {}}, {second, {}, {}}}, options, scheduler, &log);
    chain = std::move(*made);
  }
  // Speaks word by word: the first after `first_token`, then one every 100 ms, then done.
  static Script<ModelSink> speaks(Duration first_token, Lines words) {
    Script<ModelSink> script;
    Duration at = first_token;
    for (auto& word : words) {
      script.events.emplace_back(at, [word](ModelSink& sink) { sink.on_delta({1}, word); });
      at += milliseconds{100};
    }
    script.events.emplace_back(at, [](ModelSink& sink) { sink.on_done({1}, {}); });
    return script;
  }
  static Script<ModelSink> fails(Duration after, Errc code) {
    return {{{after, [code](ModelSink& sink) { sink.on_failed({1}, {code, "on purpose"}); }}}};
  }
  static auto always(Script<ModelSink> script) {
    return [script](const dialog::ModelRequest&) { return script; };
  }
  std::shared_ptr<ModelHeard> ask(Duration wait = seconds{20}) {
    auto heard = std::make_shared<ModelHeard>();
    dialog::ModelRequest request;
    request.turn = {1};
    request.call = "CA1";
    session = chain->start(request, heard);
    EXPECT_TRUE(heard->lines.empty()) << "the sink was called from inside start()";
    scheduler.advance(wait);
    return heard;
  }

  testing::VirtualScheduler scheduler;
  testing::EventLog log;
  ModelChainOptions options;
  std::shared_ptr<FakeModel> first = std::make_shared<FakeModel>("openai", scheduler);
  std::shared_ptr<FakeModel> second = std::make_shared<FakeModel>("scripted", scheduler);
  std::unique_ptr<dialog::LanguageModel> chain;
  std::unique_ptr<dialog::ModelSession> session;
};

TEST_F(ModelChainTest, TheFirstAnswersAndTheSecondIsNeverAsked) {
  first->script = always(speaks(milliseconds{400}, {"Hello", " there"}));
  EXPECT_EQ(ask()->lines, (Lines{"delta Hello", "delta  there", "done"}));
  EXPECT_EQ(second->census->started, 0);
  EXPECT_EQ(log.lines, (Lines{"openai first", "openai ok"}));
  EXPECT_EQ(log.events[0].elapsed, milliseconds{400});
  EXPECT_EQ(chain->name(), "openai,scripted");
}

TEST_F(ModelChainTest, AFailureMovesOnAtOnce) {
  first->script = always(fails(milliseconds{50}, Errc::kClosed));
  second->script = always(speaks(milliseconds{10}, {"Hi"}));
  EXPECT_EQ(ask(milliseconds{200})->lines, (Lines{"delta Hi", "done"}));
  EXPECT_EQ(log.lines, (Lines{"openai failed", "scripted fell_back", "scripted first", "scripted ok"}));
}

TEST_F(ModelChainTest, ALateFirstTokenStartsTheSecondBesideIt) {
  first->script = always(speaks(milliseconds{1300}, {"slow"}));
  second->script = always(speaks(milliseconds{500}, {"quick"}));
  // At 1200 ms the second starts; the first still answers at 1300 and wins.
  EXPECT_EQ(ask()->lines, (Lines{"delta slow", "done"}));
  EXPECT_EQ(log.count("openai hedged"), 1U);
  EXPECT_EQ(log.count("scripted cancelled"), 1U);
  EXPECT_EQ(second->census->alive, 0);
}

TEST_F(ModelChainTest, TheHedgeWinsAndTheLateOneIsCancelledOnce) {
  first->script = always(speaks(milliseconds{9000}, {"too late"}));
  second->script = always(speaks(milliseconds{100}, {"quick"}));
  EXPECT_EQ(ask()->lines, (Lines{"delta quick", "done"}));
  EXPECT_EQ(first->census->alive, 0);
  EXPECT_EQ(log.count("openai cancelled"), 1U);
}

TEST_F(ModelChainTest, AHangingModelIsGivenUpAtItsDeadline) {
  second->script = always(fails(milliseconds{100}, Errc::kClosed));
  EXPECT_EQ(ask()->lines, (Lines{"failed timeout"}));
  EXPECT_EQ(log.count("openai timeout"), 1U);
  EXPECT_EQ(log.count("scripted exhausted") + log.count("openai exhausted"), 1U);
}

TEST_F(ModelChainTest, AStallInTheMiddleIsAFailureNotAnEndlessWait) {
  first->script = always({{{milliseconds{200}, [](ModelSink& sink) { sink.on_delta({1}, "Our flats are new. "); }}}});
  EXPECT_EQ(ask()->lines, (Lines{"delta Our flats are new. ", "failed timeout"}));
  EXPECT_EQ(second->census->started, 0);  // words were spoken: nobody may start again
  EXPECT_EQ(first->census->alive, 0);
}

TEST_F(ModelChainTest, WhatBreaksOffBeforeTheFirstClauseIsReplacedUnheard) {
  second->script = always(speaks(milliseconds{10}, {"Hi"}));
  first->script = always({{{milliseconds{200}, [](ModelSink& sink) { sink.on_delta({1}, "Our flats"); }},
                           {milliseconds{250}, [](ModelSink& sink) {
                              sink.on_failed({1}, {Errc::kClosed, "reset"});
                            }}}});
  EXPECT_EQ(ask(milliseconds{400})->lines, (Lines{"delta Hi", "done"}));
  first->script = always({{{milliseconds{200}, [](ModelSink& sink) { sink.on_delta({1}, "Our flats"); }}}});
  EXPECT_EQ(ask()->lines, (Lines{"delta Hi", "done"}));
  EXPECT_EQ(first->census->alive, 0);
}

TEST_F(ModelChainTest, AModelThatHasBegunIsNotLateAnyMore) {
  first->script = always(speaks(milliseconds{1100}, {"We ", "have ", "many ", "flats ", "there."}));
  EXPECT_EQ(ask()->lines.size(), 6U);  // the clause is whole at 1600 ms, after the hedge would have started
  EXPECT_EQ(second->census->started, 0);
}

TEST_F(ModelChainTest, AModelThatNeverComesToAClauseIsGivenUp) {
  Script<ModelSink> drips;
  for (int i = 1; i < 60; ++i) {
    drips.events.emplace_back(milliseconds{500} * i, [](ModelSink& sink) { sink.on_delta({1}, "m"); });
  }
  first->script = always(drips);
  second->script = always(speaks(milliseconds{10}, {"Hi"}));
  EXPECT_EQ(ask(milliseconds{4700})->lines, (Lines{"delta Hi", "done"}));
  EXPECT_EQ(log.count("openai timeout"), 1U);
}

TEST_F(ModelChainTest, AnEmptyAnswerMovesOn) {
  first->script = always(speaks(milliseconds{200}, {}));
  second->script = always(speaks(milliseconds{10}, {"Hi"}));
  EXPECT_EQ(ask()->lines, (Lines{"delta Hi", "done"}));
}

TEST_F(ModelChainTest, BlanksDoNotDecideButAreKept) {
  first->script = always(speaks(milliseconds{200}, {"\n", "Hi"}));
  EXPECT_EQ(ask()->lines, (Lines{"delta \n", "delta Hi", "done"}));
}

TEST_F(ModelChainTest, AToolCallDecides) {
  first->script = always({{{milliseconds{10}, [](ModelSink& sink) { sink.on_tool_call({1}, "1", "end_call", "{}"); }},
                           {milliseconds{20}, [](ModelSink& sink) { sink.on_done({1}, {}); }}}});
  EXPECT_EQ(ask()->lines, (Lines{"tool end_call", "done"}));
}

TEST_F(ModelChainTest, WhenAllFailTheLastErrorIsHeardOnce) {
  first->script = always(fails(milliseconds{10}, Errc::kClosed));
  second->script = always(fails(milliseconds{10}, Errc::kRejected));
  EXPECT_EQ(ask()->lines, (Lines{"failed rejected"}));
}

TEST_F(ModelChainTest, ADestroyedSessionHearsNothingAndLeavesNothingBehind) {
  first->script = always(speaks(milliseconds{100}, {"a. ", "b", "c"}));
  auto heard = std::make_shared<ModelHeard>();
  session = chain->start({}, heard);
  scheduler.advance(milliseconds{150});
  session.reset();
  scheduler.advance(seconds{20});
  EXPECT_EQ(heard->lines, (Lines{"delta a. "}));
  EXPECT_EQ(first->census->alive, 0);
  EXPECT_EQ(log.count("openai cancelled"), 1U);
  EXPECT_EQ(scheduler.waiting(), 0U);
}

// The engine gives up before the last link's long deadline. Three times, and the caller is not made to wait any more.
TEST_F(ModelChainTest, ALinkThatNobodyCouldWaitForIsBlamed) {
  auto alone = *make_model_chain({{first, {}, {}}}, options, scheduler, &log);
  for (int i = 0; i < 3; ++i) {
    session = alone->start({}, std::make_shared<ModelHeard>());
    scheduler.advance(i == 0 ? milliseconds{1000} : milliseconds{3300});
    session.reset();
  }
  EXPECT_EQ(log.count("openai breaker_opened"), 0U) << "the first was cancelled before it was late";
  session = alone->start({}, std::make_shared<ModelHeard>());
  scheduler.advance(milliseconds{3300});
  session.reset();
  EXPECT_EQ(log.count("openai breaker_opened"), 1U);
}

TEST_F(ModelChainTest, TheBreakerOpensAfterRepeatedFailuresAndClosesAfterAProbe) {
  first->script = always(fails(milliseconds{10}, Errc::kClosed));
  second->script = always(speaks(milliseconds{10}, {"Hi"}));
  for (int i = 0; i < 3; ++i) ask(milliseconds{500});
  EXPECT_EQ(log.count("openai breaker_opened"), 1U);
  ask(milliseconds{500});
  EXPECT_EQ(first->census->started, 3) << "an open breaker keeps the request away";
  EXPECT_EQ(log.count("openai skipped"), 1U);

  scheduler.advance(seconds{5});
  first->script = always(speaks(milliseconds{10}, {"back"}));
  EXPECT_EQ(ask(milliseconds{500})->lines, (Lines{"delta back", "done"}));
  EXPECT_EQ(log.count("openai breaker_closed"), 1U);
}

TEST_F(ModelChainTest, AWrongKeyIsNotTriedAgainForAMinute) {
  first->script = always(fails(milliseconds{10}, Errc::kRejected));
  second->script = always(speaks(milliseconds{10}, {"Hi"}));
  for (int i = 0; i < 20; ++i) ask(seconds{2});
  EXPECT_EQ(first->census->started, 1);
  scheduler.advance(seconds{30});
  ask(seconds{2});
  EXPECT_EQ(first->census->started, 2);
}

// ---- voices --------------------------------------------------------------------------------------------------------

struct TtsHeard final : TtsSink {
  void on_audio(SpeechId, std::vector<std::int16_t> pcm) override {
    samples += pcm.size();
    if (!pcm.empty()) value = pcm[0];
  }
  void on_done(SpeechId) override { lines.emplace_back("done"); }
  void on_failed(SpeechId, Error error) override {
    lines.push_back("failed " + std::string(al::to_string(error.code)));
  }
  std::size_t samples = 0;
  std::int16_t value = 0;
  Lines lines;
};

class TtsChainTest : public ::testing::Test {
 protected:
  void make(std::vector<ChainLink<dialog::TextToSpeech>> links) {
    auto made = make_tts_chain(std::move(links), {}, scheduler, &log);
    ASSERT_TRUE(made);
    chain = std::move(*made);
  }
  // `pieces` of 160 samples, 20 ms apart, then done.
  static auto speaks(Duration first_audio, int pieces, std::int16_t value) {
    Script<TtsSink> script;
    for (int i = 0; i < pieces; ++i) {
      script.events.emplace_back(first_audio + milliseconds{20} * i,
                                 [value](TtsSink& sink) { sink.on_audio({1}, std::vector<std::int16_t>(160, value)); });
    }
    script.events.emplace_back(first_audio + milliseconds{20} * pieces, [](TtsSink& sink) { sink.on_done({1}); });
    return [script](const dialog::TtsRequest&) { return script; };
  }
  std::shared_ptr<TtsHeard> say(std::string language = "en-US", std::string voice = {}) {
    auto heard = std::make_shared<TtsHeard>();
    dialog::TtsRequest request;
    request.speech = {1};
    request.text = "Hello";
    request.voice.language = std::move(language);
    request.voice.name = std::move(voice);
    session = chain->start(request, heard);
    scheduler.advance(seconds{20});
    return heard;
  }

  testing::VirtualScheduler scheduler;
  testing::EventLog log;
  std::shared_ptr<FakeTts> google = std::make_shared<FakeTts>("google", scheduler);
  std::shared_ptr<FakeTts> piper = std::make_shared<FakeTts>("piper", scheduler);
  std::unique_ptr<dialog::TextToSpeech> chain;
  std::unique_ptr<dialog::TtsSession> session;
};

TEST_F(TtsChainTest, SilenceInsteadOfSpeechMovesOn) {
  make({{google, {}, {}}, {piper, {}, {}}});
  google->script = speaks(milliseconds{50}, 1, 7);  // 20 ms for a whole sentence: less than 25 ms is no speech
  piper->script = speaks(milliseconds{50}, 5, 9);
  const auto heard = say();
  EXPECT_EQ(heard->lines, (Lines{"done"}));
  EXPECT_EQ(heard->samples, 5U * 160U);
  EXPECT_EQ(heard->value, 9);
  EXPECT_EQ(log.count("google failed"), 1U);
}

TEST_F(TtsChainTest, TheFirstPieceIsNotLostWhileDeciding) {
  make({{google, {}, {}}, {piper, {}, {}}});
  google->script = speaks(milliseconds{50}, 3, 7);
  EXPECT_EQ(say()->samples, 3U * 160U);
}

TEST_F(TtsChainTest, AHangingVoiceIsReplacedAtTheFirstAudioDeadline) {
  make({{google, {}, {}}, {piper, {}, {}}});
  piper->script = speaks(milliseconds{80}, 5, 9);
  EXPECT_EQ(say()->value, 9);
  EXPECT_EQ(log.count("google timeout"), 1U);
  for (const auto& event : log.events) {
    if (event.outcome != ProviderOutcome::kTimeout) continue;
    EXPECT_EQ(event.elapsed, milliseconds{1200});
  }
}

TEST_F(TtsChainTest, LanguagesDecideWhoIsAsked) {
  make({{piper, {"en"}, {}}, {google, {"he"}, {}}});
  piper->script = speaks(milliseconds{10}, 5, 9);
  google->script = speaks(milliseconds{10}, 5, 7);
  EXPECT_EQ(say("he-IL")->value, 7);
  EXPECT_EQ(say("iw-IL")->value, 7);
  EXPECT_EQ(say("en-GB")->value, 9);
  EXPECT_EQ(say("fr-FR")->lines, (Lines{"failed unsupported"}));
}

TEST_F(TtsChainTest, EachVoiceGetsItsOwnName) {
  make({{google, {}, {{"he-IL", "he-IL-Wavenet-A"}, {"en", "en-US-Neural2-F"}}}, {piper, {}, {{"", "300"}}}});
  piper->script = speaks(milliseconds{10}, 5, 9);
  google->script = [](const dialog::TtsRequest&) {
    return Script<TtsSink>{{{milliseconds{5}, [](TtsSink& sink) { sink.on_failed({1}, {Errc::kClosed, ""}); }}}};
  };
  say("en-US");
  say("he-IL");
  EXPECT_EQ(google->requests[0].voice.name, "en-US-Neural2-F");
  EXPECT_EQ(google->requests[1].voice.name, "he-IL-Wavenet-A");
  EXPECT_EQ(piper->requests[0].voice.name, "300");
}

TEST_F(TtsChainTest, AnEmptyChainIsRefused) {
  EXPECT_FALSE(make_tts_chain({}, {}, scheduler, nullptr));
  EXPECT_FALSE(make_model_chain({}, {}, scheduler, nullptr));
  EXPECT_FALSE(make_stt_chain({}, {}, scheduler, nullptr));
}

}  // namespace
}  // namespace al::providers
