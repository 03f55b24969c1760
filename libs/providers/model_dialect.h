// What differs between language-model protocols: how a request is written and how its stream is read. Pure: the HTTP
// side is http_model.h. Not thread-safe; one reader a response.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/error.h"
#include "dialog/ports.h"
#include "net/http_types.h"

namespace al::providers {

struct ToolCall {
  std::string id;  // made up ("call_0") where the server gave none
  std::string name;
  std::string arguments_json;  // an object; "{}" where the server sent nothing
};

// Receives what a response says, in order.
struct ModelEvents {
  std::function<void(std::string_view text)> on_text;  // to be spoken; never reasoning
  std::function<void(ToolCall call)> on_tool_call;     // whole
};

class ModelStreamReader {
 public:
  virtual ~ModelStreamReader() = default;
  // Bytes of a 200 response, cut anywhere. An error ends the response: kMalformed (not this protocol), or what the
  // server reported in the middle of it.
  virtual Result<void> feed(std::string_view bytes, const ModelEvents& events) = 0;
  // The body ended. kClosed: it ended before the answer did, and nothing usable came.
  virtual Result<void> finish(const ModelEvents& events) = 0;
  [[nodiscard]] virtual bool done() const = 0;  // the protocol's own end was seen: nothing more needs to be read
  [[nodiscard]] virtual dialog::ModelUsage usage() const = 0;
};

class ModelDialect {
 public:
  virtual ~ModelDialect() = default;
  [[nodiscard]] virtual std::string name() const = 0;
  [[nodiscard]] virtual std::string url() const = 0;
  [[nodiscard]] virtual net::HttpHeaders headers() const = 0;  // with credentials: not for logs
  [[nodiscard]] virtual std::string body(const dialog::ModelRequest& request) const = 0;
  [[nodiscard]] virtual std::unique_ptr<ModelStreamReader> reader() const = 0;
  // A request was refused as wrong (400) with this reason. Models differ in what they take: what the reason names is
  // left out of bodies, or put in, from now on. True: something changed. Thread-safe.
  virtual bool learn(std::string_view) const { return false; }
};

// Limits of one answer, against servers that never stop.
inline constexpr std::size_t kMaxAnswerBytes = 64 * 1024;  // of text
inline constexpr std::size_t kMaxToolCalls = 8;
inline constexpr std::size_t kMaxArgumentBytes = 16 * 1024;      // of one tool call
inline constexpr std::size_t kMaxStreamBytes = 8 * 1024 * 1024;  // of the body, with all framing

// `text` as a JSON object; kMalformed names `option` otherwise. Empty text is an empty object.
[[nodiscard]] Result<void> check_extra_json(std::string_view text, std::string_view option);
// kMalformed names `option` unless `url` is http or https.
[[nodiscard]] Result<void> check_base_url(std::string_view url, std::string_view option);

}  // namespace al::providers
