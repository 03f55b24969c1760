// Where a command talks: stdout is data, stderr is talk. Colour and the progress bar appear only where a person looks.
#pragma once

#include <chrono>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>

#include "alctl/exit_code.h"
#include "core/error.h"

namespace al::alctl {

struct Io {
  std::ostream& out;
  std::ostream& err;
  bool json = false;      // --json: one object on stdout, errors too
  bool color = false;     // of stdout; decided from --color, NO_COLOR, TERM and the terminal
  bool progress = false;  // stderr is a terminal: bars may redraw themselves
  int width = 80;         // columns of the terminal

  // Explains a failure and returns `code`: on stderr for people, as {"error":{…}} on stdout with --json.
  ExitCode fail(ExitCode code, std::string_view message);
  ExitCode fail(const Error& error);

  // ANSI colour around a text, or the text alone.
  [[nodiscard]] std::string green(std::string_view text) const;
  [[nodiscard]] std::string red(std::string_view text) const;
  [[nodiscard]] std::string yellow(std::string_view text) const;
  [[nodiscard]] std::string bold(std::string_view text) const;
  [[nodiscard]] std::string dim(std::string_view text) const;
};

// A bar on a terminal; elsewhere one line every ten seconds. Draws at most ten times a second.
class ProgressBar {
 public:
  ProgressBar(Io& io, std::string label, double total);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  void update(double done, std::string_view detail = {});
  void finish();  // clears the bar

 private:
  Io& io_;
  std::string label_;
  double total_;
  std::chrono::steady_clock::time_point last_{};
  bool drawn_ = false;
};

}  // namespace al::alctl
