// What the scripted agent says: one answer from the persona's sentences.
#include <algorithm>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "dialog/numbers.h"
#include "dialog/scripted_agent.h"
#include "dialog/slots.h"
#include "dialog/speakable.h"
#include "dialog/words.h"

namespace al::dialog {
namespace {

constexpr int kMaxWords = 20;  // of an answer, but for the summary

// Writes one answer: picks sentences that were not said yet and puts values into their places.
class Script {
 public:
  Script(const Persona& persona, const ModelRequest& request)
      : persona_(persona), request_(request), hint_(request.hint) {
    for (const Message& message : request.messages) {
      if (message.role != Role::kAgent) continue;
      for (const std::string& sentence : split_sentences(message.text)) said_.insert(normal_form(sentence));
    }
    turn_ = said_.size();
    read_tool_results();
  }

  ScriptedAnswer write() {
    if (!hint_.introduced && said_.empty()) introduce();
    if (!results_.empty() && after_tools()) return std::move(answer_);
    if (aside()) return std::move(answer_);
    switch (hint_.stage) {
      case DialogueStage::kCollecting:
        collect();
        break;
      case DialogueStage::kConfirming:
        confirm();
        break;
      case DialogueStage::kConfirmed:
        confirmed();
        break;
    }
    return std::move(answer_);
  }

 private:
  using Values = std::vector<std::pair<std::string_view, std::string>>;

  void read_tool_results() {
    for (auto message = request_.messages.rbegin(); message != request_.messages.rend(); ++message) {
      if (message->role == Role::kCaller) break;
      if (message->role == Role::kToolResult) results_.emplace_back(message->tool_name, message->text);
    }
  }
  // -1 = the tool did not run since the caller spoke, 0 = it failed, 1 = it did its work.
  [[nodiscard]] int result_of(std::string_view tool) const {
    for (const auto& [name, text] : results_) {
      if (name == tool) return refused(text) ? 0 : 1;
    }
    return -1;
  }
  [[nodiscard]] static bool refused(std::string_view text) {
    return text.starts_with("error") || text.starts_with("rejected") || text.starts_with("failed");
  }

  [[nodiscard]] std::string filled(std::string text, const Values& values) const {
    for (const auto& [key, value] : values) {
      const std::string mark = "{" + std::string(key) + "}";
      for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + value.size())) {
        text.replace(at, mark.size(), value);
      }
    }
    return text;
  }

  // A variant not said before; with `room`, one of at most so many words if there is one.
  [[nodiscard]] std::string pick(const std::vector<std::string>& variants, const Values& values,
                                 int room = 1000) const {
    std::string shortest;
    for (const bool fresh_only : {true, false}) {
      for (std::size_t i = 0; i < variants.size(); ++i) {
        std::string text = filled(variants[(request_.seed + turn_ + i) % variants.size()], values);
        const bool fresh = std::ranges::none_of(
            split_sentences(text), [&](const std::string& sentence) { return said_.contains(normal_form(sentence)); });
        if (fresh_only && !fresh) continue;
        if (count_words(text) <= room) return text;
        if (shortest.empty() || count_words(text) < count_words(shortest)) shortest = std::move(text);
      }
      if (!shortest.empty()) return shortest;
    }
    return shortest;
  }
  [[nodiscard]] std::string line(std::string_view moment, const Values& values = {}, int room = 1000) const {
    const auto hit = persona_.lines.find(std::string(moment));
    return hit == persona_.lines.end() ? std::string() : pick(hit->second, values, room);
  }

  void say(const std::string& text) {
    for (std::string& sentence : split_sentences(text)) {
      if (!answer_.sentences.empty()) answer_.sentences.back() += " ";
      answer_.sentences.push_back(std::move(sentence));
    }
  }
  [[nodiscard]] int words_so_far() const {
    int words = 0;
    for (const std::string& sentence : answer_.sentences) words += count_words(sentence);
    return words;
  }

  // The caller spoke first: the name of the business and the notice come before anything else.
  void introduce() {
    std::string text;
    for (const std::string& sentence : split_sentences(persona_.phrases.greeting)) {
      if (!sentence.ends_with('?')) text += sentence + " ";
    }
    say(text);
    introduced_now_ = true;
  }

