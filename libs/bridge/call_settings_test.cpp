#include "bridge/call_settings.h"

#include <gtest/gtest.h>

namespace al::bridge {
namespace {

Settings settings(std::string_view toml) {
  auto result = Settings::parse(toml, "test.toml");
  EXPECT_TRUE(result.has_value()) << (result ? "" : to_string(result.error()));
  return result ? *result : Settings();
}

TEST(CallSettings, WithoutAnySettingTheTunedDefaultsHold) {
  const audio::ListenOptions tuned;
  const audio::ListenOptions listen = listen_options(Settings(), false);
  EXPECT_EQ(listen.endpoint.min_silence, tuned.endpoint.min_silence);
  EXPECT_EQ(listen.endpoint.short_silence, tuned.endpoint.short_silence);
  EXPECT_EQ(listen.barge_in.confirm, tuned.barge_in.confirm);
  EXPECT_EQ(listen.preroll, tuned.preroll);
  EXPECT_EQ(listen.voice.engine, audio::VadEngine::kEnergy);
  EXPECT_EQ(listen_options(Settings(), true).voice.engine, audio::VadEngine::kSilero);
}

// What the engine was measured with is what agentd runs with.
TEST(CallSettings, TheTablesDefaultsAreTheEngines) {
  const dialog::CallOptions tuned;
  const dialog::CallOptions options = call_options(Settings(), *dialog::Persona::built_in("he-real-estate"), nullptr);
  EXPECT_EQ(options.turn.resp_min_delay, tuned.turn.resp_min_delay);
  EXPECT_EQ(options.turn.resp_max_delay, tuned.turn.resp_max_delay);
  EXPECT_EQ(options.turn.greeting_after, tuned.turn.greeting_after);
  EXPECT_EQ(options.turn.speculate_after, tuned.turn.speculate_after);
  EXPECT_EQ(options.deadlines.filler_after, tuned.deadlines.filler_after);
  EXPECT_EQ(options.playout.lead_frames, tuned.playout.lead_frames);
  EXPECT_EQ(options.idle.first, tuned.idle.first);
  EXPECT_EQ(options.conversation.dedup_window, tuned.conversation.dedup_window);
  EXPECT_EQ(options.conversation.min_words, tuned.conversation.min_words);
  EXPECT_EQ(options.conversation.max_words, tuned.conversation.max_words);
  EXPECT_EQ(options.conversation.max_tokens, tuned.conversation.max_tokens);
  EXPECT_EQ(options.conversation.max_chars, tuned.conversation.max_chars);
}

TEST(CallSettings, AGivenSilenceMovesTheShortAndTheLongOneWithIt) {
  const audio::EndpointOptions tuned;
  const auto endpoint = listen_options(settings("min_silence = 600"), false).endpoint;
  EXPECT_EQ(endpoint.min_silence, milliseconds{600});
  EXPECT_EQ(endpoint.min_silence - endpoint.short_silence, tuned.min_silence - tuned.short_silence);
  EXPECT_GE(listen_options(settings("min_silence = 150"), false).endpoint.short_silence, tuned.hangover);
}

TEST(CallSettings, FramesBecomeTime) {
  const auto barge_in = listen_options(settings("barge_in_voice_frames = 3"), false).barge_in;
  EXPECT_EQ(barge_in.confirm, milliseconds{60});
  EXPECT_LE(barge_in.suspect, barge_in.confirm);
  EXPECT_FALSE(listen_options(settings("barge_in = false"), false).barge_in.enabled);
}

TEST(CallSettings, TheGreetingIsThePersonasUnlessItIsGiven) {
  const auto persona = std::make_shared<const dialog::Persona>();
  EXPECT_FALSE(call_options(Settings(), persona, nullptr).greeting.has_value());
  EXPECT_EQ(call_options(settings("ai_greeting = \"Hi\""), persona, nullptr).greeting, "Hi");
  EXPECT_EQ(call_options(settings("ai_greeting = \"\""), persona, nullptr).greeting, "");
}

TEST(CallSettings, TheDelayRangeIsNeverUpsideDown) {
  const auto persona = std::make_shared<const dialog::Persona>();
  const auto options = call_options(settings("resp_min_delay_ms = 500\nresp_max_delay_ms = 500"), persona, nullptr);
  EXPECT_EQ(options.turn.resp_min_delay, milliseconds{500});
  EXPECT_GE(options.turn.resp_max_delay, options.turn.resp_min_delay);
}

TEST(CallSettings, WhatIsRecordedOfACallMakesTheSameCallAgain) {
  const Settings given = settings(
      "min_utt_sec = 0.48\nmax_call_sec = \"2h\"\nllm_max_words = 18\nai_greeting = \"Hello, \\\"you\\\"\"\n"
      "openai_api_key = \"k\"\nstate_dir = \"/tmp/x\"\nbarge_in = false\ntts_rate = 1.05");
  const auto recorded = recorded_settings(given);
  EXPECT_FALSE(recorded.contains("openai_api_key"));
  EXPECT_FALSE(recorded.contains("state_dir"));
  Settings again;
  for (const auto& [key, value] : recorded) {
    const auto set = again.set(key, value);
    EXPECT_TRUE(set) << to_string(set.error());
  }
  for (const std::string_view key : given.differences(again))
    EXPECT_TRUE(key == "openai_api_key" || key == "state_dir") << key;
  EXPECT_EQ(again.duration("min_silence"), milliseconds{480});
}

}  // namespace
}  // namespace al::bridge
