#include "dialog/guard.h"

#include <algorithm>

#include "dialog/money.h"
#include "dialog/number_words.h"
#include "dialog/words.h"

namespace al::dialog {
namespace {

constexpr std::size_t kGram = 6;         // words in a row
constexpr std::size_t kTailBytes = 400;  // of what was said, for a canary spelled over several sentences
constexpr std::size_t kKeyLength = 16;   // letters and digits mixed, in one word: nothing a person would say

std::vector<std::string> plain_words(std::string_view text) {
  std::vector<std::string> out;
  for (Word& word : split_words(clean_text(text, 20000))) out.push_back(std::move(word.text));
  return out;
}

std::uint64_t hash_of(std::string_view word) {
  std::uint64_t hash = 0xCBF29CE484222325ULL;  // FNV-1a
  for (const char c : word) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  return hash;
}

std::vector<std::uint64_t> grams(const std::vector<std::string>& words) {
  std::vector<std::uint64_t> hashes;
  hashes.reserve(words.size());
  for (const std::string& word : words) hashes.push_back(hash_of(word));
  std::vector<std::uint64_t> out;
  for (std::size_t i = 0; i + kGram <= hashes.size(); ++i) {
    std::uint64_t hash = 0;
    for (std::size_t j = i; j < i + kGram; ++j) hash = (hash ^ hashes[j]) * 0x9E3779B97F4A7C15ULL + 1;
    out.push_back(hash);
  }
  return out;
}

// Letters and digits only, spelled-out digits as digits: "A, L, seven" and "a-l-7" are the same.
std::string compact(std::string_view text) {
  std::string out;
  for (const std::string& word : plain_words(text)) {
    const NumberLook look = look_up_number(word, false);
    if (look.found && look.entry.kind == NumberWordKind::kUnit && !look.with_and) {
      out += std::to_string(look.entry.value);
      continue;
    }
    for (const char c : word) {
      if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) out.push_back(c);
    }
  }
  return out;
}

std::string hex(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out.push_back(kDigits[byte >> 4U]);
    out.push_back(kDigits[byte & 15U]);
  }
  return out;
}

std::string rot13(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>('a' + (c - 'a' + 13) % 26);
  }
  return text;
}

bool looks_like_key(const std::vector<std::string>& words) {
  return std::ranges::any_of(words, [](const std::string& word) { return word.size() > 60; });
}

bool mixed_token(std::string_view sentence) {
  std::size_t run = 0;
  bool digit = false;
  bool letter = false;
  for (const char c : sentence) {
    const bool is_digit = c >= '0' && c <= '9';
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!is_digit && !is_letter && c != '_' && c != '+' && c != '/' && c != '=') {
      run = 0;
      digit = letter = false;
      continue;
    }
    ++run;
    digit = digit || is_digit;
    letter = letter || is_letter;
    if (run >= kKeyLength && digit && letter) return true;
  }
  return false;
}

void add_sums(std::string_view text, std::set<std::int64_t>& sums) {
  for (const Money& money : find_money(split_words(clean_text(text, 20000)))) {
    if (sums.size() > 500) return;
    sums.insert(money.low);
    sums.insert(money.high);
  }
}

bool speaks_of_prompt(const std::vector<Word>& words) {
  return contains_any(
      words, {"system prompt", "my instructions are", "my prompt is", "my instructions say", "hidden instructions",
              "internal reference", "the canary", "הוראות המערכת", "ההוראות שלי הן", "הפרומפט", "פרומפט"});
}

}  // namespace

Claims find_claims(std::string_view sentence) {
  const std::vector<Word> words = split_words(clean_text(sentence, 2000));
  Claims claims;
  // What did not happen, or may happen, is no claim.
  if (contains_any(words, {"not", "couldn't", "can't", "cannot", "could", "shall", "should", "can", "would", "if",
                           "want", "may", "לא", "האם", "אפשר", "לשלוח", "רוצה", "כדאי", "נוכל"}) ||
      clean_text(sentence, 2000).ends_with('?')) {
    return claims;
  }
  claims.saved =
      contains_any(words, {"i've saved", "have saved", "i saved", "is saved", "are saved", "been saved", "i've stored",
                           "been stored", "i've registered", "been registered", "is registered", "saved your", "שמרתי",
                           "נשמר", "נשמרו", "נשמרה", "נרשם במערכת", "נרשמת"});
  claims.booked = contains_any(words, {"i've booked",
                                       "have booked",
                                       "i booked",
                                       "is booked",
                                       "are booked",
                                       "been booked",
                                       "you're booked",
                                       "i've scheduled",
                                       "have scheduled",
                                       "i scheduled",
                                       "is scheduled",
                                       "been scheduled",
                                       "i've arranged",
                                       "have arranged",
                                       "i've reserved",
                                       "is reserved",
                                       "been reserved",
                                       "appointment is confirmed",
                                       "meeting is confirmed",
                                       "viewing is confirmed",
                                       "i've set up",
                                       "have set up",
                                       "all booked",
                                       "קבעתי",
                                       "נקבע",
                                       "נקבעה",
                                       "תיאמתי",
                                       "תואמה",
                                       "שריינתי",
                                       "הזמנתי",
                                       "הפגישה נקבעה"});
  claims.sent =
      contains_any(words, {"i've sent", "have sent", "i sent", "been sent", "was sent", "is sent", "just sent",
                           "on its way to your whatsapp", "i'm sending", "am sending", "sending it now", "sending you",
                           "שלחתי", "נשלח", "נשלחה", "נשלחו", "שולחת", "שולח", "בדרך לוואטסאפ"});
  claims.transferred =
      contains_any(words, {"connecting you", "transferring you", "putting you through", "i've transferred",
                           "transferred you", "patching you", "מעבירה", "מעביר", "מחברת", "מחבר אותך", "העברתי"});
  return claims;
}

