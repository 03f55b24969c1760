// The finders behind extract_slots, one for each kind of fact. Internal to this room.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dialog/persona.h"
#include "dialog/words.h"

namespace al::dialog {

// Words that a fact was taken from: later finders leave them alone.
class UsedWords {
 public:
  explicit UsedWords(std::size_t count) : used_(count, false) {}
  void take(std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end && i < used_.size(); ++i) used_[i] = true;
  }
  [[nodiscard]] bool operator[](std::size_t i) const { return i < used_.size() && used_[i]; }
  [[nodiscard]] bool any(std::size_t begin, std::size_t end) const {
    for (std::size_t i = begin; i < end && i < used_.size(); ++i) {
      if (used_[i]) return true;
    }
    return false;
  }

 private:
  std::vector<bool> used_;
};

struct Found {
  std::string value;
  std::size_t begin = 0;
  std::size_t end = 0;
  bool negated = false;  // "not Haifa"
};

// Values of the slot's list in the text, in order, longest first at each place. `expected` allows near misses of the
// recogniser ("Hyfa") and, for open slots, places that are not on the list.
[[nodiscard]] std::vector<Found> find_choices(const SlotSpec& spec, const std::vector<Word>& words, bool expected,
                                              const UsedWords& used);
[[nodiscard]] std::optional<Found> find_open_place(const std::vector<Word>& words, std::string_view clean,
                                                   const UsedWords& used, bool expected);
[[nodiscard]] std::vector<Found> find_rooms(const std::vector<Word>& words, bool expected, const UsedWords& used);
[[nodiscard]] std::optional<Found> find_name(const std::vector<Word>& words, std::string_view clean, bool expected,
                                             const UsedWords& used);
[[nodiscard]] bool valid_name(std::string_view name);
[[nodiscard]] bool valid_rooms(std::string_view rooms);

}  // namespace al::dialog
