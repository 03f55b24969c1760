// application/x-www-form-urlencoded bodies, both ways. The order and every repeated key are kept, because Twilio signs
// over what arrives. Bounded; nothing is trimmed. Pure and thread-safe.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"

namespace al::twilio {

struct FormParam {
  std::string key;
  std::string value;
  friend bool operator==(const FormParam&, const FormParam&) = default;
};

class FormParams {
 public:
  FormParams() = default;
  FormParams(std::initializer_list<std::pair<std::string_view, std::string_view>> pairs);

  void add(std::string_view key, std::string_view value);
  // The first value of `key`; keys are case-sensitive. The view lives as long as the entry.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view key) const;
  // The first value of `key`, or empty text.
  [[nodiscard]] std::string_view get(std::string_view key) const;
  [[nodiscard]] const std::vector<FormParam>& entries() const { return entries_; }
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  friend bool operator==(const FormParams&, const FormParams&) = default;

 private:
  std::vector<FormParam> entries_;
};

struct FormLimits {
  std::size_t max_bytes = 64 * 1024;  // of the encoded body
  std::size_t max_params = 512;       // Twilio sends about 40; its documents promise no bound
};

// Decodes a body. '+' is a space; a '%' that two hex digits do not follow stays as it is (as browsers and Twilio's own
// libraries read it). Empty pairs ("&&") are skipped. Errors: kMalformed when a limit is passed.
[[nodiscard]] Result<FormParams> parse_form(std::string_view body, FormLimits limits = {});

// Encodes for a body: letters, digits and "*-._" stay, a space becomes '+', every other byte %XX.
[[nodiscard]] std::string encode_form(const FormParams& params);

// Percent-encodes one path or query component: letters, digits and "-._~" stay (RFC 3986 section 2.3).
[[nodiscard]] std::string percent_encode(std::string_view text);

}  // namespace al::twilio
