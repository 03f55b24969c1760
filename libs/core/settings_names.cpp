// Names of settings: lookup, the nearest one to a misspelt name, environment and flag forms.
#include <algorithm>
#include <cctype>
#include <unordered_map>

#include "core/settings.h"
#include "core/text.h"

namespace al {
namespace {

std::string normal_name(std::string_view name) {
  std::string out = to_lower_ascii(name);
  std::replace(out.begin(), out.end(), '-', '_');
  return out;
}

const std::unordered_map<std::string, const SettingSpec*>& names() {
  static const auto* index = [] {
    auto* map = new std::unordered_map<std::string, const SettingSpec*>;
    for (const SettingSpec& spec : setting_table()) {
      map->emplace(spec.key, &spec);
      for (const std::string_view alias : split(spec.aliases, '|')) map->emplace(alias, &spec);
    }
    return map;
  }();
  return *index;
}

// Damerau's distance with adjacent swaps (optimal string alignment).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substitution = d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, substitution});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

const SettingSpec* find_setting(std::string_view name) {
  const auto found = names().find(normal_name(name));
  return found == names().end() ? nullptr : found->second;
}

std::string_view nearest_setting(std::string_view name) {
  // A key is near when about a third of the name could be a slip; a longer name is cut, the work is quadratic.
  constexpr std::size_t kLongestName = 64;
  const std::string wanted = normal_name(name.substr(0, kLongestName));
  std::string_view best;
  std::size_t best_distance = wanted.size() / 3 + 2;
  for (const SettingSpec& spec : setting_table()) {
    const std::size_t distance = edit_distance(wanted, spec.key);
    if (distance < best_distance) {
      best = spec.key;
      best_distance = distance;
    }
  }
  return best;
}

std::string environment_name(std::string_view key) {
  std::string out(key);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return out;
}

std::string flag_name(std::string_view key) {
  std::string out = "--" + std::string(key);
  std::replace(out.begin(), out.end(), '_', '-');
  return out;
}

}  // namespace al
