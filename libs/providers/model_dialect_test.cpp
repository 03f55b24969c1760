#include "providers/model_dialect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "providers/anthropic_dialect.h"
#include "providers/openai_dialect.h"

namespace al::providers {
namespace {

using testing::HasSubstr;

dialog::ModelRequest sample_request() {
  dialog::ModelRequest request;
  request.turn = TurnId{3};
  request.max_tokens = 200;
  request.messages = {{dialog::Role::kSystem, "Be brief.", "", ""},
                      {dialog::Role::kAgent, "שלום", "", ""},
                      {dialog::Role::kCaller, "דירה", "", ""},
                      {dialog::Role::kAgent, "רגע", "", ""},
                      {dialog::Role::kToolCall, R"({"a":1})", "f", "call_1"},
                      {dialog::Role::kToolResult, "ok", "f", "call_1"}};
  request.tools = {{.name = "f", .description = "d", .parameters_schema = R"({"type":"object"})"}};
  return request;
}

TEST(OpenAiDialect, WritesTheRequestByteForByte) {
  const auto dialect = make_openai_dialect({.base_url = "https://api.openai.com/v1",
                                            .api_key = "k",
                                            .model = "m",
                                            .extra_json = R"({"reasoning_effort":"none","stream_options":null})",
                                            .token_limit_field = {}});
  EXPECT_EQ(dialect->url(), "https://api.openai.com/v1/chat/completions");
  EXPECT_EQ(dialect->headers(),
            (net::HttpHeaders{
                {"Content-Type", "application/json"}, {"Accept", "text/event-stream"}, {"Authorization", "Bearer k"}}));
  EXPECT_EQ(
      dialect->body(sample_request()),
      R"({"max_completion_tokens":200,"messages":[{"content":"Be brief.","role":"system"},)"
      R"({"content":"שלום","role":"assistant"},{"content":"דירה","role":"user"},)"
      R"({"content":"רגע","role":"assistant","tool_calls":[{"function":{"arguments":"{\"a\":1}","name":"f"},)"
      R"("id":"call_1","type":"function"}]},{"content":"ok","role":"tool","tool_call_id":"call_1"}],)"
      R"("model":"m","reasoning_effort":"none","stream":true,"tool_choice":"auto",)"
      R"("tools":[{"function":{"description":"d","name":"f","parameters":{"type":"object"}},"type":"function"}]})");
}

TEST(OpenAiDialect, UsesTheFieldThatLocalServersKnow) {
  const auto dialect = make_openai_dialect(
      {.base_url = "http://127.0.0.1:8080/v1", .api_key = {}, .model = "m", .extra_json = {}, .token_limit_field = {}});
  EXPECT_THAT(dialect->body(sample_request()), HasSubstr(R"("max_tokens":200)"));
  EXPECT_EQ(net::find_header(dialect->headers(), "Authorization"), std::nullopt);
}

TEST(OpenAiDialect, SurvivesInvalidUtf8InWhatWasHeard) {
  auto request = sample_request();
  request.messages.back().text = "\xFF\xFE";
  const auto dialect = make_openai_dialect(
      {.base_url = "http://h/v1", .api_key = {}, .model = "m", .extra_json = {}, .token_limit_field = {}});
  EXPECT_THAT(dialect->body(request), HasSubstr("\xEF\xBF\xBD"));
}

// What OpenAI's newer models and some servers refuse, in their words; the same request is written otherwise afterwards.
TEST(OpenAiDialect, LearnsFromARefusalWhatTheModelTakes) {
  dialog::ModelRequest request;
  request.messages = {{dialog::Role::kCaller, "hi", "", ""}};
  request.max_tokens = 7;
  const auto made = [](const std::string& extra) {
    return make_openai_dialect(
        {.base_url = "http://h/v1", .api_key = {}, .model = "m", .extra_json = extra, .token_limit_field = {}});
  };
  const auto dialect = made(R"({"temperature":0.5})");
  EXPECT_FALSE(dialect->learn(R"({"error":{"message":"The model `m` does not exist"}})"));
  EXPECT_TRUE(dialect->learn(
      "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."));
  EXPECT_TRUE(dialect->learn("Unsupported value: 'temperature' does not support 0.5 with this model."));
  EXPECT_TRUE(dialect->learn("unknown field stream_options"));
  EXPECT_TRUE(
      dialect->learn("Function tools with reasoning_effort are not supported. Set reasoning_effort to 'none'."));
  EXPECT_FALSE(dialect->learn("Set reasoning_effort to 'none'."));  // it is
  EXPECT_EQ(dialect->body(request),
            R"({"max_completion_tokens":7,"messages":[{"content":"hi","role":"user"}],"model":"m",)"
            R"("reasoning_effort":"none","stream":true})");
  const auto told = made(R"({"reasoning_effort":"low"})");
  EXPECT_FALSE(told->learn("Set reasoning_effort to 'none'."));  // what is said by hand is not overruled
  EXPECT_THAT(told->body(request), HasSubstr(R"("reasoning_effort":"low")"));
}

// What a reader said, in one line a thing.
struct Said {
  std::string text;
  std::vector<std::string> calls;
  Result<void> outcome;
  dialog::ModelUsage usage;
  bool done = false;
};

Said read(ModelStreamReader& reader, std::string_view body, std::size_t piece) {
  Said said;
  const ModelEvents events{
      .on_text = [&](std::string_view text) { said.text += text; },
      .on_tool_call =
          [&](ToolCall call) { said.calls.push_back(call.id + " " + call.name + " " + call.arguments_json); }};
  for (std::size_t at = 0; at < body.size() && said.outcome; at += piece) {
    said.outcome = reader.feed(body.substr(at, piece), events);
  }
  if (said.outcome) said.outcome = reader.finish(events);
  said.usage = reader.usage();
  said.done = reader.done();
  return said;
}

Said read_openai(std::string_view body, std::size_t piece = 7) {
  return read(
      *make_openai_dialect({.base_url = {}, .api_key = {}, .model = {}, .extra_json = {}, .token_limit_field = {}})
           ->reader(),
      body, piece);
}
Said read_anthropic(std::string_view body, std::size_t piece = 7) {
  return read(*make_anthropic_dialect({})->reader(), body, piece);
}

std::string delta(const std::string& inner) {
  return R"(data: {"choices":[{"index":0,"delta":)" + inner + "}]}\n\n";
}
const std::string kStop = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";

TEST(OpenAiReader, ReadsTheStreamOfTheFactsAtEveryCut) {
  const std::string body =
      ": keep-alive\n\n" + delta(R"({"role":"assistant","content":""})") + delta(R"({"content":"של"})") +
      delta(R"({"content":"ום"})") +
      delta(R"({"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":""}}]})") +
      delta(R"({"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":"}}]})") +
      delta(R"({"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]})") +
      "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n"
      "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":5,\"total_tokens\":14}}\n\n"
      "data: [DONE]\n\n";
  for (std::size_t piece = 1; piece < 40; ++piece) {
    const Said said = read_openai(body, piece);
    ASSERT_TRUE(said.outcome.has_value()) << piece;
    EXPECT_EQ(said.text, "שלום");
    EXPECT_EQ(said.calls, std::vector<std::string>{R"(call_1 f {"a":1})"});
    EXPECT_EQ(said.usage.prompt_tokens, 9);
    EXPECT_EQ(said.usage.completion_tokens, 5);
    EXPECT_TRUE(said.done);
  }
}

