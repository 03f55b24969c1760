#include "core/log.h"

#include <algorithm>
#include <mutex>

#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

namespace al::log {

namespace detail {
std::atomic<int> level{static_cast<int>(Level::kWarn)};
}  // namespace detail

struct Capture::State {
  mutable std::mutex mutex;
  std::vector<std::string> lines;
  bool transcripts = false;
  int level_before = 0;
  std::shared_ptr<State> outer;
};

namespace {

struct Writer {
  std::mutex mutex;
  std::shared_ptr<spdlog::details::thread_pool> pool;  // owns the writer thread and its bounded queue
  std::shared_ptr<spdlog::logger> logger;
  std::shared_ptr<Capture::State> capture;
  Format format = Format::kText;
  std::atomic<bool> transcripts{false};
};

// Never destroyed: threads may log until the very end of the process.
Writer& writer() {
  static auto* instance = new Writer;
  return *instance;
}

spdlog::level::level_enum spd_level(Level level) {
  switch (level) {
    case Level::kTrace:
      return spdlog::level::trace;
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarn:
      return spdlog::level::warn;
    default:
      return spdlog::level::err;
  }
}

std::string pattern(Format format) {
  switch (format) {
    case Format::kJson:
      return "{\"time\":\"%Y-%m-%dT%H:%M:%S.%eZ\",%v";  // the line comes without its first brace
    case Format::kJournal:
      return "%v";
    case Format::kText:
      break;
  }
  return "%Y-%m-%dT%H:%M:%S.%eZ %-7l %v";
}

std::shared_ptr<spdlog::sinks::sink> stderr_sink(Format format) {
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  sink->set_formatter(std::make_unique<spdlog::pattern_formatter>(pattern(format), spdlog::pattern_time_type::utc));
  return sink;
}

}  // namespace

namespace detail {

void write(Level line_level, std::string_view event, Facts facts) {
  Writer& to = writer();
  std::shared_ptr<spdlog::logger> logger;
  std::shared_ptr<Capture::State> capture;
  Format format = Format::kText;
  {
    const std::lock_guard lock(to.mutex);
    capture = to.capture;
    if (!capture && !to.logger) to.logger = std::make_shared<spdlog::logger>("stderr", stderr_sink(Format::kText));
    logger = to.logger;
    format = capture ? Format::kText : to.format;
  }
  const bool debugging = level.load(std::memory_order_relaxed) <= static_cast<int>(Level::kDebug);
  if (capture) {
    std::string line = format_line(line_level, format, capture->transcripts, event, facts);
    const std::lock_guard lock(capture->mutex);
    capture->lines.push_back(std::move(line));
    return;
  }
  const std::string line =
      format_line(line_level, format, debugging || to.transcripts.load(std::memory_order_relaxed), event, facts);
  const std::string_view body = format == Format::kJson ? std::string_view(line).substr(1) : std::string_view(line);
  logger->log(spd_level(line_level), spdlog::string_view_t(body.data(), body.size()));
}

}  // namespace detail

void start(const Options& options) {
  stop();
  Writer& to = writer();
  const std::lock_guard lock(to.mutex);
  to.format = options.format;
  to.transcripts = options.transcripts;
  to.pool = std::make_shared<spdlog::details::thread_pool>(std::max<std::size_t>(options.queue_lines, 16), 1);
  to.logger = std::make_shared<spdlog::async_logger>("agent", stderr_sink(options.format), to.pool,
                                                     spdlog::async_overflow_policy::overrun_oldest);
  to.logger->set_level(spdlog::level::trace);
  to.logger->flush_on(spdlog::level::warn);
  detail::level = static_cast<int>(options.level);
}

void stop() {
  Writer& to = writer();
  std::shared_ptr<spdlog::details::thread_pool> pool;
  {
    const std::lock_guard lock(to.mutex);
    if (!to.pool) return;
    to.logger.reset();
    to.format = Format::kText;
    pool = std::move(to.pool);
    to.pool.reset();
  }
  detail::level = static_cast<int>(Level::kWarn);
  pool.reset();  // writes what is queued, then joins its thread
}

void set_level(Level new_level) {
  detail::level = static_cast<int>(new_level);
}
void set_transcripts(bool shown) {
  writer().transcripts = shown;
}

std::uint64_t dropped_lines() {
  Writer& from = writer();
  const std::lock_guard lock(from.mutex);
  return from.pool ? from.pool->overrun_counter() : 0;
}

Capture::Capture(Level level, bool transcripts) : state_(std::make_shared<State>()) {
  state_->transcripts = transcripts;
  Writer& to = writer();
  const std::lock_guard lock(to.mutex);
  state_->level_before = detail::level.exchange(static_cast<int>(level));
  state_->outer = std::exchange(to.capture, state_);
}

Capture::~Capture() {
  Writer& to = writer();
  const std::lock_guard lock(to.mutex);
  detail::level = state_->level_before;
  to.capture = state_->outer;
}

std::vector<std::string> Capture::lines() const {
  const std::lock_guard lock(state_->mutex);
  return state_->lines;
}

std::size_t Capture::count(std::string_view part) const {
  const std::lock_guard lock(state_->mutex);
  return static_cast<std::size_t>(
      std::count_if(state_->lines.begin(), state_->lines.end(),
                    [&](const std::string& line) { return line.find(part) != std::string::npos; }));
}

}  // namespace al::log
