#include "dialog/call_record.h"

#include <string>

#include <gtest/gtest.h>

#include "dialog/call_engine.h"
#include "dialog/virtual_call.h"

namespace al::dialog {
namespace {

std::string replay(const CallRecord& record, CallOptions options, std::uint64_t seed) {
  options.clips = record.header.clips;
  std::string outputs;
  const Timestamp start{seconds{5}};  // another clock than the recorded one: only differences count
  CallEngine engine(options, start, seed);
  const auto drain = [&](Duration at) {
    while (const auto output = engine.poll_output()) append_output_line(outputs, *output, at);
  };
  drain(Duration{0});
  for (const TimedInput& timed : record.inputs) {
    engine.handle(timed.input, start + timed.at);
    drain(timed.at);
  }
  return outputs;
}

TEST(CallRecord, ReplayingARecordedCallGivesTheSameOutputsByteForByte) {
  testing::VirtualCall call(testing::VirtualCall::options(), 7);
  CallRecordHeader header;
  header.seed = 7;
  header.clips = call.clips();
  std::string text = record_header_line(header);
  call.on_input = [&](const Input& input, Timestamp now) { append_record_line(text, input, now - call.start()); };
  call.advance(seconds{3});
  call.say("a flat in Haifa", seconds{2});
  call.advance(seconds{4});
  call.say("no, in Eilat", seconds{2});  // over the answer
  call.advance(seconds{3});
  call.press('5');
  call.advance(seconds{8});
  call.hang_up();

  std::string outputs;
  for (const auto& [when, output] : call.outputs()) append_output_line(outputs, output, when - call.start());
  ASSERT_GT(outputs.size(), 100'000U);
  const auto record = parse_call_record(text);
  ASSERT_TRUE(record.has_value()) << to_string(record.error());
  EXPECT_FALSE(record->torn);
  EXPECT_TRUE(replay(*record, testing::VirtualCall::options(), record->header.seed) == outputs);
  CallOptions other = testing::VirtualCall::options();
  other.listen.endpoint.min_silence += milliseconds{40};
  EXPECT_FALSE(replay(*record, other, record->header.seed) == outputs);  // the comparison can fail
}

TEST(CallRecord, EveryInputComesBackAsItWas) {
  const std::vector<Input> inputs = {
      in::Media{3, MediaTime{480}, {}},
      in::MarkPlayed{"s\"1\n"},
      in::Dtmf{'#'},
      in::SttPartial{TurnId{2}, "שלום", 0.5F},
      in::SttFinal{TurnId{2}, "שלום וברכה", 0.25F},
      in::ModelDelta{TurnId{2}, "טוב."},
      in::ModelToolCall{TurnId{2}, "id", "tool", "{\"a\":1}"},
      in::ToolResult{TurnId{2}, "id", "tool", "ok"},
      in::ModelDone{TurnId{2}},
      in::TtsAudio{SpeechId{4}, {0, 1, -1, 32767, -32768}},
      in::TtsDone{SpeechId{4}},
      in::ProviderFailed{Stage::kTts, {}, SpeechId{5}, {Errc::kRateLimited, "slow down"}},
      in::DeadlineReached{},
      in::Hangup{"caller"},
  };
  ASSERT_EQ(inputs.size(), std::variant_size_v<Input>);
  std::string text = record_header_line({});
  for (std::size_t i = 0; i < inputs.size(); ++i) append_record_line(text, inputs[i], milliseconds{i});
  const auto record = parse_call_record(text);
  ASSERT_TRUE(record.has_value()) << to_string(record.error());
  ASSERT_EQ(record->inputs.size(), inputs.size());
  std::string again = record_header_line({});
  for (const TimedInput& timed : record->inputs) append_record_line(again, timed.input, timed.at);
  EXPECT_EQ(again, text);
  const auto& audio = std::get<in::TtsAudio>(record->inputs[9].input);
  EXPECT_EQ(audio.pcm_8k, (Pcm{0, 1, -1, 32767, -32768}));
}

TEST(CallRecord, TheHeaderKeepsSettingsAndClips) {
  CallRecordHeader header;
  header.call_sid = "CA1";
  header.seed = ~std::uint64_t{0};
  header.settings = {{"vad_engine", "energy"}};
  header.clips["Hello \"you\""] = std::make_shared<const Pcm>(Pcm{1, -2, 3});
  const auto record = parse_call_record(record_header_line(header));
  ASSERT_TRUE(record.has_value()) << to_string(record.error());
  EXPECT_EQ(record->header.seed, header.seed);
  EXPECT_EQ(record->header.settings, header.settings);
  EXPECT_EQ(*record->header.clips.at("Hello \"you\""), (Pcm{1, -2, 3}));
}

TEST(CallRecord, ATornLastLineIsLeftOutAndOtherDamageIsNamed) {
  std::string text = record_header_line({});
  append_record_line(text, in::Dtmf{'1'}, milliseconds{1});
  append_record_line(text, in::Dtmf{'2'}, milliseconds{2});
  const auto torn = parse_call_record(std::string_view(text).substr(0, text.size() - 5));
  ASSERT_TRUE(torn.has_value()) << to_string(torn.error());
  EXPECT_TRUE(torn->torn);
  EXPECT_EQ(torn->inputs.size(), 1U);

  const auto bad = [](std::string line) {
    const auto record = parse_call_record(record_header_line({}) + line + "\n");
    return record ? std::string("accepted") : record.error().detail;
  };
  EXPECT_EQ(bad(R"({"t":1,"in":"nonsense"})"), "line 2: unknown input 'nonsense'");
  EXPECT_EQ(bad(R"({"in":"deadline"})"), "line 2: 't' is missing or goes back");
  EXPECT_EQ(bad(R"({"t":1,"in":"media","ulaw":"7f"})"), "line 2: 'ulaw' is not 160 bytes in hex");
  EXPECT_EQ(bad(R"({"t":1,"in":"tts_audio","pcm":"7fx0"})"), "line 2: 'pcm' is not hex");
  EXPECT_FALSE(parse_call_record("").has_value());
  EXPECT_FALSE(parse_call_record("RIFF....").has_value());
}

TEST(CallRecord, ADigestTellsWhereOutputsBeginToDiffer) {
  OutputDigest digest;
  OutputDigest same;
  OutputDigest other;
  const Output mark = out::SendMark{"s1"};
  digest.add(mark, milliseconds{20});
  same.add(mark, milliseconds{20});
  other.add(mark, milliseconds{40});
  EXPECT_EQ(digest.value(), same.value());
  EXPECT_NE(digest.value(), other.value());

  std::string text = record_header_line({});
  append_record_line(text, in::Dtmf{'1'}, milliseconds{1});
  append_digest_line(text, digest, milliseconds{1}, false);
  append_record_line(text, in::Dtmf{'2'}, milliseconds{2});
  const auto cut = parse_call_record(text);
  ASSERT_TRUE(cut.has_value()) << to_string(cut.error());
  EXPECT_FALSE(cut->whole);
  append_digest_line(text, other, milliseconds{3}, true);
  const auto record = parse_call_record(text);
  ASSERT_TRUE(record.has_value()) << to_string(record.error());
  EXPECT_TRUE(record->whole);
  ASSERT_EQ(record->digests.size(), 2U);
  EXPECT_EQ(record->digests[0].inputs, 1U);
  EXPECT_EQ(record->digests[0].value, digest.value());
  EXPECT_EQ(record->digests[0].outputs, 1U);
  EXPECT_EQ(record->digests[1].inputs, 2U);
  EXPECT_EQ(record->digests[1].at, milliseconds{3});
  EXPECT_FALSE(parse_call_record(record_header_line({}) + R"({"t":1,"digest":"xyz","outputs":1})" + "\n"));
}

TEST(CallRecord, TheHeaderKeepsWhatBelongsToTheCallAlone) {
  CallOptions call;
  call.call_sid = "CA1";
  call.resume_state = R"({"slots":{}})";
  call.conversation.caller_number = "+972501234567";
  call.conversation.canary = "c-17";
  call.conversation.local_time = WallTime{milliseconds{1'800'000'000'123}};
  call.idle.prompts_said = 1;
  call.idle.max_call = seconds{77};  // what was left after an earlier stream
  CallRecordHeader header;
  describe_call(call, header);
  const std::string line = record_header_line(header);
  EXPECT_LT(line.find("\"caller\":\"+972501234567\""), 100U);  // erasure looks at the beginning
  const auto record = parse_call_record(line);
  ASSERT_TRUE(record.has_value());
  CallOptions options;
  apply_header(record->header, options);
  EXPECT_EQ(options.conversation.caller_number, header.caller);
  EXPECT_EQ(options.conversation.canary, header.canary);
  EXPECT_EQ(options.conversation.local_time, header.local_time);
  EXPECT_EQ(options.conversation.conversation_id, "CA1");
  EXPECT_EQ(options.resume_state, call.resume_state);
  EXPECT_EQ(options.idle.prompts_said, 1);
  EXPECT_EQ(options.idle.max_call, seconds{77});
}

}  // namespace
}  // namespace al::dialog
