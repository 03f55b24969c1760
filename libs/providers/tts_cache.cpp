#include "providers/tts_cache.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <list>
#include <map>
#include <mutex>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "audio/g711.h"
#include "core/secret.h"
#include "providers/tts_cache_file.h"

namespace al::providers {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".wav";
constexpr std::string_view kUnfinished = ".part";
constexpr std::size_t kKeyLength = 64;
constexpr std::chrono::minutes kAbandoned{1};  // an unfinished file this old belongs to nobody
constexpr std::chrono::hours kTouchEvery{1};   // how often an entry in use says so on disk

bool is_key(std::string_view key) {
  return key.size() == kKeyLength && key.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string_view without_suffix(std::string_view name) {
  if (name.ends_with(kSuffix)) name.remove_suffix(kSuffix.size());
  return name;
}

Result<void> write_file(const std::string& path, std::string_view bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0) return fail(Errc::kRejected, path + ": " + std::strerror(errno));
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
    if (written < 0 && errno != EINTR) break;
  }
  const int error = errno;
  const bool closed = ::close(fd) == 0;
  if (bytes.empty() && closed) return {};
  ::unlink(path.c_str());
  return fail(Errc::kRejected, path + ": " + std::strerror(error));
}

}  // namespace

std::string tts_cache_key(std::string_view provider, std::string_view settings, const dialog::Voice& voice,
                          std::string_view text) {
  std::string fields;
  const auto add = [&fields](std::string_view field) {
    fields += std::to_string(field.size()) + ":" + std::string(field);
  };
  add(provider);
  add(settings);
  add(voice.language);
  add(voice.name);
  add(std::to_string(static_cast<int>(voice.rate * 1000 + 0.5)));
  add(text);
  return to_hex(as_bytes(sha256(fields)));
}

struct TtsCache::State {
  struct Entry {
    std::uint64_t bytes = 0;               // of its file
    std::list<std::string>::iterator use;  // its place in `order`
    std::shared_ptr<const Ulaw> memory;    // null: on disk only
    fs::file_time_type touched;
  };

  explicit State(TtsCacheOptions given) : options(std::move(given)) {}

  [[nodiscard]] std::string path(std::string_view key) const {
    return options.folder + "/" + std::string(key) + std::string(kSuffix);
  }
  [[nodiscard]] bool on_disk() const { return !options.folder.empty(); }

  // All of these with the lock held. They only change the index; files are removed by the caller, without the lock.
  void add(const std::string& key, std::uint64_t bytes, fs::file_time_type touched) {
    order.push_front(key);
    entries[key] = {.bytes = bytes, .use = order.begin(), .memory = nullptr, .touched = touched};
    total += bytes;
  }
  void erase(std::map<std::string, Entry, std::less<>>::iterator found) {
    total -= found->second.bytes;
    if (found->second.memory) memory_total -= found->second.memory->size();
    order.erase(found->second.use);
    entries.erase(found);
  }
  void remember(Entry& entry, std::shared_ptr<const Ulaw> audio) {
    if (entry.memory) memory_total -= entry.memory->size();
    memory_total += audio->size();
    entry.memory = std::move(audio);
    for (auto key = order.rbegin(); key != order.rend() && memory_total > options.max_memory_bytes && on_disk();
         ++key) {
      Entry& oldest = entries.find(*key)->second;
      if (oldest.memory) memory_total -= std::exchange(oldest.memory, nullptr)->size();
    }
  }
  std::vector<std::string> evict() {
    std::vector<std::string> gone;
    const std::uint64_t most = on_disk() ? options.max_bytes : options.max_memory_bytes;
    while (total > most && !order.empty()) {
      gone.push_back(order.back());
      erase(entries.find(order.back()));
      ++stats.evicted;
    }
    return gone;
  }

  Result<void> scan();

  const TtsCacheOptions options;
  mutable std::mutex mutex;
  std::map<std::string, Entry, std::less<>> entries;
  std::list<std::string> order;  // the latest used first
  std::uint64_t total = 0;
  std::uint64_t memory_total = 0;
  std::atomic<std::uint64_t> unfinished{0};  // makes names of unfinished files differ
  TtsCacheStats stats;
};

Result<void> TtsCache::State::scan() {
  std::error_code error;
  fs::create_directories(options.folder, error);
  if (error) return fail(Errc::kRejected, options.folder + ": cannot be made: " + error.message());
  if (::access(options.folder.c_str(), W_OK) != 0) {
    return fail(Errc::kRejected, options.folder + ": cannot be written: " + std::strerror(errno));
  }
  struct Found {
    fs::file_time_type used;
    std::string key;
    std::uint64_t bytes;
  };
  std::vector<Found> found;
  const auto now = fs::file_time_type::clock::now();
  for (auto it = fs::directory_iterator(options.folder, error); !error && it != fs::directory_iterator();
       it.increment(error)) {
    std::error_code ignored;
    const std::string name = it->path().filename().string();
    const auto used = it->last_write_time(ignored);
    if (name.find(kUnfinished) != std::string::npos && is_key(name.substr(0, kKeyLength)) && now - used > kAbandoned) {
      fs::remove(it->path(), ignored);
    } else if (name.ends_with(kSuffix) && is_key(without_suffix(name))) {
      found.push_back({used, std::string(without_suffix(name)), it->file_size(ignored)});
    }
  }
  std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) { return a.used < b.used; });
  for (const Found& file : found) add(file.key, file.bytes, file.used);
  for (const std::string& key : evict()) fs::remove(path(key), error);
  return {};
}