LeakGuard::LeakGuard(const Persona& persona, std::string_view prompt, std::string_view canary) : persona_(&persona) {
  for (const std::uint64_t gram : grams(plain_words(prompt))) secret_grams_.insert(gram);
  const std::string key = compact(canary);
  if (key.size() >= 4) {
    canary_forms_ = {key, std::string(key.rbegin(), key.rend()), rot13(key), hex(canary), hex(key)};
  }
}

bool LeakGuard::has_canary(std::string_view text) const {
  for (const std::string& form : canary_forms_) {
    const std::size_t window = std::max<std::size_t>(4, form.size() / 2 + 1);
    for (std::size_t i = 0; i + window <= form.size(); ++i) {
      if (text.find(std::string_view(form).substr(i, window)) != std::string_view::npos) return true;
    }
  }
  return false;
}

// What the persona says anyway is no secret. Worked out at the first match: a call begins without this cost, and most
// calls never need it.
void LeakGuard::allow_persona() {
  const auto open = [&](std::string_view text) {
    for (const std::uint64_t gram : grams(plain_words(text))) secret_grams_.erase(gram);
  };
  for (const std::string& text : persona_->facts) open(text);
  for (const std::string& text : persona_->examples) open(text);
  for (const std::string& text : persona_->fixed_phrases()) open(text);
  for (const auto& [name, variants] : persona_->lines) {
    for (const std::string& text : variants) open(text);
  }
  persona_allowed_ = true;
}

bool LeakGuard::leaks(std::string_view sentence) {
  std::vector<std::string> words = plain_words(sentence);
  if (looks_like_key(words) || mixed_token(sentence)) return true;
  if (speaks_of_prompt(split_words(clean_text(sentence, 2000)))) return true;
  if (!canary_forms_.empty() && has_canary(tail_compact_ + compact(sentence))) return true;
  words.insert(words.begin(), tail_words_.begin(), tail_words_.end());
  const std::vector<std::uint64_t> said_grams = grams(words);
  const auto secret = [&](std::uint64_t gram) { return secret_grams_.contains(gram); };
  if (std::ranges::none_of(said_grams, secret)) return false;
  if (!persona_allowed_) allow_persona();
  return std::ranges::any_of(said_grams, secret);
}

void LeakGuard::said(std::string_view sentence) {
  for (std::string& word : plain_words(sentence)) tail_words_.push_back(std::move(word));
  if (tail_words_.size() >= kGram) {
    tail_words_.erase(tail_words_.begin(), tail_words_.end() - static_cast<std::ptrdiff_t>(kGram - 1));
  }
  tail_compact_ += compact(sentence);
  if (tail_compact_.size() > kTailBytes) tail_compact_.erase(0, tail_compact_.size() - kTailBytes);
}

void LeakGuard::new_answer() {
  tail_words_.clear();
}

void LeakGuard::allow_sums(std::string_view text) {
  add_sums(text, caller_sums_);
}

// Looked up only for a sum that the caller did not name, which is rare: nothing is kept ready for it.
bool LeakGuard::persona_names(std::int64_t sum) const {
  std::set<std::int64_t> sums;
  add_sums(persona_->system_prompt, sums);
  for (const std::string& fact : persona_->facts) add_sums(fact, sums);
  for (const std::string& example : persona_->examples) add_sums(example, sums);
  for (const auto& [name, variants] : persona_->lines) {
    for (const std::string& line : variants) add_sums(line, sums);
  }
  return sums.contains(sum);
}

bool LeakGuard::invents_sum(std::string_view sentence) const {
  const std::vector<Word> words = split_words(clean_text(sentence, 2000));
  const bool price =
      contains_any(words, {"cost", "costs", "price", "prices", "priced", "sells", "selling", "asking", "worth", "עולה",
                           "עולות", "המחיר", "במחיר", "מחירו", "מחירה", "שווה", "נמכרת", "נמכר"});
  const auto allowed = [&](std::int64_t sum) { return (!price && caller_sums_.contains(sum)) || persona_names(sum); };
  for (const Money& money : find_money(words)) {
    const bool sum = money.sure && money.high >= 1000;
    if (sum && (!allowed(money.low) || !allowed(money.high))) return true;
  }
  return false;
}

}  // namespace al::dialog