TEST(OpenAiReader, NeverPassesReasoningOn) {
  const Said said =
      read_openai(delta(R"({"reasoning_content":"thinking","content":null})") + delta(R"({"reasoning":"more"})") +
                  delta(R"({"content":"hi"})") + kStop + "data: [DONE]\n\n");
  EXPECT_EQ(said.text, "hi");
}

TEST(OpenAiReader, KeepsTwoCallsApartByIndexOrById) {
  const std::string by_index =
      delta(
          R"({"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{"}},{"index":1,"id":"b","function":{"name":"g","arguments":"{}"}}]})") +
      delta(R"({"tool_calls":[{"index":0,"function":{"arguments":"}"}}]})") + kStop;
  EXPECT_EQ(read_openai(by_index).calls, (std::vector<std::string>{"a f {}", "b g {}"}));
  // A server that numbers every whole call 0, and one that gives neither index nor id.
  const std::string all_zero =
      delta(R"({"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]})") +
      delta(R"({"tool_calls":[{"index":0,"id":"b","function":{"name":"g","arguments":"{}"}}]})") + kStop;
  EXPECT_EQ(read_openai(all_zero).calls, (std::vector<std::string>{"a f {}", "b g {}"}));
  const std::string bare = delta(R"({"tool_calls":[{"function":{"name":"f","arguments":{"x":2}}}]})") + kStop;
  EXPECT_EQ(read_openai(bare).calls, (std::vector<std::string>{R"(call_0 f {"x":2})"}));
}

