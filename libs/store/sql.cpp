#include "store/sql.h"

#include <algorithm>
#include <charconv>

#include "core/utf8.h"

namespace al::store::sql {

std::string Rows::text(std::size_t row, std::size_t column) const {
  return cells_[row * columns_ + column].value_or(std::string());
}

std::int64_t Rows::number(std::size_t row, std::size_t column) const {
  const auto& cell = cells_[row * columns_ + column];
  std::int64_t value = 0;
  if (cell) std::from_chars(cell->data(), cell->data() + cell->size(), value);
  return value;
}

WallTime Rows::time(std::size_t row, std::size_t column) const {
  return WallTime{milliseconds{number(row, column)}};
}

std::optional<WallTime> Rows::maybe_time(std::size_t row, std::size_t column) const {
  if (!cells_[row * columns_ + column]) return std::nullopt;
  return time(row, column);
}

std::string placeholders(std::size_t from, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) out += ", ";
    out += '$' + std::to_string(from + i);
  }
  return out;
}

std::string storable(std::string_view text) {
  std::string out = is_valid_utf8(text) ? std::string(text) : repair_utf8(text);
  out.erase(std::remove(out.begin(), out.end(), '\0'), out.end());
  return out;
}

}  // namespace al::store::sql
