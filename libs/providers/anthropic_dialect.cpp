#include "providers/anthropic_dialect.h"

#include <map>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "providers/wire_sse.h"

namespace al::providers {
namespace {

using nlohmann::json;

class Reader final : public ModelStreamReader {
 public:
  Result<void> feed(std::string_view bytes, const ModelEvents& events) override {
    Result<void> outcome;
    auto fed = sse_.feed(bytes, [&](const SseEvent& event) {
      outcome = take(event, events);
      return outcome.has_value() && !done_;
    });
    if (!fed) return fed;
    return outcome;
  }

  Result<void> finish(const ModelEvents& events) override {
    if (done_) return {};
    Result<void> outcome;
    auto fed = sse_.finish([&](const SseEvent& event) {
      outcome = take(event, events);
      return outcome.has_value();
    });
    if (!fed) return fed;
    if (!outcome) return outcome;
    if (done_ || stop_seen_ || (text_bytes_ > 0 && open_calls_.empty())) return {};
    return fail(Errc::kClosed,
                started_ ? "the answer was cut off" : "the answer is not an event stream: is the base URL right?");
  }

  [[nodiscard]] bool done() const override { return done_; }
  [[nodiscard]] dialog::ModelUsage usage() const override { return usage_; }

 private:
  Result<void> take(const SseEvent& event, const ModelEvents& events) {
    const auto document = parse_json(event.data);
    if (!document) return fail(Errc::kMalformed, "an event is not JSON: " + document.error().detail);
    const std::string type = json_string(*document, "type", event.name);
    if (type == "error") return fail(error_in_answer(event.data));
    started_ = true;
    if (type == "message_start") {
      if (const json* message = json_member(*document, "message")) read_usage(*message);
    } else if (type == "content_block_start") {
      return open_block(*document, events);
    } else if (type == "content_block_delta") {
      return extend_block(*document, events);
    } else if (type == "content_block_stop") {
      close_block(json_int(*document, "index").value_or(0), events);
    } else if (type == "message_delta") {
      read_usage(*document);
      const json* delta = json_member(*document, "delta");
      stop_seen_ = stop_seen_ || (delta != nullptr && !json_string(*delta, "stop_reason").empty());
    } else if (type == "message_stop") {
      done_ = true;
    }
    return {};  // ping and whatever comes later
  }

  void read_usage(const json& holder) {
    const json* usage = json_member(holder, "usage");
    if (usage == nullptr) return;
    usage_.prompt_tokens = static_cast<int>(json_int(*usage, "input_tokens").value_or(usage_.prompt_tokens));
    usage_.completion_tokens = static_cast<int>(json_int(*usage, "output_tokens").value_or(usage_.completion_tokens));
  }

  Result<void> emit_text(const std::string& text, const ModelEvents& events) {
    text_bytes_ += text.size();
    if (text_bytes_ > kMaxAnswerBytes) return fail(Errc::kMalformed, "the answer does not end");
    if (!text.empty()) events.on_text(text);
    return {};
  }

  Result<void> open_block(const json& event, const ModelEvents& events) {
    const json* block = json_member(event, "content_block");
    if (block == nullptr) return {};
    const std::string type = json_string(*block, "type");
    if (type == "text") return emit_text(json_string(*block, "text"), events);
    if (type != "tool_use") return {};
    if (++calls_seen_ > kMaxToolCalls) return fail(Errc::kMalformed, "more than 8 tool calls in one answer");
    ToolCall& call = open_calls_[json_int(event, "index").value_or(0)];
    call = {.id = json_string(*block, "id"), .name = json_string(*block, "name"), .arguments_json = {}};
    if (call.id.empty()) call.id = "call_" + std::to_string(calls_seen_ - 1);
    // Compatible servers put the whole input here.
    const json* input = json_member(*block, "input");
    if (input != nullptr && input->is_object() && !input->empty()) call.arguments_json = dump_json(*input);
    return {};
  }

  Result<void> extend_block(const json& event, const ModelEvents& events) {
    const json* delta = json_member(event, "delta");
    if (delta == nullptr) return {};
    const std::string type = json_string(*delta, "type");
    if (type == "text_delta") return emit_text(json_string(*delta, "text"), events);
    if (type != "input_json_delta") return {};
    const auto found = open_calls_.find(json_int(event, "index").value_or(0));
    if (found == open_calls_.end()) return {};
    found->second.arguments_json += json_string(*delta, "partial_json");
    if (found->second.arguments_json.size() > kMaxArgumentBytes) {
      return fail(Errc::kMalformed, "the arguments of a tool call do not end");
    }
    return {};
  }