TEST(OpenAiReader, AcceptsACloseInsteadOfDone) {
  EXPECT_TRUE(read_openai(delta(R"({"content":"hi"})") + kStop).outcome.has_value());
  EXPECT_TRUE(read_openai(delta(R"({"content":"hi"})")).outcome.has_value());  // what was spoken stays spoken
  EXPECT_EQ(read_openai("").outcome.error().code, Errc::kClosed);
  // A call that was cut off is not made.
  const Said cut =
      read_openai(delta(R"({"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"su"}}]})"));
  EXPECT_FALSE(cut.outcome.has_value());
  EXPECT_TRUE(cut.calls.empty());
}

TEST(OpenAiReader, ReportsAnErrorInTheMiddle) {
  const Said plain =
      read_openai(delta(R"({"content":"a"})") + R"(data: {"error":{"type":"server_error","message":"boom"}})"
                                                "\n\n");
  EXPECT_EQ(plain.text, "a");
  ASSERT_FALSE(plain.outcome.has_value());
  EXPECT_THAT(plain.outcome.error().detail, HasSubstr("server_error: boom"));
  const Said named =
      read_openai("event: error\ndata: {\"message\":\"slow down\",\"type\":\"rate_limit_exceeded\"}\n\n");
  EXPECT_EQ(named.outcome.error().code, Errc::kRateLimited);
}

TEST(OpenAiReader, ReadsAnAnswerThatIsNoStream) {
  const Said said = read_openai(
      R"({"choices":[{"message":{"role":"assistant","content":"hi","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}})");
  EXPECT_EQ(said.text, "hi");
  EXPECT_EQ(said.calls, std::vector<std::string>{"a f {}"});
  EXPECT_TRUE(said.done);
}

TEST(OpenAiReader, SaysWhatIsWrongWithAPage) {
  const Said page = read_openai("<html>login</html>");
  EXPECT_EQ(page.outcome.error().code, Errc::kMalformed);
  EXPECT_THAT(page.outcome.error().detail, HasSubstr("base URL"));
  EXPECT_EQ(read_openai("data: {oops\n\n").outcome.error().code, Errc::kMalformed);
  EXPECT_EQ(read_openai(R"({"object":"list"})").outcome.error().code, Errc::kMalformed);
}

TEST(OpenAiReader, BoundsAnAnswerThatDoesNotEnd) {
  std::string body;
  const std::string kilobyte(1024, 'x');
  for (int i = 0; i < 70; ++i) body += delta(R"({"content":")" + kilobyte + R"("})");
  const Said said = read_openai(body, 4096);
  EXPECT_EQ(said.outcome.error().code, Errc::kMalformed);
  EXPECT_LE(said.text.size(), kMaxAnswerBytes);
}

TEST(AnthropicDialect, WritesTheRequestByteForByte) {
  const auto dialect = make_anthropic_dialect({.api_key = "k", .model = "m", .extra_json = {}});
  EXPECT_EQ(dialect->url(), "https://api.anthropic.com/v1/messages");
  EXPECT_EQ(dialect->headers(), (net::HttpHeaders{{"Content-Type", "application/json"},
                                                  {"Accept", "text/event-stream"},
                                                  {"anthropic-version", "2023-06-01"},
                                                  {"x-api-key", "k"}}));
  EXPECT_EQ(
      dialect->body(sample_request()),
      R"({"max_tokens":200,"messages":[{"content":"…","role":"user"},)"
      R"({"content":[{"text":"שלום","type":"text"}],"role":"assistant"},)"
      R"({"content":[{"text":"דירה","type":"text"}],"role":"user"},)"
      R"({"content":[{"text":"רגע","type":"text"},{"id":"call_1","input":{"a":1},"name":"f","type":"tool_use"}],"role":"assistant"},)"
      R"({"content":[{"content":"ok","tool_use_id":"call_1","type":"tool_result"}],"role":"user"}],)"
      R"("model":"m","stream":true,"system":"Be brief.",)"
      R"("tools":[{"description":"d","input_schema":{"type":"object"},"name":"f"}]})");
}

