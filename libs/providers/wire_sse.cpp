#include "providers/wire_sse.h"

namespace al::providers {

Result<void> SseParser::feed(std::string_view chunk, const std::function<bool(const SseEvent&)>& on_event) {
  while (!chunk.empty()) {
    if (skip_lf_) {
      skip_lf_ = false;
      if (chunk.front() == '\n') {
        chunk.remove_prefix(1);
        continue;
      }
    }
    const std::size_t end = chunk.find_first_of("\r\n");
    const std::string_view part = chunk.substr(0, end);
    if (line_.size() + part.size() + data_.size() > max_event_bytes_) {
      return fail(Errc::kMalformed,
                  "event stream: an event is longer than " + std::to_string(max_event_bytes_) + " bytes");
    }
    if (end == std::string_view::npos) {
      line_.append(part);
      return {};
    }
    skip_lf_ = chunk[end] == '\r';
    chunk.remove_prefix(end + 1);
    bool more = true;
    if (line_.empty()) {
      more = take_line(part, on_event);
    } else {
      line_.append(part);
      const std::string line = std::move(line_);
      line_.clear();
      more = take_line(line, on_event);
    }
    if (!more) return {};
  }
  return {};
}

Result<void> SseParser::finish(const std::function<bool(const SseEvent&)>& on_event) {
  if (!line_.empty()) {
    const std::string line = std::move(line_);
    line_.clear();
    if (!take_line(line, on_event)) return {};
  }
  dispatch(on_event);
  return {};
}

bool SseParser::take_line(std::string_view line, const std::function<bool(const SseEvent&)>& on_event) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (first_line_ && line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
  first_line_ = false;
  if (line.empty()) return dispatch(on_event);
  const std::size_t colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view{} : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    if (has_data_) data_.push_back('\n');
    data_.append(value);
    has_data_ = true;
  } else if (field == "event") {
    name_.assign(value);
  }
  return true;
}

bool SseParser::dispatch(const std::function<bool(const SseEvent&)>& on_event) {
  const bool deliver = has_data_ && !data_.empty();
  const std::string name = std::move(name_);
  const std::string data = std::move(data_);
  name_.clear();
  data_.clear();
  has_data_ = false;
  return deliver ? on_event(SseEvent{.name = name, .data = data}) : true;
}

}  // namespace al::providers
