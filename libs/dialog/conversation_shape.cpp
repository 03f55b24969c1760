// What is said: each sentence passes the same door, whether a model or the persona wrote it.
#include <algorithm>

#include "core/utf8.h"
#include "dialog/answer_length.h"
#include "dialog/conversation_state.h"
#include "dialog/speakable.h"
#include "dialog/words.h"

namespace al::dialog {
namespace {

constexpr std::size_t kMaxRemembered = 400;
constexpr int kRepeatWords = 4;       // shorter phrases ("Of course.") may come again
constexpr int kQuestionReserve = 12;  // words by which a closing question may pass the limit
constexpr int kSummaryReserve = 24;   // … and the summary with its offer
constexpr int kLongestSentence = 34;  // the summary and its offer
constexpr std::size_t kQuestionReserveChars = 60;

}  // namespace

void Conversation::State::begin_answer(TurnId turn) {
  if (answer.turn == turn && (answer.turn || !answer.finished)) return;
  if (!answer.sentences.empty()) last_answer = answer.sentences;
  answer = Answer{};
  answer.turn = turn;
  guard.new_answer();
}

// A text of several sentences was said when one of them was.
bool Conversation::State::was_said(std::string_view text) const {
  return std::ranges::any_of(split_sentences(text), [&](const std::string& part) {
    const std::string normal = normal_form(part);
    return std::ranges::any_of(said, [&](const Sentence& sentence) { return sentence.normal == normal; });
  });
}

void Conversation::State::remember(TurnId turn, std::string_view text) {
  for (const std::string& sentence : split_sentences(text)) {
    said.push_back({normal_form(sentence), turn});
    if (said.size() > kMaxRemembered) said.pop_front();
  }
}

std::string Conversation::State::pick(const std::vector<std::string>& variants) const {
  if (variants.empty()) return {};
  const std::size_t start = (seed + said.size()) % variants.size();
  for (std::size_t i = 0; i < variants.size(); ++i) {
    const std::string& variant = variants[(start + i) % variants.size()];
    if (!was_said(variant)) return variant;
  }
  return variants[start];
}

std::string Conversation::State::line(std::string_view moment) const {
  const auto hit = persona->lines.find(std::string(moment));
  return hit == persona->lines.end() ? std::string() : pick(hit->second);
}

// The question that belongs to this moment, in words not used before if there are any.
std::string Conversation::State::question() const {
  if (ask.empty()) return line(kAnythingElse);
  if (ask.front() == kAnythingElse) return line(kAnythingElse);
  if (ask.front() == kConfirm) {
    const bool whatsapp = options.whatsapp && !options.caller_number.empty();
    return line(whatsapp ? "confirm_offer" : "confirm_offer_plain");
  }
  const SlotSpec* spec = persona->slot(ask.front());
  if (spec == nullptr) return line(kAnythingElse);
  return pick(ask.size() > 1 ? spec->joint_questions : spec->questions);
}

bool Conversation::State::repeats(const std::string& normal) const {
  if (count_words(normal) < kRepeatWords) return false;
  const auto same = [&](const std::string& other) { return other == normal; };
  return std::ranges::any_of(answer.sentences, same) || std::ranges::any_of(last_answer, same);
}

bool Conversation::State::claims_too_much(std::string_view sentence) const {
  const Claims claims = find_claims(sentence);
  const bool callback = slots.contains(std::string(kCallbackSlot));
  return (claims.saved && !done.saved) || (claims.booked && !(done.saved && callback)) || (claims.sent && !done.sent) ||
         (claims.transferred && !done.transferred);
}

bool Conversation::State::may_say(const std::string& sentence, const std::string& normal) {
  if (guard.leaks(sentence)) {
    answer.withheld = answer.deflect = true;
    return false;
  }
  const bool says_who = std::ranges::any_of(persona->intro_markers, [&](const std::string& marker) {
    return contains_phrase(split_words(sentence), normal_form(marker), false);
  });
  if (says_who && introduced) {
    answer.withheld = true;
    return false;
  }
  if (repeats(normal) || claims_too_much(sentence) || guard.invents_sum(sentence)) {
    answer.withheld = true;
    return false;
  }
  if (says_who) introduced = true;
  return true;
}

// A model's sentence as far as LLM_MAX_CHARS lets it be said. What is cut off may have been the question: then ours
// follows at the end of the answer.
std::string Conversation::State::within_chars(std::string sentence) {
  if (!own_sentences || own_sentences->contains(sentence)) return sentence;
  std::size_t room = static_cast<std::size_t>(options.max_chars);
  if (stage != DialogueStage::kCollecting) room *= 2;
  if (sentence.ends_with('?')) room += kQuestionReserveChars;
  const std::size_t used = answer.plain.empty() ? 0 : count_codepoints(answer.plain) + 1;
  room -= std::min(room, used);
  if (count_codepoints(sentence) <= room) return sentence;
  answer.withheld = answer.full = true;
  return cut_at_clause(sentence, room, answer.plain.empty());
}

std::string Conversation::State::shape_sentence(std::string_view raw) {
  if (answer.full) return {};
  const std::string sentence = within_chars(std::string(raw));
  const std::string normal = normal_form(sentence);
  if (normal.empty()) return {};
  const bool asks_something = sentence.ends_with('?');
  const int words = count_words(sentence);
  const int room = options.max_words - answer.words;
  const bool long_stage = stage != DialogueStage::kCollecting;  // the summary needs more words than an answer
  const int reserve = long_stage ? kSummaryReserve : (asks_something ? kQuestionReserve : 0);
  if (answer.words > 0 && words > room + reserve) {
    answer.withheld = answer.withheld || asks_something;
    return {};
  }
  if (words > kLongestSentence) {
    answer.withheld = true;
    return {};
  }
  if (!may_say(sentence, normal)) return {};
  answer.words += words;
  answer.question = answer.question || asks_something;
  answer.full = answer.full || asks_something;  // nothing is said after the question
  answer.sentences.push_back(normal);
  guard.said(sentence);
  if (!answer.plain.empty()) answer.plain.push_back(' ');
  answer.plain += sentence;
  const std::string spoken =
      options.spoken ? to_speech(sentence, persona->hebrew(), persona->pronunciations) : sentence;
  if (!answer.spoken.empty()) answer.spoken.push_back(' ');
  answer.spoken += spoken;
  return spoken;
}

void Conversation::State::keep_answer() {
  if (answer.plain.empty()) return;
  const auto last = std::ranges::find_if(entries.rbegin(), entries.rend(), [&](const Entry& entry) {
    return entry.turn == answer.turn && entry.message.role == Role::kAgent;
  });
  if (last != entries.rend() && answer.turn && last == entries.rbegin()) {
    last->message.text = answer.plain;
    history.back().text = answer.plain;
    return;
  }
  push({Role::kAgent, answer.plain, "", ""}, answer.turn);
}

void Conversation::State::push(Message message, TurnId turn) {
  history.push_back(message);
  entries.push_back({std::move(message), turn});
  const auto limit = static_cast<std::size_t>(std::max(options.max_history, 4));
  while (entries.size() > limit) {
    entries.erase(entries.begin());
    history.erase(history.begin());
  }
  // A tool result must not lose the call it answers.
  while (!entries.empty() && entries.front().message.role == Role::kToolResult) {
    entries.erase(entries.begin());
    history.erase(history.begin());
  }
}

std::string Conversation::State::speak_own(std::string_view text) {
  std::string out;
  for (const std::string& sentence : split_sentences(text)) {
    const std::string spoken = shape_sentence(sentence);
    if (!spoken.empty()) out += (out.empty() ? "" : " ") + spoken;
  }
  return out;
}

std::string Conversation::shape_clause(TurnId turn, std::string_view clause, bool first) {
  State& s = *state_;
  if (first || s.answer.turn != turn) s.begin_answer(turn);
  std::string out;
  for (const std::string& sentence : split_sentences(strip_markup(clause))) {
    const std::string spoken = s.shape_sentence(sentence);
    if (!spoken.empty()) out += (out.empty() ? "" : " ") + spoken;
  }
  if (!out.empty()) {
    s.remember(turn, strip_markup(clause));
    s.keep_answer();
  }
  return out;
}

std::string Conversation::finish_answer(TurnId turn) {
  State& s = *state_;
  s.begin_answer(turn);
  if (s.answer.finished) return {};
  s.answer.finished = true;
  const bool silent = s.answer.plain.empty();
  if (!silent && (!s.answer.withheld || s.answer.question)) return {};
  s.answer.full = false;
  std::string text;
  if (silent && s.answer.deflect) text = s.line("deflect") + " ";
  if (silent && !s.answer.deflect && s.answer.withheld) text = s.persona->phrases.rephrase + " ";
  text += s.question();
  std::string spoken = s.speak_own(text);
  if (spoken.empty() && silent) spoken = s.speak_own(s.line("empty"));
  if (spoken.empty() && silent) {  // every variant was used up: better twice the same than silence
    s.last_answer.clear();
    spoken = s.speak_own(s.persona->phrases.fallback);
  }
  s.remember(turn, text);
  s.keep_answer();
  return spoken;
}

std::string Conversation::failure_answer(TurnId turn) {
  State& s = *state_;
  s.begin_answer(turn);
  s.answer.full = false;
  std::string text = s.persona->phrases.fallback;
  if (!s.hint.filled.empty()) {
    text = s.line("ack_short") + " " + s.question();
  } else if (s.was_said(text)) {
    text = s.line("empty");
  }
  std::string spoken = s.speak_own(text);
  if (spoken.empty() && s.answer.plain.empty()) {
    s.last_answer.clear();
    spoken = s.speak_own(s.persona->phrases.fallback);
  }
  s.answer.finished = true;
  s.remember(turn, text);
  s.keep_answer();
  return spoken;
}

void Conversation::agent_said_fixed(std::string_view text) {
  State& s = *state_;
  const std::string clean = clean_text(text, 2000);
  if (clean.empty()) return;
  const std::vector<Word> words = split_words(clean);
  for (const std::string& marker : s.persona->intro_markers) {
    s.introduced = s.introduced || contains_phrase(words, normal_form(marker), false);
  }
  // The greeting asks for the first slot.
  if (s.entries.empty() && clean.find('?') != std::string::npos && !s.ask.empty() && s.asks.empty())
    ++s.asks[s.ask.front()];
  s.remember(TurnId{}, clean);
  s.push({Role::kAgent, clean, "", ""}, TurnId{});
}

void Conversation::agent_heard(TurnId turn, std::string_view heard_text, bool interrupted) {
  State& s = *state_;
  const std::string heard = clean_text(heard_text, 2000);
  const bool whole = s.answer.turn == turn && normal_form(heard) == normal_form(s.answer.spoken);
  if (whole && !interrupted) return;
  std::string text = whole ? s.answer.plain : heard;
  if (interrupted) {
    text += text.empty() ? "[interrupted before anything was heard]" : " [interrupted here]";
    // What was not heard may be said again.
    std::erase_if(s.said, [&](const State::Sentence& sentence) {
      return turn && sentence.turn == turn && normal_form(heard).find(sentence.normal) == std::string::npos;
    });
    s.answer.sentences.clear();
  }
  for (std::size_t i = s.entries.size(); i-- > 0;) {
    if (s.entries[i].turn != turn || s.entries[i].message.role != Role::kAgent) continue;
    s.entries[i].message.text = text;
    s.history[i].text = text;
    return;
  }
  if (!text.empty()) s.push({Role::kAgent, text, "", ""}, turn);
}

}  // namespace al::dialog
