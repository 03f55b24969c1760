#include "providers/local_phonemes.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <utility>

#include <flite/flite.h>

#include "audio/format.h"
#include "audio/resampler.h"

// Not declared in flite's headers; each returns the one voice of its library.
extern "C" {
cst_voice* register_cmu_us_kal16(const char* voxdir);
cst_voice* register_cmu_us_kal(const char* voxdir);
cst_voice* register_cmu_us_rms(const char* voxdir);
cst_voice* register_cmu_us_slt(const char* voxdir);
cst_voice* register_cmu_us_awb(const char* voxdir);
}

namespace al::providers {
namespace {

using Pair = std::pair<std::string_view, std::string_view>;

// flite's radio phones as the Piper voice was trained on them.
constexpr std::array kPhones = std::to_array<Pair>({
    {"aa", "ɑː"}, {"ae", "æ"},  {"ah", "ʌ"}, {"ao", "ɔː"}, {"aw", "aʊ"}, {"ax", "ə"},  {"axr", "ɚ"}, {"ay", "aɪ"},
    {"b", "b"},   {"ch", "tʃ"}, {"d", "d"},  {"dh", "ð"},  {"eh", "ɛ"},  {"el", "əl"}, {"em", "m"},  {"en", "n"},
    {"er", "ɜː"}, {"ey", "eɪ"}, {"f", "f"},  {"g", "ɡ"},   {"hh", "h"},  {"ih", "ɪ"},  {"ix", "ᵻ"},  {"iy", "iː"},
    {"jh", "dʒ"}, {"k", "k"},   {"l", "l"},  {"m", "m"},   {"n", "n"},   {"ng", "ŋ"},  {"ow", "oʊ"}, {"oy", "ɔɪ"},
    {"p", "p"},   {"r", "ɹ"},   {"s", "s"},  {"sh", "ʃ"},  {"t", "t"},   {"th", "θ"},  {"uh", "ʊ"},  {"uw", "uː"},
    {"v", "v"},   {"w", "w"},   {"y", "j"},  {"z", "z"},   {"zh", "ʒ"},
});
// Where no stress falls these vowels are shorter.
constexpr std::array kUnstressed = std::to_array<Pair>({{"er", "ɚ"}, {"iy", "i"}, {"ah", "ə"}});

// Words of one syllable that carry no stress in a sentence.
constexpr std::array<std::string_view, 33> kWeakWords{
    "a",    "an",   "and", "are", "as",   "at",   "be",    "by",  "can",  "do",   "for",
    "have", "i",    "in",  "is",  "it",   "me",   "my",    "of",  "on",   "or",   "that",
    "the",  "this", "to",  "we",  "will", "with", "would", "you", "your", "from", "was"};

// What stands in typographic text instead of ASCII. Longer names first where one begins another.
constexpr std::array kAscii = std::to_array<Pair>({
    {"‘", "'"},
    {"’", "'"},
    {"“", "\""},
    {"”", "\""},
    {"–", ", "},
    {"—", ", "},
    {"…", "..."},
    {"\u00A0", " "},
    {"₪", " shekels "},
    {"€", " euros "},
    {"£", " pounds "},
    {"°", " degrees "},
    {"½", " and a half "},
    {"&", " and "},
    {"é", "e"},
    {"è", "e"},
    {"ê", "e"},
    {"ë", "e"},
    {"á", "a"},
    {"à", "a"},
    {"â", "a"},
    {"ä", "a"},
    {"ç", "c"},
    {"í", "i"},
    {"î", "i"},
    {"ï", "i"},
    {"ñ", "n"},
    {"ó", "o"},
    {"ô", "o"},
    {"ö", "o"},
    {"ú", "u"},
    {"û", "u"},
    {"ü", "u"},
});

template <typename Table>
std::string_view look_up(const Table& table, std::string_view key) {
  const auto* found = std::find_if(table.begin(), table.end(), [key](const Pair& pair) { return pair.first == key; });
  return found == table.end() ? std::string_view{} : found->second;
}

bool is_vowel(std::string_view phone) {
  return std::string_view("aeiou").find(phone.front()) != std::string_view::npos && phone != "em" && phone != "en" &&
         phone != "el";
}

// flite reads bytes: only ASCII means anything to it. "₪500" is read as "500 shekels".
std::string to_ascii(std::string_view utf8) {
  std::string text;
  std::string_view currency;  // written before its amount, read after it
  for (std::size_t at = 0; at < utf8.size();) {
    const auto byte = static_cast<unsigned char>(utf8[at]);
    if (byte < 0x80 && byte != '&') {
      const bool in_amount = (byte >= '0' && byte <= '9') || byte == ',' || byte == '.';
      if (!currency.empty() && !in_amount && byte != ' ') text += std::exchange(currency, {});
      text += byte < 0x20 ? ' ' : static_cast<char>(byte);
      ++at;
      continue;
    }
    const std::size_t length = byte < 0xE0 ? (byte < 0x80 ? 1 : 2) : byte < 0xF0 ? 3 : 4;
    const std::string_view symbol = utf8.substr(at, length);
    const std::string_view ascii = look_up(kAscii, symbol);
    const bool before_amount = at + length < utf8.size() && utf8[at + length] >= '0' && utf8[at + length] <= '9';
    if ((symbol == "₪" || symbol == "€" || symbol == "£") && before_amount) {
      currency = ascii;
    } else {
      text += ascii;
    }
    at += length;
  }
  // A sentence mark that ended the amount belongs behind the currency.
  if (!currency.empty()) {
    const std::size_t end = text.find_last_not_of(".,");
    text.insert(end == std::string::npos ? text.size() : end + 1, currency.substr(0, currency.size() - 1));
  }
  return text;
}

cst_utterance* no_sound(cst_utterance* utterance) {
  return utterance;
}

// flite's state is global and its reference counts are plain integers: everything goes through here, one at a time.
class Flite {
 public:
  static Flite& instance() {
    static auto* const flite = new Flite;  // voices live as long as the process
    return *flite;
  }