  void ask_next(int room) {
    if (hint_.ask.empty()) {
      say(line("pending"));
      say(line("anything_else"));
      return;
    }
    if (hint_.ask.front() == "confirm") {
      say(line(hint_.whatsapp_allowed ? "confirm_offer" : "confirm_offer_plain", {}, room));
      return;
    }
    const SlotSpec* spec = persona_.slot(hint_.ask.front());
    if (spec == nullptr) {
      say(line("anything_else", {}, room));
    } else if (spec->type == SlotType::kDateTime && hint_.stage != DialogueStage::kCollecting) {
      say(line("callback_ask", {}, room));
    } else {
      say(pick(hint_.ask.size() > 1 ? spec->joint_questions : spec->questions, {}, room));
    }
  }
  void ask_next() { ask_next(std::max(8, kMaxWords - words_so_far())); }

  [[nodiscard]] std::string value_of(std::string_view slot) const {
    const auto hit = request_.slots.find(std::string(slot));
    const SlotSpec* spec = persona_.slot(slot);
    return hit == request_.slots.end() || spec == nullptr ? std::string() : say_slot(persona_, *spec, hit->second);
  }
  [[nodiscard]] std::string name_value() const {
    for (const SlotSpec& spec : persona_.slots) {
      if (spec.type == SlotType::kName) return value_of(spec.name);
    }
    return {};
  }

  // What was just understood, as a list of words; the name and the number have their own places.
  [[nodiscard]] std::string filled_values() const {
    std::string out;
    for (const std::string& slot : hint_.filled) {
      const SlotSpec* spec = persona_.slot(slot);
      if (spec == nullptr || spec->type == SlotType::kName || spec->type == SlotType::kPhone) continue;
      out += (out.empty() ? "" : ", ") + value_of(slot);
    }
    return out;
  }
  [[nodiscard]] bool was_filled(SlotType type) const {
    return std::ranges::any_of(hint_.filled, [&](const std::string& slot) {
      const SlotSpec* spec = persona_.slot(slot);
      return spec != nullptr && spec->type == type;
    });
  }

  void acknowledge(int room) {
    if (hint_.filled.empty() || introduced_now_) return;
    const std::string values = filled_values();
    if (was_filled(SlotType::kName)) say(line("ack_name", {{"name", name_value()}}));
    if (values.empty()) {
      if (!was_filled(SlotType::kName)) say(line("ack_short", {}, room));
      return;
    }
    const std::string ack = line("ack", {{"values", values}}, room);
    const bool fits = count_words(ack) + words_so_far() <= room;
    if (fits) say(ack);
    if (!fits && answer_.sentences.empty()) say(line("ack_short", {}, room));
  }

  // What the caller asked besides the facts. True = the answer is complete.
  bool aside() {
    if (hint_.intent == "repeat" && hint_.filled.empty()) {
      say(line("repeat"));
      if (hint_.stage == DialogueStage::kConfirming) sum_up();
      ask_next();
      return true;
    }
    if (hint_.intent == "wait" && hint_.filled.empty()) {
      say(line("wait"));
      return true;
    }
    if (hint_.intent == "robot") {
      acknowledge(6);
      say(line("robot"));
      ask_next();
      return true;
    }
    if (hint_.intent == "human") return human();
    return false;
  }

  bool human() {
    const bool offered =
        std::ranges::any_of(request_.tools, [](const ToolSpec& tool) { return tool.name == "transfer_call"; });
    if (offered && !persona_.transfer_targets.empty() && results_.empty()) {
      answer_.tools.push_back({"transfer_call", dump_json({{"target", persona_.transfer_targets.begin()->first}})});
      return true;
    }
    acknowledge(6);
    say(line("human_unavailable"));
    ask_next();
    return true;
  }

  void collect() {
    const std::string reason = hint_.problem.substr(std::min(hint_.problem.find(':'), hint_.problem.size()));
    const SlotSpec* wrong = persona_.slot(hint_.problem.substr(0, hint_.problem.find(':')));
    if (wrong != nullptr && reason == ":cleared") {
      say(line("cleared"));
      ask_next();
      return;
    }
    if (wrong != nullptr) {
      acknowledge(8);
      mend(*wrong, reason);
      return;
    }
    if (!hint_.filled.empty()) {
      acknowledge(kMaxWords - 8);
    } else if (hint_.intent == "question") {
      say(line("off_topic"));
    } else if (hint_.moved_on) {
      say(line("later"));
    } else if (hint_.asked_before > 0 && !introduced_now_) {
      say(line("not_understood"));
    }
    ask_next();
  }

  void mend(const SlotSpec& spec, std::string_view reason) {
    if (spec.type == SlotType::kPhone) {
      const bool begun = reason == ":too_short" && hint_.pending_digits.size() >= 2;
      const std::string digits = say_digits(hint_.pending_digits, persona_.hebrew());
      say(begun ? line("phone_rest", {{"digits", digits}}) : line("phone_again"));
    } else if (spec.type == SlotType::kMoney) {
      say(line("budget_again"));
    } else {
      say(line("value_again", {{"label", spec.label}}));
    }
  }

