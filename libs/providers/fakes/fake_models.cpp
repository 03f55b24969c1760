// The fakes of language models: OpenAI's chat completions and Anthropic's Messages, streaming.
#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/utf8.h"
#include "providers/fakes/fake_handlers.h"

namespace al::providers {
namespace {

using nlohmann::json;

// The answer as a model gives it out: a few characters at a time, blanks at the front.
std::vector<std::string> tokens_of(std::string_view text) {
  std::vector<std::string> tokens;
  while (!text.empty()) {
    std::size_t end = text.find(' ', 1);
    if (end == std::string_view::npos) end = text.size();
    tokens.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return tokens;
}

std::string chunk(const json& delta, const json& finish = nullptr) {
  return "data: " +
         dump_json({{"id", "chatcmpl-1"},
                    {"object", "chat.completion.chunk"},
                    {"created", 1790000000},
                    {"model", "fake"},
                    {"choices", json::array({json{{"index", 0}, {"delta", delta}, {"finish_reason", finish}}})}}) +
         "\n\n";
}

json tool_piece(const json& function, bool first) {
  json piece = {{"index", 0}, {"function", function}};
  if (first) {
    piece["id"] = "call_1";
    piece["type"] = "function";
  }
  return {{"tool_calls", json::array({piece})}};
}

std::string openai_usage(std::size_t tokens) {
  return "data: " +
         dump_json({{"id", "chatcmpl-1"},
                    {"choices", json::array()},
                    {"usage", {{"prompt_tokens", 40}, {"completion_tokens", tokens}, {"total_tokens", 40 + tokens}}}}) +
         "\n\n";
}

FakeReply openai_reply(const FakeAnswer& answer, const FakeLatencies& latencies) {
  FakeReply reply;
  reply.content_type = "text/event-stream";
  auto& pieces = reply.pieces;
  pieces.push_back({latencies.first_token, chunk({{"role", "assistant"}, {"content", ""}})});
  const auto tokens = tokens_of(answer.text);
  for (const auto& token : tokens)
    pieces.push_back({pieces.size() == 1 ? Duration::zero() : latencies.token_gap, chunk({{"content", token}})});
  if (!answer.tool_name.empty()) {
    pieces.push_back({latencies.token_gap, chunk(tool_piece({{"name", answer.tool_name}, {"arguments", ""}}, true))});
    const std::size_t half = truncate_utf8(answer.tool_arguments, answer.tool_arguments.size() / 2).size();
    for (const auto& part : {answer.tool_arguments.substr(0, half), answer.tool_arguments.substr(half)}) {
      pieces.push_back({latencies.token_gap, chunk(tool_piece({{"arguments", part}}, false))});
    }
  }
  const std::string tail = chunk(json::object(), answer.tool_name.empty() ? "stop" : "tool_calls") +
                           openai_usage(tokens.size()) + "data: [DONE]\n\n";
  pieces.push_back({Duration::zero(), tail});
  reply.refusal_401 =
      R"({"error":{"message":"Incorrect API key provided: fake-****.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}})";
  reply.refusal_429 =
      R"({"error":{"message":"Rate limit reached","type":"requests","param":null,"code":"rate_limit_exceeded"}})";
  reply.refusal_503 =
      R"({"error":{"message":"The server is overloaded","type":"server_error","param":null,"code":null}})";
  reply.malformed = {{Duration::zero(), "data: {\"choices\":[{\"delta\":{\"content\":\n\ndata: nonsense\n\n"}};
  reply.empty = {{Duration::zero(), chunk({{"role", "assistant"}, {"content", ""}}) + chunk(json::object(), "stop") +
                                        "data: [DONE]\n\n"}};
  reply.wrong_shape = {
      {Duration::zero(),
       dump_json({{"choices", json::array({json{{"message", {{"role", "assistant"}, {"content", answer.text}}},
                                                {"finish_reason", "stop"}}})}})}};
  reply.wrong_shape_type = "application/json";
  reply.header_inside = {{Duration::zero(), ": comment\r\n\r\nid: 1\r\nretry: 5\r\n" +
                                                chunk({{"reasoning_content", "hmm"}, {"content", nullptr}})}};
  for (std::size_t i = 1; i < pieces.size(); ++i)
    reply.header_inside.push_back({Duration::zero(), ": ping\n\n" + pieces[i].bytes});
  for (int i = 0; i < 50; ++i) reply.endless += chunk({{"content", "עוד ועוד ועוד "}});
  reply.mid_stream_error = {
      {Duration::zero(), chunk({{"content", tokens.empty() ? "" : tokens.front()}})},
      {latencies.token_gap,
       "data: {\"error\":{\"message\":\"The server had an error\",\"type\":\"server_error\"}}\n\n"}};
  return reply;
}

std::string named(const std::string& type, json body) {
  body["type"] = type;
  return "event: " + type + "\ndata: " + dump_json(body) + "\n\n";
}

std::string text_delta(const std::string& text) {
  return named("content_block_delta", {{"index", 0}, {"delta", {{"type", "text_delta"}, {"text", text}}}});
}

