// The event-stream parser must give the same events however its input is cut, and stay within its bound.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "providers/wire_sse.h"

namespace {

std::string run(std::string_view text, std::size_t piece) {
  al::providers::SseParser parser(4096);
  std::string log;
  const auto keep = [&](const al::providers::SseEvent& event) {
    if (event.data.empty() || event.data.size() > 4096) std::abort();
    log.append(event.name).append("\x1F").append(event.data).append("\x1E");
    return true;
  };
  for (std::size_t at = 0; at < text.size(); at += piece) {
    if (!parser.feed(text.substr(at, piece), keep)) return log + "refused";
  }
  if (!parser.finish(keep)) return log + "refused";
  return log;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string whole = run(text, size + 1);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, std::size_t{17}}) {
    if (run(text, piece) != whole && whole.find("refused") == std::string::npos) std::abort();
  }
  return 0;
}
