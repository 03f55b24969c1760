// What strangers say, byte for byte: slots stay valid, answers stay speakable, a saved state can be read back.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "dialog/chat_driver.h"
#include "dialog/slots.h"
#include "dialog/text_turn_end.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace al::dialog;
  static const auto persona = *Persona::built_in("he-real-estate");
  const std::string_view text(reinterpret_cast<const char*>(data), size < 2000 ? size : 2000);
  ConversationOptions options;
  options.local_time = al::WallTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 20));
  options.caller_number = "+972501112233";
  options.whatsapp = true;
  ChatDriver chat(persona, options, 1);
  // One caller turn a line, so that one input can be a whole conversation.
  std::string_view rest = text;
  for (int turn = 0; turn < 6 && !rest.empty(); ++turn) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    const ChatTurn said = chat.say(line);
    require(said.ignored || !said.agent.empty());
    const TextTurnEnd end_of_turn = text_turn_end(line, chat.conversation().expectation(), turn % 2 == 0);
    require(end_of_turn.opinion.end_probability.value_or(0) <= 1);
    static_cast<void>(is_backchannel(line, *persona));
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  }
  for (const auto& [name, value] : chat.conversation().slots()) {
    const SlotSpec* spec = persona->slot(name);
    require(spec != nullptr && valid_slot_value(*persona, *spec, value));
  }
  Conversation other(persona, options, 1);
  require(other.restore(chat.conversation().save()).has_value());
  require(other.slots() == chat.conversation().slots());
  // The same bytes as a model's clause and as a saved state.
  other.shape_clause(al::TurnId{1}, text, true);
  static_cast<void>(other.restore(text));
  return 0;
}
