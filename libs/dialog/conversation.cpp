#include "dialog/conversation.h"

#include <algorithm>

#include "dialog/conversation_state.h"
#include "dialog/phone.h"
#include "dialog/prompt.h"
#include "dialog/slots.h"
#include "dialog/speakable.h"
#include "dialog/words.h"

namespace al::dialog {
namespace {

constexpr std::size_t kShortAnswerWords = 3;  // may be said again to another question

}  // namespace

Conversation::State::State(std::shared_ptr<const Persona> the_persona, ConversationOptions the_options,
                           std::uint64_t the_seed)
    : persona(std::move(the_persona)),
      options(std::move(the_options)),
      seed(the_seed),
      guard(*persona, fixed_prompt(*persona, options), options.canary) {
  // The network may give "anonymous" or a name: only a real number can be called or written to.
  const std::string_view number = options.caller_number;
  const bool plus = number.starts_with('+');
  if (!plus || check_phone(number.substr(1), true, persona->country).e164 != number) options.caller_number.clear();
  ask = next_ask();
  if (options.max_chars > 0) own_sentences.emplace(*persona);
}

Conversation::Conversation(std::shared_ptr<const Persona> persona, ConversationOptions options, std::uint64_t seed)
    : state_(std::make_unique<State>(std::move(persona), std::move(options), seed)) {}
Conversation::~Conversation() = default;
Conversation::Conversation(Conversation&&) noexcept = default;
Conversation& Conversation::operator=(Conversation&&) noexcept = default;

namespace {

bool only_thanks(const std::vector<Word>& words) {
  return !words.empty() && words.size() <= 5 && std::ranges::all_of(words, [](const Word& word) {
    return one_of(word.text, {"thank", "thanks", "you",   "very",       "much",      "so",      "a",    "lot",
                              "ok",    "okay",   "great", "perfect",    "that's",    "all",     "it",   "תודה",
                              "רבה",   "לך",     "מעולה", "זהו",        "זה",        "הכל",     "הכול", "בסדר",
                              "המון",  "for",    "now",   "everything", "wonderful", "nothing", "else", "כלום"});
  });
}

}  // namespace

CallerDecision Conversation::caller_said(std::string_view text, Timestamp now) {
  State& s = *state_;
  const std::string clean = clean_text(text);
  const std::vector<Word> words = split_words(clean);
  CallerDecision decision;
  const auto report = [&] {
    decision.lead_complete = s.complete();
    decision.lead_confirmed = s.stage == DialogueStage::kConfirmed;
  };
  if (words.empty()) {
    decision.act = CallerAct::kSayFixed;
    decision.fixed_text = s.line("empty");
    s.remember(TurnId{}, decision.fixed_text);
    report();
    return decision;
  }
  const std::string normal = normal_form(clean);
  const std::string asked = s.ask.empty() ? std::string() : s.ask.front();
  const int ask_count = s.asked(asked);
  std::erase_if(s.caller_texts, [&](const State::CallerText& old) { return now - old.at > s.options.dedup_window; });
  for (const State::CallerText& old : s.caller_texts) {
    if (old.normal != normal) continue;
    // "Yes" to another question, or to the same one asked again, is an answer and not an echo.
    const bool answer = words.size() <= kShortAnswerWords && (old.asked != asked || old.ask_count != ask_count);
    if (answer) continue;
    decision.act = CallerAct::kIgnore;
    report();
    return decision;
  }
  s.caller_texts.push_back({normal, now, asked, ask_count});
  s.guard.allow_sums(clean);
  s.push({Role::kCaller, caller_message(clean), "", ""}, TurnId{});

  SlotContext context;
  context.expected = s.ask;
  context.known = s.slots;
  context.revising = s.stage != DialogueStage::kCollecting;
  context.pending_digits = s.pending_digits;
  context.caller_number = s.options.caller_number;
  context.local_time = s.options.local_time;
  const Extraction found = extract_slots(*s.persona, clean, context);

  s.hint = DialogueHint{};
  const Intent intent = find_intent(words, clean);
  s.hint.intent = to_string(intent);
  s.hint.problem = found.problem;
  s.pending_digits = found.pending_digits;
  for (const SlotFill& fill : found.fills) {
    s.slots[fill.slot] = fill.value;
    s.hint.filled.push_back(fill.slot);
  }
  for (const std::string& slot : found.cleared) {
    s.slots.erase(slot);
    if (s.hint.problem.empty()) s.hint.problem = slot + ":cleared";
  }
  decision.slots_changed = !found.fills.empty() || !found.cleared.empty();
  if (decision.slots_changed) s.committed = false;
  s.intents.push_back(intent);
  if (s.intents.size() > 2) s.intents.pop_front();

  const bool confirmed_before = s.stage == DialogueStage::kConfirmed;
  s.settle_stage(intent, decision.slots_changed);
  const bool nothing_more =
      confirmed_before && !decision.slots_changed && (intent == Intent::kNo || only_thanks(words));
  if (is_goodbye(words, *s.persona) || nothing_more) {
    s.goodbye_said = true;
    decision.act = CallerAct::kGoodbye;
    const auto name = s.slots.find("name");
    const bool named = name != s.slots.end() && s.complete();
    decision.fixed_text = s.line(named ? "goodbye_named" : "goodbye_open");
    if (named) {
      const std::size_t at = decision.fixed_text.find("{name}");
      if (at != std::string::npos) decision.fixed_text.replace(at, 6, name->second);
    }
    s.remember(TurnId{}, decision.fixed_text);
    report();
    return decision;
  }
  s.plan();
  report();
  return decision;
}

ModelRequest Conversation::request(TurnId turn, std::string call) const {
  const State& s = *state_;
  ModelRequest request;
  request.turn = turn;
  request.call = std::move(call);
  request.language = s.persona->language;
  request.messages.push_back(
      {Role::kSystem, fixed_prompt(*s.persona, s.options) + turn_prompt(*s.persona, s.slots, s.hint), "", ""});
  request.messages.insert(request.messages.end(), s.history.begin(), s.history.end());
  request.tools = tool_specs(*s.persona, s.options);
  request.slots = s.slots;
  request.next_slot = s.stage == DialogueStage::kCollecting && !s.hint.ask.empty() ? s.hint.ask.front() : "";
  request.hint = s.hint;
  request.hint.introduced = s.introduced;
  request.seed = s.seed;
  request.max_tokens = s.options.max_tokens;
  return request;
}

const std::map<std::string, std::string>& Conversation::slots() const {
  return state_->slots;
}
bool Conversation::complete() const {
  return state_->complete();
}
const std::vector<Message>& Conversation::history() const {
  return state_->history;
}
DialogueStage Conversation::stage() const {
  return state_->stage;
}
const Persona& Conversation::persona() const {
  return *state_->persona;
}

std::string_view Conversation::expected_slot() const {
  return state_->ask.empty() ? std::string_view{} : std::string_view(state_->ask.front());
}

Expectation Conversation::expectation() const {
  const State& s = *state_;
  Expectation out;
  out.digits_known = static_cast<int>(s.pending_digits.size());
  for (const std::string& name : s.ask) {
    const SlotSpec* spec = s.persona->slot(name);
    if (spec != nullptr && spec->type == SlotType::kPhone) out.digits = true;
    if (spec != nullptr && spec->type == SlotType::kText && spec->choices.empty()) out.free_speech = true;
    if (name == kConfirm || name == kAnythingElse) out.yes_no = true;
  }
  out.free_speech = out.free_speech || s.slots.empty();  // the first answer often tells everything
  return out;
}

std::string Conversation::summary_text() const {
  const State& s = *state_;
  std::string out = s.persona->business;
  for (const SlotSpec& spec : s.persona->slots) {
    const auto hit = s.slots.find(spec.name);
    if (hit == s.slots.end()) continue;
    out += "\n" + spec.label + ": " + write_slot(*s.persona, spec, hit->second);
  }
  return out;
}

}  // namespace al::dialog
