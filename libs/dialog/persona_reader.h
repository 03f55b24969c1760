// Reads a TOML table with a fixed set of keys and collects every mistake with its line. Internal to the persona loader.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <toml++/toml.h>

namespace al::dialog {

// Mistakes of one file: "en.toml:12: unknown key 'langauge' (did you mean 'language'?)", one a line.
class Mistakes {
 public:
  explicit Mistakes(std::string_view source) : source_(source) {}
  void add(std::size_t line, const std::string& what);
  [[nodiscard]] bool empty() const { return text_.empty(); }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string source_;
  std::string text_;
  int count_ = 0;
};

// The known key that was probably meant; empty when none is near.
[[nodiscard]] std::string nearest_key(std::string_view key, const std::vector<std::string_view>& known);

class TableReader {
 public:
  // `where` names the table in messages: "", "phrases", "slot 'area'".
  TableReader(const toml::table& table, std::string where, Mistakes& mistakes);

  std::string text(std::string_view key, bool required, std::size_t max_bytes = 2000);
  std::int64_t integer(std::string_view key);  // 0 .. 10^12; 0 when absent
  bool boolean(std::string_view key, bool fallback);
  std::vector<std::string> texts(std::string_view key, bool required, std::size_t max_items = 400);
  std::map<std::string, std::string> text_map(std::string_view key);
  std::map<std::string, std::vector<std::string>> texts_map(std::string_view key);
  const toml::table* child(std::string_view key, bool required);
  // The tables of an array of tables.
  std::vector<const toml::table*> children(std::string_view key, bool required);
  // Complains about every key that none of the calls above asked for.
  void finish();

  [[nodiscard]] std::size_t line_of(std::string_view key) const;
  [[nodiscard]] std::size_t line() const;
  [[nodiscard]] Mistakes& mistakes() { return mistakes_; }

 private:
  const toml::node* find(std::string_view key, bool required);
  void wrong(const toml::node& node, std::string_view key, std::string_view expected);
  [[nodiscard]] std::string name(std::string_view key) const;

  const toml::table& table_;
  std::string where_;
  Mistakes& mistakes_;
  std::vector<std::string_view> asked_;
};

}  // namespace al::dialog
