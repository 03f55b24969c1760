// Spoken phrases on disk and in memory: the greeting and the questions are the same in every call and cost neither
// money nor time twice. One file an entry, named <64 hex digits>.wav: a µ-law 8 kHz WAV file that can be served as it
// lies there. A checksum in the file finds torn and damaged entries, which count as absent and are removed. Files are
// written under another name and renamed, so a crash leaves a whole entry or none. Not an archive of conversations:
// only texts up to a length are kept (answers with personal words are rarely the same twice, and should not lie about).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "dialog/ports.h"
#include "providers/provider_events.h"
#include "providers/scheduler.h"
#include "providers/worker_pool.h"

namespace al::providers {

struct TtsCacheOptions {
  std::string folder;                                       // made when missing; empty = memory only
  std::uint64_t max_bytes = std::uint64_t{256} << 20;       // of files; the longest unused go first
  std::uint64_t max_memory_bytes = std::uint64_t{8} << 20;  // of entries kept in memory as well
};

struct TtsCacheStats {
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t damaged = 0;  // entries found torn or altered, and removed
  std::uint64_t evicted = 0;
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;  // of files
};

// Hex SHA-256 over provider, its settings, voice, language, rate and text; fields cannot run into each other.
[[nodiscard]] std::string tts_cache_key(std::string_view provider, std::string_view settings,
                                        const dialog::Voice& voice, std::string_view text);

// Thread-safe. get() and put() read and write files: not for a media strand.
class TtsCache {
 public:
  // Reads the folder's names and sizes; leftovers of unfinished writes are removed. kRejected: the folder cannot be
  // made or written.
  static Result<std::unique_ptr<TtsCache>> open(TtsCacheOptions options);
  ~TtsCache();

  [[nodiscard]] bool contains(std::string_view key) const;  // no I/O: what the index knows
  // 8 kHz PCM; kNotFound when absent or damaged.
  Result<std::vector<std::int16_t>> get(std::string_view key);
  // Keeps it in µ-law. An entry larger than a quarter of max_bytes is refused (kUnsupported).
  Result<void> put(std::string_view key, std::span<const std::int16_t> pcm_8k);
  // The file's path, for serving; empty when absent or memory only. `key` with or without ".wav"; anything that is not
  // 64 hex digits is absent.
  [[nodiscard]] std::string path_of(std::string_view key) const;
  [[nodiscard]] TtsCacheStats stats() const;

 private:
  struct State;
  explicit TtsCache(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct CachedTtsOptions {
  std::string settings;            // whatever else shapes the sound: model, effects, format version
  std::size_t longest_text = 200;  // bytes; longer texts are spoken but not kept
};

// A voice in front of which the cache stands. On a hit the audio comes from `pool`'s threads in pieces of 200 ms; on a
// miss the inner voice speaks and what it said is kept once it is complete. Failures are never kept.
// cache, pool and observer (may be null) must outlive it.
[[nodiscard]] std::unique_ptr<dialog::TextToSpeech> make_cached_tts(std::shared_ptr<dialog::TextToSpeech> inner,
                                                                    CachedTtsOptions options, TtsCache& cache,
                                                                    WorkerPool& pool, ProviderObserver* observer);

// Speaks phrases into a cached voice, one after the other, so that the first call finds them there. The destructor
// cancels the one that is being spoken.
class PhraseWarmer {
 public:
  PhraseWarmer(dialog::TextToSpeech& voice, std::vector<dialog::TtsRequest> phrases, Scheduler& scheduler);
  ~PhraseWarmer();
  PhraseWarmer(const PhraseWarmer&) = delete;
  PhraseWarmer& operator=(const PhraseWarmer&) = delete;

  struct Progress {
    std::size_t total = 0;
    std::size_t spoken = 0;
    std::size_t failed = 0;
    [[nodiscard]] bool done() const { return spoken + failed == total; }
  };
  [[nodiscard]] Progress progress() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace al::providers
