#include "alctl/io.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace al::alctl {
namespace {

constexpr std::chrono::milliseconds kRedrawEvery{100};
constexpr std::chrono::seconds kLineEvery{10};

std::string paint(bool color, const char* code, std::string_view text) {
  if (!color) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

}  // namespace

ExitCode Io::fail(ExitCode code, std::string_view message) {
  if (json) {
    const nlohmann::ordered_json body = {
        {"error", {{"exit_code", static_cast<int>(code)}, {"message", std::string(message)}}}};
    out << body.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
  } else {
    err << "alctl: " << message << "\n";
  }
  return code;
}

ExitCode Io::fail(const Error& error) {
  return fail(exit_code_for(error.code), to_string(error));
}

std::string Io::green(std::string_view text) const {
  return paint(color, "32", text);
}
std::string Io::red(std::string_view text) const {
  return paint(color, "31", text);
}
std::string Io::yellow(std::string_view text) const {
  return paint(color, "33", text);
}
std::string Io::bold(std::string_view text) const {
  return paint(color, "1", text);
}
std::string Io::dim(std::string_view text) const {
  return paint(color, "2", text);
}

ProgressBar::ProgressBar(Io& io, std::string label, double total)
    : io_(io), label_(std::move(label)), total_(total), last_(std::chrono::steady_clock::now() - kRedrawEvery) {}

ProgressBar::~ProgressBar() {
  finish();
}

void ProgressBar::update(double done, std::string_view detail) {
  const auto now = std::chrono::steady_clock::now();
  const double part = total_ > 0 ? std::clamp(done / total_, 0.0, 1.0) : 0.0;
  if (!io_.progress) {
    if (now - last_ < kLineEvery) return;
    last_ = now;
    io_.err << fmt::format("{} {:3.0f} % {}\n", label_, part * 100, detail);
    io_.err.flush();
    return;
  }
  if (now - last_ < kRedrawEvery) return;
  last_ = now;
  constexpr int kCells = 28;
  const int filled = static_cast<int>(part * kCells + 0.5);
  std::string bar(static_cast<std::size_t>(filled), '#');
  bar.resize(kCells, '.');
  io_.err << fmt::format("\r\x1b[K{} [{}] {:3.0f} % {}", label_, bar, part * 100, detail);
  io_.err.flush();
  drawn_ = true;
}

void ProgressBar::finish() {
  if (!drawn_) return;
  io_.err << "\r\x1b[K";
  io_.err.flush();
  drawn_ = false;
}

}  // namespace al::alctl