  void close_block(std::int64_t index, const ModelEvents& events) {
    const auto found = open_calls_.find(index);
    if (found == open_calls_.end()) return;
    ToolCall call = std::move(found->second);
    open_calls_.erase(found);
    if (call.arguments_json.empty()) call.arguments_json = "{}";
    if (!call.name.empty()) events.on_tool_call(std::move(call));
  }

  SseParser sse_;
  std::map<std::int64_t, ToolCall> open_calls_;  // by content block
  std::size_t calls_seen_ = 0;
  std::size_t text_bytes_ = 0;
  dialog::ModelUsage usage_;
  bool started_ = false;
  bool stop_seen_ = false;
  bool done_ = false;
};

// Adds a content block to the last message if it has this role, else begins a message: roles must alternate.
void append_block(json& messages, const char* role, json block) {
  if (messages.empty() || messages.back()["role"] != role) {
    messages.push_back({{"role", role}, {"content", json::array()}});
  }
  messages.back()["content"].push_back(std::move(block));
}

json tool_input(const std::string& arguments) {
  json input = json::parse(arguments, nullptr, false);
  return input.is_object() ? input : json::object();
}

class Dialect final : public ModelDialect {
 public:
  explicit Dialect(const AnthropicOptions& options) : options_(options) {
    if (!options.extra_json.empty()) extra_ = json::parse(options.extra_json, nullptr, false);
  }

  [[nodiscard]] std::string name() const override { return "anthropic"; }
  [[nodiscard]] std::string url() const override { return options_.base_url + "/messages"; }

  [[nodiscard]] net::HttpHeaders headers() const override {
    return {{"Content-Type", "application/json"},
            {"Accept", "text/event-stream"},
            {"anthropic-version", options_.version},
            {"x-api-key", options_.api_key}};
  }

  [[nodiscard]] std::string body(const dialog::ModelRequest& request) const override {
    std::string system;
    json messages = json::array();
    for (const dialog::Message& message : request.messages) add_message(message, system, messages);
    // The first message must be the person's: an agent that greeted first is answered by an empty line.
    if (messages.empty() || messages.front()["role"] != "user") {
      const json opening = {{"role", "user"}, {"content", "…"}};
      messages.insert(messages.begin(), opening);
    }
    json body = {
        {"model", options_.model}, {"max_tokens", request.max_tokens}, {"messages", messages}, {"stream", true}};
    if (!system.empty()) body["system"] = system;
    if (!request.tools.empty()) {
      for (const dialog::ToolSpec& tool : request.tools) {
        json schema = json::parse(tool.parameters_schema, nullptr, false);
        if (!schema.is_object()) schema = {{"type", "object"}, {"properties", json::object()}};
        body["tools"].push_back({{"name", tool.name}, {"description", tool.description}, {"input_schema", schema}});
      }
    }
    if (extra_.is_object()) body.merge_patch(extra_);
    return dump_json(body);
  }

  [[nodiscard]] std::unique_ptr<ModelStreamReader> reader() const override { return std::make_unique<Reader>(); }

 private:
  static void add_message(const dialog::Message& message, std::string& system, json& messages) {
    // The service refuses empty text blocks.
    const bool blank = message.text.find_first_not_of(" \t\r\n") == std::string::npos;
    switch (message.role) {
      case dialog::Role::kSystem:
        if (!system.empty()) system.append("\n\n");
        system.append(message.text);
        break;
      case dialog::Role::kCaller:
        if (!blank) append_block(messages, "user", {{"type", "text"}, {"text", message.text}});
        break;
      case dialog::Role::kAgent:
        if (!blank) append_block(messages, "assistant", {{"type", "text"}, {"text", message.text}});
        break;
      case dialog::Role::kToolCall:
        append_block(messages, "assistant",
                     {{"type", "tool_use"},
                      {"id", message.tool_id},
                      {"name", message.tool_name},
                      {"input", tool_input(message.text)}});
        break;
      case dialog::Role::kToolResult:
        append_block(messages, "user",
                     {{"type", "tool_result"}, {"tool_use_id", message.tool_id}, {"content", message.text}});
        break;
    }
  }

  AnthropicOptions options_;
  json extra_;
};

}  // namespace

std::shared_ptr<const ModelDialect> make_anthropic_dialect(const AnthropicOptions& options) {
  return std::make_shared<Dialect>(options);
}

}  // namespace al::providers
