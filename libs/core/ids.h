// Distinct types for identifiers, so that a turn cannot be passed where a speech is meant.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace al {

// A text identifier given by somebody else (Twilio: 34 characters, two letters and 32 hex digits).
template <typename Tag>
class TextId {
 public:
  TextId() = default;
  explicit TextId(std::string value) : value_(std::move(value)) {}
  [[nodiscard]] const std::string& str() const { return value_; }
  [[nodiscard]] bool empty() const { return value_.empty(); }
  friend auto operator<=>(const TextId&, const TextId&) = default;

 private:
  std::string value_;
};

// A counter of ours. 0 means "none"; the first one is 1.
template <typename Tag>
struct CountId {
  std::uint64_t value = 0;
  [[nodiscard]] explicit operator bool() const { return value != 0; }
  [[nodiscard]] CountId next() const { return {value + 1}; }
  friend auto operator<=>(const CountId&, const CountId&) = default;
};

using CallSid = TextId<struct CallSidTag>;        // CA…: one telephone call
using StreamSid = TextId<struct StreamSidTag>;    // MZ…: one media stream of a call
using AccountSid = TextId<struct AccountSidTag>;  // AC…
using TurnId = CountId<struct TurnTag>;           // one caller turn and everything done to answer it
using SpeechId = CountId<struct SpeechTag>;       // one piece of text handed to the synthesiser

// True for `prefix` followed by exactly 32 hex digits, as Twilio writes its identifiers ("CA", "MZ", "AC", …).
[[nodiscard]] bool is_twilio_sid(std::string_view text, std::string_view prefix);

}  // namespace al

template <typename Tag>
struct std::hash<al::TextId<Tag>> {
  std::size_t operator()(const al::TextId<Tag>& id) const noexcept { return std::hash<std::string>{}(id.str()); }
};
template <typename Tag>
struct std::hash<al::CountId<Tag>> {
  std::size_t operator()(const al::CountId<Tag>& id) const noexcept { return std::hash<std::uint64_t>{}(id.value); }
};
