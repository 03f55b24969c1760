#include "providers/fakes/fake_agent.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/json.h"

namespace al::providers {
namespace {

using nlohmann::json;

// The text of a message: a string, or an array of blocks.
std::string text_of(const json* content) {
  if (content == nullptr) return {};
  if (content->is_string()) return content->get<std::string>();
  std::string text;
  if (content->is_array()) {
    for (const json& block : *content) text += json_string(block, "text") + "\n";
  }
  return text;
}

bool holds_tool_result(const json& message) {
  if (json_string(message, "role") == "tool") return true;
  const json* content = json_member(message, "content");
  return content != nullptr && content->is_array() && std::any_of(content->begin(), content->end(), [](const json& b) {
           return json_string(b, "type") == "tool_result";
         });
}

// What a request tells its model.
struct Prompt {
  std::string system;
  std::string said;  // by the agent, all of it
  bool after_tool = false;
};

Prompt read_prompt(std::string_view body) {
  Prompt prompt;
  const auto request = parse_json(body);
  if (!request) return prompt;
  prompt.system = text_of(json_member(*request, "system"));
  const json* messages = json_member(*request, "messages");
  if (messages == nullptr || !messages->is_array()) return prompt;
  for (const json& message : *messages) {
    const std::string role = json_string(message, "role");
    if (role == "system") prompt.system += text_of(json_member(message, "content"));
    if (role == "assistant") prompt.said += text_of(json_member(message, "content")) + "\n";
    prompt.after_tool = holds_tool_result(message);  // of the last one
  }
  return prompt;
}

// The rest of the last line that begins so.
std::optional<std::string> line_after(const std::string& text, std::string_view beginning) {
  const std::size_t at = text.rfind(beginning);
  if (at == std::string::npos) return std::nullopt;
  const std::size_t from = at + beginning.size();
  return text.substr(from, text.find('\n', from) - from);
}

class Agent {
 public:
  explicit Agent(std::shared_ptr<const dialog::Persona> persona) : persona_(std::move(persona)) {}

  FakeAnswer operator()(std::string_view body) const {
    const Prompt prompt = read_prompt(body);
    if (prompt.after_tool) return {.text = saved(prompt), .tool_name = {}};
    if (prompt.system.find("The caller agreed to the summary.") != std::string::npos) {
      return {.text = {}, .tool_name = "save_lead", .tool_arguments = "{}"};
    }
    if (prompt.system.find("Everything is known") != std::string::npos) {
      return {.text = summary(prompt) + " " + line(prompt, "confirm_offer_plain"), .tool_name = {}};
    }
    const auto wanted = line_after(prompt.system, "Ask now for: ");
    const std::size_t open = wanted ? wanted->find('(') : std::string::npos;
    const dialog::SlotSpec* slot = open == std::string::npos
                                       ? nullptr
                                       : persona_->slot(wanted->substr(open + 1, wanted->find(')', open) - open - 1));
    const std::string question = slot == nullptr ? line(prompt, "anything_else") : fresh(prompt, slot->questions);
    return {.text = line(prompt, "ack_short") + " " + question, .tool_name = {}};
  }

 private:
  static std::string fresh(const Prompt& prompt, const std::vector<std::string>& variants) {
    for (const std::string& variant : variants) {
      if (prompt.said.find(variant) == std::string::npos) return variant;
    }
    return variants.empty() ? std::string() : variants.front();
  }
  [[nodiscard]] std::string line(const Prompt& prompt, const std::string& moment) const {
    const auto found = persona_->lines.find(moment);
    return found == persona_->lines.end() ? std::string() : fresh(prompt, found->second);
  }
  // "- the area (area): Haifa" under "Known so far:" of the prompt.
  [[nodiscard]] static std::optional<std::string> known(const Prompt& prompt, const std::string& slot) {
    return line_after(prompt.system, " (" + slot + "): ");
  }
  [[nodiscard]] std::string summary(const Prompt& prompt) const {
    std::string values;
    for (const dialog::SlotSpec& slot : persona_->slots) {
      if (const auto value = known(prompt, slot.name)) values += (values.empty() ? " " : ", ") + *value;
    }
    return persona_->phrases.summary_prefix + values + ".";
  }
  [[nodiscard]] std::string saved(const Prompt& prompt) const {
    std::string text = line(prompt, "saved");
    if (const std::size_t at = text.find("{name}"); at != std::string::npos)
      text.replace(at, 6, known(prompt, "name").value_or(std::string()));
    return text;
  }

  std::shared_ptr<const dialog::Persona> persona_;
};

}  // namespace

std::function<FakeAnswer(std::string_view)> fake_agent(std::shared_ptr<const dialog::Persona> persona) {
  return Agent(std::move(persona));
}

std::vector<std::string> fake_caller_lines(const dialog::Persona& persona) {
  if (persona.hebrew()) {
    return {"שלום, אני מחפש דירה בתל אביב",
            "ארבעה חדרים",
            "עד שני מיליון וחצי שקל",
            "בעוד שלושה חודשים",
            "קוראים לי דנה כהן",
            "אפס חמש ארבע אחת שתיים שלוש ארבע חמש שש שבע",
            "כן, נכון",
            "תודה, להתראות"};
  }
  return {"Hello, I am looking for an apartment in Tel Aviv",
          "four rooms",
          "up to two and a half million shekels",
          "in three months",
          "my name is Dana Cohen",
          "zero five four one two three four five six seven",
          "yes, that is right",
          "thank you, goodbye"};
}

}  // namespace al::providers
