// Tool calls of a model, byte for byte: the first line is the tool's name, the rest its arguments. What passes has a
// key, and arguments that hold nothing but what the policy put there.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <nlohmann/json.hpp>

#include "dialog/chat_driver.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace al::dialog;
  static const auto persona = *Persona::built_in("en-real-estate");
  ConversationOptions options;
  options.caller_number = "+972501112233";
  options.whatsapp = true;
  ChatDriver chat(persona, options, 1);
  chat.say("Apartment in Haifa, four rooms, two million, in three months. My name is Dana, 0541234567.");
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t end = text.find('\n');
  const std::string_view name = text.substr(0, end);
  const std::string_view arguments = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  for (const bool confirmed : {false, true}) {
    if (confirmed) chat.say("Send it by WhatsApp, yes.");
    const auto checked = chat.conversation().check_tool(name, arguments);
    if (!checked) continue;
    if (!confirmed || checked->idempotency_key.empty()) std::abort();
    const auto passed = nlohmann::json::parse(checked->arguments_json);
    if (passed.contains("to") && passed["to"] != options.caller_number) std::abort();
    if (passed.contains("target")) std::abort();  // this persona has no targets
    chat.conversation().tool_result(al::TurnId{9}, "id", name, arguments, "ok", true);
  }
  chat.conversation().tool_result(al::TurnId{10}, text, name, arguments, text, false);
  chat.say("thanks");
  return 0;
}
