// Words that writer and reader of recorded calls share. Internal to this room.
#pragma once

#include <cstdint>
#include <string_view>

namespace al::dialog {

inline constexpr std::string_view kRecordKind = "agentlocator-call";
inline constexpr std::int64_t kRecordVersion = 1;
inline constexpr std::string_view kRecordStages[] = {"stt", "model", "tts"};  // by Stage

}  // namespace al::dialog
