#include "providers/openai_dialect.h"

#include <algorithm>
#include <atomic>
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
    if (!first_byte_seen_) {
      const std::size_t at = bytes.find_first_not_of(" \t\r\n");
      if (at == std::string_view::npos) return {};
      first_byte_seen_ = true;
      whole_ = bytes[at] == '{' || bytes[at] == '<' || bytes[at] == '[';
    }
    if (whole_) return collect(bytes);
    Result<void> outcome;
    const auto on_event = [&](const SseEvent& event) {
      outcome = take(event, events);
      return outcome.has_value() && !done_;
    };
    if (auto fed = sse_.feed(bytes, on_event); !fed) return fed;
    return outcome;
  }

  Result<void> finish(const ModelEvents& events) override {
    if (done_) return {};
    if (whole_) return take_whole(events);
    Result<void> outcome;
    auto fed = sse_.finish([&](const SseEvent& event) {
      outcome = take(event, events);
      return outcome.has_value();
    });
    if (!fed) return fed;
    if (!outcome) return outcome;
    if (done_) return {};
    // Compatible servers close instead of sending [DONE]. Without a finish_reason the answer may be cut short, but what
    // came of it was already spoken; unfinished tool calls are not made.
    if (finished_) {
      end(events);
      return {};
    }
    if (text_bytes_ > 0 && calls_.empty()) return {};
    return fail(Errc::kClosed, "the answer was cut off");
  }

  [[nodiscard]] bool done() const override { return done_; }
  [[nodiscard]] dialog::ModelUsage usage() const override { return usage_; }

 private:
  struct Partial {
    std::int64_t index = 0;
    ToolCall call;
  };

  Result<void> collect(std::string_view bytes) {
    if (body_.size() + bytes.size() > kMaxStreamBytes) return fail(Errc::kMalformed, "the answer is too large");
    body_.append(bytes);
    return {};
  }

  Result<void> take(const SseEvent& event, const ModelEvents& events) {
    if (event.data == "[DONE]") {
      end(events);
      return {};
    }
    const auto document = parse_json(event.data);
    if (!document) return fail(Errc::kMalformed, "an event is not JSON: " + document.error().detail);
    if (event.name == "error" || json_member(*document, "error") != nullptr) {
      return fail(error_in_answer(event.data));
    }
    read_usage(*document);
    const json* choices = json_member(*document, "choices");
    if (choices == nullptr || !choices->is_array() || choices->empty()) return {};
    return take_choice(choices->front(), "delta", events);
  }

  // Some servers ignore `stream` and answer with one document.
  Result<void> take_whole(const ModelEvents& events) {
    const auto document = parse_json(body_);
    if (!document)
      return fail(Errc::kMalformed, "the answer is neither an event stream nor JSON: is the base URL right?");
    if (json_member(*document, "error") != nullptr) return fail(error_in_answer(body_));
    read_usage(*document);
    const json* choices = json_member(*document, "choices");
    if (choices == nullptr || !choices->is_array() || choices->empty()) {
      return fail(Errc::kMalformed, "the answer has no 'choices': is the base URL right?");
    }
    if (auto taken = take_choice(choices->front(), "message", events); !taken) return taken;
    end(events);
    return {};
  }

  void read_usage(const json& document) {
    const json* usage = json_member(document, "usage");
    if (usage == nullptr) return;
    usage_.prompt_tokens = static_cast<int>(json_int(*usage, "prompt_tokens").value_or(usage_.prompt_tokens));
    usage_.completion_tokens =
        static_cast<int>(json_int(*usage, "completion_tokens").value_or(usage_.completion_tokens));
  }

  Result<void> take_choice(const json& choice, std::string_view member, const ModelEvents& events) {
    if (const json* delta = json_member(choice, member)) {
      const std::string text = json_string(*delta, "content");
      text_bytes_ += text.size();
      if (text_bytes_ > kMaxAnswerBytes) return fail(Errc::kMalformed, "the answer does not end");
      if (!text.empty()) events.on_text(text);
      if (const json* calls = json_member(*delta, "tool_calls"); calls != nullptr && calls->is_array()) {
        for (const json& piece : *calls) {
          if (auto taken = take_tool_piece(piece); !taken) return taken;
        }
      }
    }
    if (!json_string(choice, "finish_reason").empty()) finished_ = true;
    return {};
  }

  // Pieces of one call share an index. A missing index means "the same as the last one", unless a new id or a name says
  // that another call begins.
  Partial& slot_for(const json& piece, const std::string& id, const std::string& name) {
    const auto index = json_int(piece, "index");
    const auto same = [&](const Partial& p) { return index ? p.index == *index : !id.empty() && p.call.id == id; };
    auto found = std::find_if(calls_.rbegin(), calls_.rend(), same);
    if (found == calls_.rend() && !index && !calls_.empty() && id.empty() && name.empty()) found = calls_.rbegin();
    if (found != calls_.rend()) {
      // A server that numbers every call 0 but sends them whole: another id with a name is another call.
      const bool another = !id.empty() && !name.empty() && !found->call.id.empty() && found->call.id != id;
      if (!another) return *found;
    }
    calls_.push_back({.index = index.value_or(static_cast<std::int64_t>(calls_.size())), .call = {}});
    return calls_.back();
  }

  Result<void> take_tool_piece(const json& piece) {
    const json* function = json_member(piece, "function");
    const std::string id = json_string(piece, "id");
    const std::string name = function != nullptr ? json_string(*function, "name") : std::string();
    Partial& slot = slot_for(piece, id, name);
    if (calls_.size() > kMaxToolCalls) return fail(Errc::kMalformed, "more than 8 tool calls in one answer");
    if (slot.call.id.empty()) slot.call.id = id;
    if (slot.call.name.empty()) slot.call.name = name;
    if (function == nullptr) return {};
    const json* arguments = json_member(*function, "arguments");
    if (arguments == nullptr) return {};
    slot.call.arguments_json += arguments->is_string() ? arguments->get<std::string>() : dump_json(*arguments);
    if (slot.call.arguments_json.size() > kMaxArgumentBytes) {
      return fail(Errc::kMalformed, "the arguments of a tool call do not end");
    }
    return {};
  }

  void end(const ModelEvents& events) {
    done_ = true;
    for (std::size_t i = 0; i < calls_.size(); ++i) {
      ToolCall& call = calls_[i].call;
      if (call.name.empty()) continue;
      if (call.id.empty()) call.id = "call_" + std::to_string(i);
      if (call.arguments_json.empty()) call.arguments_json = "{}";
      events.on_tool_call(std::move(call));
    }
    calls_.clear();
  }

  SseParser sse_;
  std::string body_;  // of an answer that is no stream
  std::vector<Partial> calls_;
  std::size_t text_bytes_ = 0;
  dialog::ModelUsage usage_;
  bool first_byte_seen_ = false;
  bool whole_ = false;
  bool finished_ = false;
  bool done_ = false;
};

