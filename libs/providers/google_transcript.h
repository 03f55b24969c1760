// Puts the text of one Google recognition stream together: finals follow one another; the interim
// results of one response are consecutive portions (a stable beginning, an unstable end) of what is not final yet.
// Pure; not thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace al::providers {

struct GooglePortion {
  std::string_view transcript;
  bool is_final = false;
  float stability = 0;   // interim only, 0 = unset
  float confidence = 0;  // final only, 0 = unset
};

class GoogleTranscript {
 public:
  // The portions of one response. Later portions begin with the blank that separates them.
  void take(const std::vector<GooglePortion>& portions);
  // The stream is gone and its audio since the last final will be sent again: forgets the interim text.
  void drop_interim();

  [[nodiscard]] std::string text() const;                       // finals and the current interim text
  [[nodiscard]] std::string final_text() const;                 // finals only
  [[nodiscard]] float stability() const { return stability_; }  // of the weakest portion of the interim text
  [[nodiscard]] float confidence() const;                       // mean of the finals that have one; 0 = unknown

 private:
  std::string finals_;
  std::string interim_;
  float stability_ = 0;
  float confidence_sum_ = 0;
  int confidence_count_ = 0;
};

}  // namespace al::providers
