#include "dialog/persona_reader.h"

#include <algorithm>

#include "core/utf8.h"
#include "dialog/words.h"

namespace al::dialog {
namespace {

constexpr int kMaxMistakes = 12;  // enough to mend a file in one go, few enough to read

}  // namespace

void Mistakes::add(std::size_t line, const std::string& what) {
  if (++count_ > kMaxMistakes) return;
  if (!text_.empty()) text_ += "\n";
  text_ += source_ + ":" + std::to_string(line) + ": " + what;
}

std::string nearest_key(std::string_view key, const std::vector<std::string_view>& known) {
  std::string best;
  int best_distance = key.size() > 5 ? 4 : 3;
  if (key.size() > 40) return best;
  for (const std::string_view candidate : known) {
    const int distance = edit_distance(key, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

TableReader::TableReader(const toml::table& table, std::string where, Mistakes& mistakes)
    : table_(table), where_(std::move(where)), mistakes_(mistakes) {}

std::string TableReader::name(std::string_view key) const {
  return "'" + std::string(key) + "'" + (where_.empty() ? "" : " of " + where_);
}

std::size_t TableReader::line() const {
  return table_.source().begin.line;
}

std::size_t TableReader::line_of(std::string_view key) const {
  const toml::node* node = table_.get(key);
  return node == nullptr ? line() : node->source().begin.line;
}

const toml::node* TableReader::find(std::string_view key, bool required) {
  asked_.push_back(key);
  const toml::node* node = table_.get(key);
  if (node == nullptr && required) mistakes_.add(std::max<std::size_t>(line(), 1), "missing key " + name(key));
  return node;
}

void TableReader::wrong(const toml::node& node, std::string_view key, std::string_view expected) {
  mistakes_.add(node.source().begin.line, name(key) + " must be " + std::string(expected));
}

std::string TableReader::text(std::string_view key, bool required, std::size_t max_bytes) {
  const toml::node* node = find(key, required);
  if (node == nullptr) return {};
  const auto* value = node->as_string();
  if (value == nullptr) {
    wrong(*node, key, "a text");
    return {};
  }
  if (value->get().size() > max_bytes) {
    wrong(*node, key, "at most " + std::to_string(max_bytes) + " bytes long");
    return {};
  }
  if (required && split_words(clean_text(value->get(), max_bytes)).empty())
    wrong(*node, key, "a text with words in it");
  return value->get();
}

std::int64_t TableReader::integer(std::string_view key) {
  const toml::node* node = find(key, false);
  if (node == nullptr) return 0;
  const auto* value = node->as_integer();
  if (value == nullptr || value->get() < 0 || value->get() > 1'000'000'000'000) {
    wrong(*node, key, "a whole number from 0 to 1000000000000");
    return 0;
  }
  return value->get();
}

bool TableReader::boolean(std::string_view key, bool fallback) {
  const toml::node* node = find(key, false);
  if (node == nullptr) return fallback;
  const auto* value = node->as_boolean();
  if (value == nullptr) {
    wrong(*node, key, "true or false");
    return fallback;
  }
  return value->get();
}

namespace {

// The texts of an array; nullopt-like empty result and `bad` set at the first node that is no text.
std::vector<std::string> array_texts(const toml::array& array, std::size_t max_items, const toml::node*& bad) {
  std::vector<std::string> texts;
  for (const toml::node& item : array) {
    const auto* value = item.as_string();
    if (value == nullptr || value->get().empty() || value->get().size() > 1000 || texts.size() >= max_items) {
      bad = &item;
      return texts;
    }
    texts.push_back(value->get());
  }
  return texts;
}

}  // namespace

std::vector<std::string> TableReader::texts(std::string_view key, bool required, std::size_t max_items) {
  const toml::node* node = find(key, required);
  if (node == nullptr) return {};
  const std::string expected =
      "a list of texts, each at most 1000 bytes, at most " + std::to_string(max_items) + " of them";
  const toml::array* array = node->as_array();
  if (array == nullptr) {
    wrong(*node, key, expected);
    return {};
  }
  const toml::node* bad = nullptr;
  std::vector<std::string> texts = array_texts(*array, max_items, bad);
  if (bad != nullptr) wrong(*bad, key, expected);
  if (required && texts.empty() && bad == nullptr) wrong(*node, key, "a list with at least one text");
  return texts;
}

std::map<std::string, std::string> TableReader::text_map(std::string_view key) {
  std::map<std::string, std::string> out;
  const toml::node* node = find(key, false);
  if (node == nullptr) return out;
  const toml::table* table = node->as_table();
  if (table == nullptr) {
    wrong(*node, key, "a table of texts");
    return out;
  }
  for (const auto& [name_key, item] : *table) {
    const auto* value = item.as_string();
    if (value == nullptr || value->get().size() > 1000) {
      wrong(item, std::string(key) + "." + std::string(name_key.str()), "a text");
      continue;
    }
    out.emplace(name_key.str(), value->get());
  }
  return out;
}

std::map<std::string, std::vector<std::string>> TableReader::texts_map(std::string_view key) {
  std::map<std::string, std::vector<std::string>> out;
  const toml::table* table = child(key, true);
  if (table == nullptr) return out;
  for (const auto& [name_key, item] : *table) {
    const toml::array* array = item.as_array();
    const toml::node* bad = nullptr;
    std::vector<std::string> texts;
    if (array != nullptr) texts = array_texts(*array, 40, bad);
    if (texts.empty() || bad != nullptr) {
      wrong(bad != nullptr ? *bad : item, std::string(key) + "." + std::string(name_key.str()),
            "a list of 1 to 40 texts");
      continue;
    }
    out.emplace(name_key.str(), std::move(texts));
  }
  return out;
}

const toml::table* TableReader::child(std::string_view key, bool required) {
  const toml::node* node = find(key, required);
  if (node == nullptr) return nullptr;
  if (node->as_table() == nullptr) wrong(*node, key, "a table: [" + std::string(key) + "]");
  return node->as_table();
}

std::vector<const toml::table*> TableReader::children(std::string_view key, bool required) {
  std::vector<const toml::table*> out;
  const toml::node* node = find(key, required);
  if (node == nullptr) return out;
  const std::string expected = "an array of tables: [[" + std::string(key) + "]]";
  const toml::array* array = node->as_array();
  if (array == nullptr || array->empty()) {
    wrong(*node, key, expected);
    return out;
  }
  for (const toml::node& item : *array) {
    if (item.as_table() == nullptr) {
      wrong(item, key, expected);
    } else if (out.size() < 40) {
      out.push_back(item.as_table());
    }
  }
  return out;
}

void TableReader::finish() {
  for (const auto& [key, item] : table_) {
    if (std::ranges::find(asked_, key.str()) != asked_.end()) continue;
    const std::string near = nearest_key(key.str(), asked_);
    mistakes_.add(key.source().begin.line,
                  "unknown key " + name(key.str()) + (near.empty() ? "" : " (did you mean '" + near + "'?)"));
  }
}

}  // namespace al::dialog
