// The safe way to and from JSON text (nlohmann::json without its exceptions). Users include <nlohmann/json.hpp> in
// their .cpp files; this header only names the type. Not for the media path: see the scanner of the Twilio room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "core/error.h"

namespace al {

inline constexpr std::size_t kMaxJsonBytes = 4u
                                             << 20;  // larger than any document we accept; callers bound theirs lower
inline constexpr int kMaxJsonDepth = 64;

// kMalformed: not JSON (names the byte), larger than `max_bytes`, nested deeper than kMaxJsonDepth.
[[nodiscard]] Result<nlohmann::json> parse_json(std::string_view text, std::size_t max_bytes = kMaxJsonBytes);

// Never throws: invalid UTF-8 becomes U+FFFD. `indent` < 0 gives one line.
[[nodiscard]] std::string dump_json(const nlohmann::json& value, int indent = -1);

// Members of an object, by name. Absent, null or of another type (or `object` is no object): the fallback.
[[nodiscard]] std::string json_string(const nlohmann::json& object, std::string_view name,
                                      std::string_view fallback = {});
[[nodiscard]] std::optional<std::int64_t> json_int(const nlohmann::json& object, std::string_view name);
[[nodiscard]] std::optional<double> json_number(const nlohmann::json& object, std::string_view name);
[[nodiscard]] std::optional<bool> json_bool(const nlohmann::json& object, std::string_view name);
// The member itself, or nullptr. Valid as long as `object`.
[[nodiscard]] const nlohmann::json* json_member(const nlohmann::json& object, std::string_view name);

// Appends `text` as a JSON string with its quotes: control characters escaped, invalid UTF-8 replaced.
void append_json_string(std::string& out, std::string_view text);

}  // namespace al