json tool_call_json(const dialog::Message& message) {
  return {{"id", message.tool_id},
          {"type", "function"},
          {"function", {{"name", message.tool_name}, {"arguments", message.text.empty() ? "{}" : message.text}}}};
}

// The agent's text and its tool calls are one message in this protocol.
json messages_json(const std::vector<dialog::Message>& messages) {
  json list = json::array();
  for (const dialog::Message& message : messages) {
    switch (message.role) {
      case dialog::Role::kSystem:
        list.push_back({{"role", "system"}, {"content", message.text}});
        break;
      case dialog::Role::kCaller:
        list.push_back({{"role", "user"}, {"content", message.text}});
        break;
      case dialog::Role::kAgent:
        list.push_back({{"role", "assistant"}, {"content", message.text}});
        break;
      case dialog::Role::kToolCall:
        if (list.empty() || list.back()["role"] != "assistant") {
          list.push_back({{"role", "assistant"}, {"content", nullptr}});
        }
        list.back()["tool_calls"].push_back(tool_call_json(message));
        break;
      case dialog::Role::kToolResult:
        list.push_back({{"role", "tool"}, {"tool_call_id", message.tool_id}, {"content", message.text}});
        break;
    }
  }
  return list;
}

class Dialect final : public ModelDialect {
 public:
  explicit Dialect(const OpenAiChatOptions& options) : options_(options) {
    if (!options.extra_json.empty()) extra_ = json::parse(options.extra_json, nullptr, false);
    if (options_.token_limit_field.empty()) {
      const bool openai = options_.base_url.find("//api.openai.com") != std::string::npos;
      options_.token_limit_field = openai ? "max_completion_tokens" : "max_tokens";
    }
  }