std::string named(const std::string& type, const std::string& rest) {
  return "event: " + type + "\ndata: {\"type\":\"" + type + "\"" + rest + "}\n\n";
}

TEST(AnthropicReader, ReadsTheStreamOfTheFactsAtEveryCut) {
  const std::string body =
      named("message_start", R"(,"message":{"usage":{"input_tokens":11,"output_tokens":1}})") +
      named("content_block_start", R"(,"index":0,"content_block":{"type":"thinking","thinking":""})") +
      named("content_block_delta", R"(,"index":0,"delta":{"type":"thinking_delta","thinking":"hmm"})") +
      named("content_block_stop", R"(,"index":0)") + named("ping", "") +
      named("content_block_start", R"(,"index":1,"content_block":{"type":"text","text":""})") +
      named("content_block_delta", R"(,"index":1,"delta":{"type":"text_delta","text":"שלום"})") +
      named("content_block_stop", R"(,"index":1)") +
      named("content_block_start",
            R"(,"index":2,"content_block":{"type":"tool_use","id":"t1","name":"f","input":{}})") +
      named("content_block_delta", R"(,"index":2,"delta":{"type":"input_json_delta","partial_json":"{\"a\""})") +
      named("content_block_delta", R"(,"index":2,"delta":{"type":"input_json_delta","partial_json":":1}"})") +
      named("content_block_stop", R"(,"index":2)") +
      named("message_delta", R"(,"delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":20})") +
      named("message_stop", "");
  for (std::size_t piece = 1; piece < 40; ++piece) {
    const Said said = read_anthropic(body, piece);
    ASSERT_TRUE(said.outcome.has_value()) << piece;
    EXPECT_EQ(said.text, "שלום");
    EXPECT_EQ(said.calls, std::vector<std::string>{R"(t1 f {"a":1})"});
    EXPECT_EQ(said.usage.prompt_tokens, 11);
    EXPECT_EQ(said.usage.completion_tokens, 20);
    EXPECT_TRUE(said.done);
  }
}

TEST(AnthropicReader, ReportsErrorsAndCutAnswers) {
  const Said overloaded =
      read_anthropic(named("error", R"(,"error":{"type":"overloaded_error","message":"Overloaded"})"));
  EXPECT_THAT(overloaded.outcome.error().detail, HasSubstr("overloaded_error: Overloaded"));
  EXPECT_EQ(read_anthropic(named("message_start", "")).outcome.error().code, Errc::kClosed);
  EXPECT_THAT(read_anthropic("<html>").outcome.error().detail, HasSubstr("base URL"));
  EXPECT_EQ(read_anthropic("data: [1\n\n").outcome.error().code, Errc::kMalformed);
}

TEST(Checks, NameTheOptionThatIsWrong) {
  EXPECT_TRUE(check_extra_json("", "x").has_value());
  EXPECT_TRUE(check_extra_json(R"({"top_p":0.9})", "x").has_value());
  EXPECT_THAT(check_extra_json("[1]", "openai extra JSON").error().detail,
              HasSubstr("openai extra JSON: not a JSON object"));
  EXPECT_THAT(check_extra_json("{", "openai extra JSON").error().detail, HasSubstr("openai extra JSON: "));
  EXPECT_TRUE(check_base_url("http://127.0.0.1:8080/v1", "x").has_value());
  EXPECT_FALSE(check_base_url("https://h/v1/", "x").has_value());
  EXPECT_FALSE(check_base_url("ftp://h", "x").has_value());
}

}  // namespace
}  // namespace al::providers
