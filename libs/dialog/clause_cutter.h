// Cuts the growing text of a model's answer into clauses that can be spoken before the answer is complete: the first
// one early (it decides when the caller hears us), later ones by sentence. A value without time; UTF-8 in, UTF-8 out.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace al::dialog {

struct ClauseCutterOptions {
  // Lengths in characters (Unicode code points). A comma ends a first clause that is at least this long; shorter ones
  // are joined to what follows, because a voice sounds chopped when "Well," is synthesised alone.
  std::size_t first_min_chars = 12;
  std::size_t min_chars = 24;
  // Text without any punctuation is cut at a space when it grows longer than this.
  std::size_t max_chars = 120;
  // More than this unspoken text is not kept: a model that never stops must not fill the memory. In bytes.
  std::size_t max_buffer_bytes = 4096;
};

class ClauseCutter {
 public:
  explicit ClauseCutter(ClauseCutterOptions options = {}) : options_(options) {}

  // Appends a delta of any size; a UTF-8 sequence may be split between two deltas. Returns false when the buffer is
  // full and the delta was dropped.
  bool feed(std::string_view delta);
  // The next finished clause, trimmed, never empty. A full stop only ends a sentence when a space or the end of the
  // text follows, so "2.5 million" and "example.com" stay whole.
  std::optional<std::string> next();
  // The rest, after the last delta. Call next() to nullopt first.
  std::optional<std::string> flush();
  void reset();

 private:
  ClauseCutterOptions options_;
  std::string buffer_;
  std::size_t clauses_ = 0;
};

}  // namespace al::dialog