  [[nodiscard]] std::string name() const override { return "openai"; }
  [[nodiscard]] std::string url() const override { return options_.base_url + "/chat/completions"; }

  [[nodiscard]] net::HttpHeaders headers() const override {
    net::HttpHeaders headers{{"Content-Type", "application/json"}, {"Accept", "text/event-stream"}};
    if (!options_.api_key.empty()) headers.push_back({"Authorization", "Bearer " + options_.api_key});
    return headers;
  }

  [[nodiscard]] std::string body(const dialog::ModelRequest& request) const override {
    json body = {{"model", options_.model},
                 {"messages", messages_json(request.messages)},
                 {"stream", true},
                 {"stream_options", {{"include_usage", true}}}};
    body[new_limit_field_ ? "max_completion_tokens" : options_.token_limit_field] = request.max_tokens;
    if (no_reasoning_) body["reasoning_effort"] = "none";
    if (no_stream_options_) body.erase("stream_options");
    if (!request.tools.empty()) {
      json tools = json::array();
      for (const dialog::ToolSpec& tool : request.tools) {
        json schema = json::parse(tool.parameters_schema, nullptr, false);
        if (!schema.is_object()) schema = {{"type", "object"}, {"properties", json::object()}};
        tools.push_back(
            {{"type", "function"},
             {"function", {{"name", tool.name}, {"description", tool.description}, {"parameters", schema}}}});
      }
      body["tools"] = std::move(tools);
      body["tool_choice"] = "auto";
    }
    if (extra_.is_object()) body.merge_patch(extra_);
    if (no_temperature_) body.erase("temperature");
    return dump_json(body);
  }

  [[nodiscard]] std::unique_ptr<ModelStreamReader> reader() const override { return std::make_unique<Reader>(); }

  bool learn(std::string_view why) const override {
    const auto names = [&](std::string_view word) { return why.find(word) != std::string_view::npos; };
    // "Function tools with reasoning_effort are not supported … set reasoning_effort to 'none'."
    if (names("reasoning_effort") && !extra_.contains("reasoning_effort")) return !no_reasoning_.exchange(true);
    // "Unsupported parameter: 'max_tokens' … Use 'max_completion_tokens' instead."
    if (names("max_completion_tokens") && options_.token_limit_field == "max_tokens")
      return !new_limit_field_.exchange(true);
    if (names("temperature")) return !no_temperature_.exchange(true);
    if (names("stream_options")) return !no_stream_options_.exchange(true);
    return false;
  }

 private:
  OpenAiChatOptions options_;
  json extra_;
  mutable std::atomic<bool> no_reasoning_{false};
  mutable std::atomic<bool> new_limit_field_{false};
  mutable std::atomic<bool> no_temperature_{false};
  mutable std::atomic<bool> no_stream_options_{false};
};

}  // namespace

std::shared_ptr<const ModelDialect> make_openai_dialect(const OpenAiChatOptions& options) {
  return std::make_shared<Dialect>(options);
}

}  // namespace al::providers