TtsCache::TtsCache(std::unique_ptr<State> state) : state_(std::move(state)) {}
TtsCache::~TtsCache() = default;

Result<std::unique_ptr<TtsCache>> TtsCache::open(TtsCacheOptions options) {
  auto state = std::make_unique<State>(std::move(options));
  if (state->on_disk()) {
    if (const auto scanned = state->scan(); !scanned) return fail(scanned.error());
  }
  return std::unique_ptr<TtsCache>(new TtsCache(std::move(state)));
}

bool TtsCache::contains(std::string_view key) const {
  const std::lock_guard lock(state_->mutex);
  return state_->entries.contains(key);
}

Result<std::vector<std::int16_t>> TtsCache::get(std::string_view key) {
  State& s = *state_;
  std::shared_ptr<const Ulaw> audio;
  bool touch = false;
  {
    const std::lock_guard lock(s.mutex);
    const auto found = s.entries.find(key);
    if (found == s.entries.end()) {
      ++s.stats.misses;
      return fail(Errc::kNotFound, "not in the phrase cache");
    }
    s.order.splice(s.order.begin(), s.order, found->second.use);
    audio = found->second.memory;
    const auto now = fs::file_time_type::clock::now();
    touch = s.on_disk() && now - found->second.touched > kTouchEvery;
    if (touch) found->second.touched = now;
  }
  if (!audio) {
    std::ifstream file(s.path(key), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    auto decoded = decode_cache_file(key, bytes);
    const std::lock_guard lock(s.mutex);
    const auto found = s.entries.find(key);
    if (!decoded) {
      std::error_code ignored;
      fs::remove(s.path(key), ignored);
      if (found != s.entries.end()) s.erase(found);
      ++s.stats.damaged;
      ++s.stats.misses;
      return fail(Errc::kNotFound, "a damaged entry of the phrase cache was removed");
    }
    audio = std::make_shared<const Ulaw>(std::move(*decoded));
    if (found != s.entries.end()) s.remember(found->second, audio);
  }
  if (touch) {
    std::error_code ignored;
    fs::last_write_time(s.path(key), fs::file_time_type::clock::now(), ignored);
  }
  {
    const std::lock_guard lock(s.mutex);
    ++s.stats.hits;
  }
  std::vector<std::int16_t> pcm(audio->size());
  audio::decode_ulaw(*audio, pcm);
  return pcm;
}

Result<void> TtsCache::put(std::string_view key, std::span<const std::int16_t> pcm_8k) {
  State& s = *state_;
  if (!is_key(key)) return fail(Errc::kMalformed, "a key of the phrase cache is 64 hex digits");
  auto ulaw = std::make_shared<Ulaw>(pcm_8k.size());
  audio::encode_ulaw(pcm_8k, *ulaw);
  const std::string file = encode_cache_file(key, *ulaw);
  if (file.size() > (s.on_disk() ? s.options.max_bytes : s.options.max_memory_bytes) / 4) {
    return fail(Errc::kUnsupported, "too long for the phrase cache");
  }
  if (s.on_disk()) {
    const std::string unfinished =
        s.path(key) + std::string(kUnfinished) + std::to_string(::getpid()) + "-" + std::to_string(++s.unfinished);
    if (const auto written = write_file(unfinished, file); !written) return written;
    std::error_code error;
    fs::rename(unfinished, s.path(key), error);
    if (error) {
      std::error_code ignored;
      fs::remove(unfinished, ignored);
      return fail(Errc::kRejected, s.path(key) + ": " + error.message());
    }
  }
  std::vector<std::string> gone;
  {
    const std::lock_guard lock(s.mutex);
    const std::string name(key);
    if (const auto old = s.entries.find(name); old != s.entries.end()) s.erase(old);
    s.add(name, file.size(), fs::file_time_type::clock::now());
    s.remember(s.entries.find(name)->second, std::move(ulaw));
    gone = s.evict();
  }
  std::error_code ignored;
  if (s.on_disk()) {
    for (const std::string& old : gone) fs::remove(s.path(old), ignored);
  }
  return {};
}

std::string TtsCache::path_of(std::string_view key) const {
  key = without_suffix(key);
  const std::lock_guard lock(state_->mutex);
  if (!is_key(key) || !state_->on_disk() || !state_->entries.contains(key)) return {};
  return state_->path(key);
}

TtsCacheStats TtsCache::stats() const {
  const std::lock_guard lock(state_->mutex);
  TtsCacheStats stats = state_->stats;
  stats.entries = state_->entries.size();
  stats.bytes = state_->total;
  return stats;
}

}  // namespace al::providers
