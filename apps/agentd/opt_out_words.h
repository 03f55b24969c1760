// Whether a message says that its writer does not want to be written to any more, or again. Pure.
#pragma once

#include <string_view>

namespace al::agentd {

enum class OptOutWord { kNone, kStop, kStart };

// `network`: Twilio's OptOutType, which decides where it is given. Otherwise the whole message must be the word: STOP,
// STOPALL, UNSUBSCRIBE, "הסר", "הסירו אותי", …; START, UNSTOP, "הצטרפות".
[[nodiscard]] OptOutWord opt_out_word(std::string_view network, std::string_view text);

}  // namespace al::agentd