  [[nodiscard]] std::string summary_values() const {
    std::string out;
    std::string tail;
    for (const SlotSpec& spec : persona_.slots) {
      const std::string value = value_of(spec.name);
      if (value.empty() || spec.type == SlotType::kDateTime) continue;
      if (spec.type == SlotType::kPhone) {
        std::string digits;
        for (const char c : request_.slots.at(spec.name)) {
          if (c >= '0' && c <= '9') digits.push_back(c);
        }
        const std::string last =
            say_digits(digits.substr(digits.size() - std::min<std::size_t>(4, digits.size())), persona_.hebrew());
        tail = line("phone_tail", {{"digits", last}});
        continue;
      }
      if (spec.type == SlotType::kName) {
        out = value + (out.empty() ? "" : ", ") + out;
      } else {
        out += (out.empty() ? "" : ", ") + value;
      }
    }
    return tail.empty() ? out : out + ", " + tail;
  }
  void sum_up() { say(line("summary", {{"values", summary_values()}})); }

  void confirm() {
    const bool asks_callback = !hint_.ask.empty() && hint_.ask.front() != "confirm";
    if (hint_.asked_before == 0 && !asks_callback) {
      sum_up();
    } else if (!hint_.filled.empty()) {
      const std::string values = filled_values();
      say(values.empty() ? line("ack_short") : line("corrected", {{"values", values}}));
    } else if (!hint_.problem.empty()) {
      const SlotSpec* wrong = persona_.slot(hint_.problem.substr(0, hint_.problem.find(':')));
      if (wrong != nullptr) {
        mend(*wrong, hint_.problem.substr(hint_.problem.find(':')));
        return;
      }
    } else if (hint_.intent == "no") {
      say(line("change_ask"));
      return;
    } else if (hint_.intent == "question") {
      say(line("off_topic"));
    } else if (!asks_callback) {
      say(line("not_understood"));
    }
    ask_next();
  }

  void save() {
    nlohmann::json arguments = nlohmann::json::object();
    for (const auto& [slot, value] : request_.slots) arguments[slot] = value;
    answer_.tools.push_back({"save_lead", dump_json(arguments)});
  }

  void confirmed() {
    if (!hint_.committed && result_of("save_lead") < 0) {
      save();
      return;
    }
    if (hint_.intent == "whatsapp") {
      send_or_excuse();
    } else if (hint_.intent == "callback" && value_of("callback").empty()) {
      say(line("callback_ask"));
      return;
    } else if (hint_.intent == "question") {
      say(line("off_topic"));
    } else if (hint_.intent == "yes") {
      say(line("change_ask"));
      return;
    } else {
      say(line("done"));
    }
    if (answer_.tools.empty()) say(line("anything_else"));
  }

  void send_or_excuse() {
    if (hint_.whatsapp_allowed && result_of("send_whatsapp") < 0) {
      answer_.tools.push_back({"send_whatsapp", R"({"message":"summary"})"});
    } else {
      say(line(result_of("send_whatsapp") > 0 ? "whatsapp_sent" : "whatsapp_failed"));
    }
  }

  // Tools ran since the caller spoke: only now is it said what was done. False = there is more to do than to report.
  bool after_tools() {
    if (const int transfer = result_of("transfer_call"); transfer >= 0) {
      say(line(transfer > 0 ? "human" : "human_failed"));
      if (transfer == 0) ask_next();
      return true;
    }
    const int saved = result_of("save_lead");
    if (saved < 0) return false;
    const std::string callback = value_of("callback");
    const bool wants_message = hint_.intent == "whatsapp";
    if (wants_message && hint_.whatsapp_allowed && result_of("send_whatsapp") < 0 && saved > 0) {
      send_or_excuse();
      return true;
    }
    const std::string moment = saved == 0 ? "not_saved" : callback.empty() ? "saved" : "saved_callback";
    say(line(moment, {{"name", name_value()}, {"values", callback}}));
    if (wants_message) send_or_excuse();
    say(line("anything_else"));
    return true;
  }

  const Persona& persona_;
  const ModelRequest& request_;
  const DialogueHint& hint_;
  std::set<std::string> said_;
  std::size_t turn_ = 0;
  std::vector<std::pair<std::string, std::string>> results_;
  bool introduced_now_ = false;
  ScriptedAnswer answer_;
};

}  // namespace

ScriptedAnswer scripted_answer(const Persona& persona, const ModelRequest& request) {
  return Script(persona, request).write();
}

}  // namespace al::dialog