  std::string phonemes(const std::string& text);
  std::vector<std::int16_t> speak(const std::string& text, FliteVoice voice, double rate, int& rate_hz);

 private:
  Flite() {
    flite_init();
    reader_ = register_cmu_us_kal16(nullptr);
    feat_set(reader_->features, "wave_synth_func", uttfunc_val(&no_sound));
  }

  cst_voice* voice_of(FliteVoice voice) {
    cst_voice*& known = voices_[static_cast<std::size_t>(voice)];
    if (known == nullptr) {
      switch (voice) {
        case FliteVoice::kRms:
          known = register_cmu_us_rms(nullptr);
          break;
        case FliteVoice::kSlt:
          known = register_cmu_us_slt(nullptr);
          break;
        case FliteVoice::kAwb:
          known = register_cmu_us_awb(nullptr);
          break;
        case FliteVoice::kKal:
          known = register_cmu_us_kal(nullptr);
          break;
      }
    }
    return known;
  }

  std::mutex mutex_;
  cst_voice* reader_ = nullptr;  // text to phones only
  std::array<cst_voice*, 4> voices_{};
};

void append_syllable(const cst_item* syllable, bool may_stress, std::string& ipa) {
  const bool stressed = std::string_view(item_feat_string(syllable, "stress")) == "1";
  for (const cst_item* segment = item_daughter(syllable); segment != nullptr; segment = item_next(segment)) {
    const std::string_view phone = item_feat_string(segment, "name");
    if (phone.empty() || phone == "pau") continue;
    if (is_vowel(phone) && stressed && may_stress) ipa += "ˈ";
    const std::string_view weak = stressed ? std::string_view{} : look_up(kUnstressed, phone);
    ipa += weak.empty() ? look_up(kPhones, phone) : weak;
  }
}

// The sentence marks behind the token that `word` ends.
void append_punctuation(const cst_item* word, std::string& ipa) {
  const cst_item* token = path_to_item(word, "R:Token.parent");
  const cst_item* in_token = item_as(word, "Token");
  if (token == nullptr || in_token == nullptr || item_next(in_token) != nullptr) return;
  const std::string_view marks = item_feat_string(token, "punc");
  const std::size_t at = marks.find_first_of(".,;:!?");
  if (at != std::string_view::npos) ipa += marks[at];
}

std::string Flite::phonemes(const std::string& text) {
  const std::lock_guard lock(mutex_);
  cst_utterance* utterance = new_utterance();
  utt_set_input_text(utterance, text.c_str());
  utt_init(utterance, reader_);
  utt_synth(utterance);

  std::string ipa;
  cst_relation* words = utt_relation(utterance, "Word");
  for (const cst_item* word = relation_head(words); word != nullptr; word = item_next(word)) {
    const cst_item* in_structure = item_as(word, "SylStructure");
    const cst_item* syllable = in_structure == nullptr ? nullptr : item_daughter(in_structure);
    if (syllable == nullptr) continue;
    if (!ipa.empty()) ipa += ' ';
    const std::string_view name = item_feat_string(word, "name");
    const bool weak =
        item_next(syllable) == nullptr && std::find(kWeakWords.begin(), kWeakWords.end(), name) != kWeakWords.end();
    for (; syllable != nullptr; syllable = item_next(syllable)) append_syllable(syllable, !weak, ipa);
    append_punctuation(word, ipa);
  }
  delete_utterance(utterance);
  return ipa;
}

std::vector<std::int16_t> Flite::speak(const std::string& text, FliteVoice voice, double rate, int& rate_hz) {
  const std::lock_guard lock(mutex_);
  cst_voice* speaker = voice_of(voice);
  feat_set_float(speaker->features, "duration_stretch", static_cast<float>(1.0 / rate));
  cst_wave* wave = flite_text_to_wave(text.c_str(), speaker);
  if (wave == nullptr) return {};
  rate_hz = wave->sample_rate;
  std::vector<std::int16_t> pcm(wave->samples, wave->samples + wave->num_samples);
  delete_wave(wave);
  return pcm;
}

}  // namespace

std::string english_phonemes(std::string_view text) {
  return Flite::instance().phonemes(to_ascii(text));
}

Result<FliteVoice> parse_flite_voice(std::string_view name) {
  if (name == "rms") return FliteVoice::kRms;
  if (name == "slt") return FliteVoice::kSlt;
  if (name == "awb") return FliteVoice::kAwb;
  if (name == "kal") return FliteVoice::kKal;
  return fail(Errc::kNotFound, "no flite voice '" + std::string(name) + "'; there are rms, slt, awb, kal");
}

std::vector<std::int16_t> flite_speak(std::string_view text, FliteVoice voice, double rate) {
  int rate_hz = audio::kSampleRateHz;
  auto pcm = Flite::instance().speak(to_ascii(text), voice, std::clamp(rate, 0.5, 2.0), rate_hz);
  if (rate_hz == audio::kSampleRateHz || pcm.empty()) return pcm;
  auto lowered = audio::resample(pcm, rate_hz, audio::kSampleRateHz, audio::ResampleQuality::kFast);
  return lowered ? std::move(*lowered) : std::vector<std::int16_t>{};
}

}  // namespace al::providers