FakeReply anthropic_reply(const FakeAnswer& answer, const FakeLatencies& latencies) {
  FakeReply reply;
  reply.content_type = "text/event-stream";
  auto& pieces = reply.pieces;
  const std::string opening =
      named("message_start", {{"message",
                               {{"id", "msg_1"},
                                {"role", "assistant"},
                                {"content", json::array()},
                                {"usage", {{"input_tokens", 40}, {"output_tokens", 1}}}}}}) +
      named("content_block_start", {{"index", 0}, {"content_block", {{"type", "text"}, {"text", ""}}}}) +
      named("ping", json::object());
  pieces.push_back({latencies.first_token, opening});
  const auto tokens = tokens_of(answer.text);
  for (const auto& token : tokens)
    pieces.push_back({pieces.size() == 1 ? Duration::zero() : latencies.token_gap, text_delta(token)});
  std::string tail = named("content_block_stop", {{"index", 0}});
  if (!answer.tool_name.empty()) {
    tail +=
        named("content_block_start",
              {{"index", 1},
               {"content_block",
                {{"type", "tool_use"}, {"id", "toolu_1"}, {"name", answer.tool_name}, {"input", json::object()}}}}) +
        named("content_block_delta",
              {{"index", 1}, {"delta", {{"type", "input_json_delta"}, {"partial_json", answer.tool_arguments}}}}) +
        named("content_block_stop", {{"index", 1}});
  }
  tail += named("message_delta", {{"delta", {{"stop_reason", answer.tool_name.empty() ? "end_turn" : "tool_use"}}},
                                  {"usage", {{"output_tokens", tokens.size()}}}}) +
          named("message_stop", json::object());
  pieces.push_back({Duration::zero(), tail});
  const auto refusal = [](const char* type, const char* message) {
    return dump_json({{"type", "error"}, {"error", {{"type", type}, {"message", message}}}, {"request_id", "req_1"}});
  };
  reply.refusal_401 = refusal("authentication_error", "invalid x-api-key");
  reply.refusal_429 = refusal("rate_limit_error", "Number of requests has exceeded your rate limit");
  reply.refusal_503 = refusal("overloaded_error", "Overloaded");
  reply.malformed = {{Duration::zero(), "event: content_block_delta\ndata: {\"type\":\n\n"}};
  reply.empty = {{Duration::zero(),
                  opening + named("content_block_stop", {{"index", 0}}) + named("message_stop", json::object())}};
  reply.wrong_shape = {
      {Duration::zero(),
       dump_json({{"type", "message"}, {"content", json::array({json{{"type", "text"}, {"text", answer.text}}})}})}};
  reply.wrong_shape_type = "application/json";
  reply.header_inside = {{Duration::zero(), ": comment\r\n\r\n" + named("future_event", {{"x", 1}})}};
  reply.header_inside.insert(reply.header_inside.end(), pieces.begin(), pieces.end());
  for (int i = 0; i < 50; ++i) reply.endless += text_delta("עוד ועוד ועוד ");
  reply.mid_stream_error = {
      {Duration::zero(), opening + text_delta(tokens.empty() ? "" : tokens.front())},
      {latencies.token_gap, named("error", {{"error", {{"type", "overloaded_error"}, {"message", "Overloaded"}}}})}};
  return reply;
}

}  // namespace

void serve_openai_chat(const FakeContext& context, const RawRequest& request, RawConnection& connection) {
  const Fault fault = context.script.take_fault(FakeStage::kModel);
  const FakeReply reply = openai_reply(context.script.next_answer(request.body), context.script.latencies());
  if (!check_key(request, connection, "authorization", "Bearer " + context.keys.api_key, reply.refusal_401)) return;
  if (!check_json(context, request, connection, {"model", "messages", "stream"})) return;
  const auto body = parse_json(request.body);
  if (context.script.tools_without_reasoning && json_member(*body, "tools") != nullptr &&
      json_string(*body, "reasoning_effort") != "none") {
    send_response(connection, 400, {{"Content-Type", "application/json"}},
                  R"({"error":{"message":"Function tools with reasoning_effort are not supported for fake in )"
                  R"(/v1/chat/completions. Please use /v1/responses or set reasoning_effort to 'none'.",)"
                  R"("type":"invalid_request_error","param":"reasoning_effort","code":null}})");
    return;
  }
  play_reply(connection, reply, fault);
}

void serve_anthropic(const FakeContext& context, const RawRequest& request, RawConnection& connection) {
  const Fault fault = context.script.take_fault(FakeStage::kModel);
  const FakeReply reply = anthropic_reply(context.script.next_answer(request.body), context.script.latencies());
  if (!check_key(request, connection, "x-api-key", context.keys.api_key, reply.refusal_401)) return;
  if (!check_json(context, request, connection, {"model", "messages", "max_tokens", "stream"})) return;
  if (!net::find_header(request.headers, "anthropic-version"))
    context.script.note_problem("anthropic: no anthropic-version header");
  play_reply(connection, reply, fault);
}

}  // namespace al::providers
