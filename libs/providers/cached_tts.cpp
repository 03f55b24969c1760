#include <algorithm>
#include <mutex>
#include <utility>

#include "audio/format.h"
#include "providers/sink_gate.h"
#include "providers/tts_cache.h"

namespace al::providers {
namespace {

using dialog::TextToSpeech;
using dialog::TtsRequest;
using dialog::TtsSession;
using dialog::TtsSink;
using Pcm = std::vector<std::int16_t>;

constexpr std::size_t kPiece = 10 * audio::kFrameSamples;  // 200 ms

struct Shop {  // what all sessions of one cached voice share
  std::shared_ptr<TextToSpeech> inner;
  CachedTtsOptions options;
  TtsCache& cache;
  WorkerPool& pool;
  ProviderObserver* observer;

  void report(const TtsRequest& request, ProviderOutcome outcome) const {
    if (observer == nullptr) return;
    observer->on_provider_event({ProviderStage::kTts, inner->name(), outcome, {}, request.call, request.turn, {}});
  }
};

// One text on its way: from the cache, or from the inner voice and into the cache.
class Delivery : public std::enable_shared_from_this<Delivery> {
 public:
  Delivery(std::shared_ptr<const Shop> shop, TtsRequest request, std::string key, std::shared_ptr<TtsSink> sink)
      : shop_(std::move(shop)), request_(std::move(request)), key_(std::move(key)), gate_(std::move(sink)) {}

  void begin() {
    if (shop_->cache.contains(key_)) {
      const auto job = shop_->pool.submit(JobClass::kSpeech, [self = shared_from_this()] { self->from_cache(); });
      if (job) return;
    }
    from_voice();
  }
  void end() {
    gate_.close();
    std::unique_ptr<TtsSession> session;
    const std::lock_guard lock(mutex_);
    ended_ = true;
    session.swap(session_);
  }

  // ---- from the inner voice ----
  void audio(Pcm pcm) {
    said_.insert(said_.end(), pcm.begin(), pcm.end());
    gate_.with([&](TtsSink& sink) { sink.on_audio(request_.speech, std::move(pcm)); });
  }
  void done() {
    if (!said_.empty()) {
      const auto job = shop_->pool.submit(JobClass::kAhead, [shop = shop_, key = key_, pcm = std::move(said_)] {
        static_cast<void>(shop->cache.put(key, pcm));  // a full disk must not disturb the call; the next one asks again
      });
      static_cast<void>(job);  // a busy pool: not kept this time
    }
    gate_.with([&](TtsSink& sink) { sink.on_done(request_.speech); });
  }
  void failed(Error error) {
    gate_.with([&](TtsSink& sink) { sink.on_failed(request_.speech, std::move(error)); });
  }

 private:
  void from_cache() {
    auto pcm = shop_->cache.get(key_);
    if (!pcm) return from_voice();
    shop_->report(request_, ProviderOutcome::kCacheHit);
    for (std::size_t at = 0; at < pcm->size(); at += kPiece) {
      const auto end = std::min(at + kPiece, pcm->size());
      Pcm piece(pcm->begin() + static_cast<std::ptrdiff_t>(at), pcm->begin() + static_cast<std::ptrdiff_t>(end));
      if (!gate_.with([&](TtsSink& sink) { sink.on_audio(request_.speech, std::move(piece)); })) return;
    }
    gate_.with([&](TtsSink& sink) { sink.on_done(request_.speech); });
  }
  void from_voice();

  const std::shared_ptr<const Shop> shop_;
  const TtsRequest request_;
  const std::string key_;
  SinkGate<TtsSink> gate_;
  Pcm said_;          // touched by the inner voice's sink only
  std::mutex mutex_;  // guards the two below
  bool ended_ = false;
  std::unique_ptr<TtsSession> session_;
};

class InnerSink final : public TtsSink {
 public:
  explicit InnerSink(const std::shared_ptr<Delivery>& delivery) : delivery_(delivery) {}
  void on_audio(SpeechId, Pcm pcm) override {
    if (const auto delivery = delivery_.lock()) delivery->audio(std::move(pcm));
  }
  void on_done(SpeechId) override {
    if (const auto delivery = delivery_.lock()) delivery->done();
  }
  void on_failed(SpeechId, Error error) override {
    if (const auto delivery = delivery_.lock()) delivery->failed(std::move(error));
  }

 private:
  const std::weak_ptr<Delivery> delivery_;
};

void Delivery::from_voice() {
  shop_->report(request_, ProviderOutcome::kCacheMiss);
  const std::lock_guard lock(mutex_);
  if (!ended_) session_ = shop_->inner->start(request_, std::make_shared<InnerSink>(shared_from_this()));
}

class CachedSession final : public TtsSession {
 public:
  explicit CachedSession(std::shared_ptr<Delivery> delivery) : delivery_(std::move(delivery)) {}
  ~CachedSession() override { delivery_->end(); }

 private:
  const std::shared_ptr<Delivery> delivery_;
};

class CachedTts final : public TextToSpeech {
 public:
  explicit CachedTts(std::shared_ptr<const Shop> shop) : shop_(std::move(shop)) {}

  std::unique_ptr<TtsSession> start(TtsRequest request, std::shared_ptr<TtsSink> sink) override {
    if (request.text.size() > shop_->options.longest_text)
      return shop_->inner->start(std::move(request), std::move(sink));
    std::string key = tts_cache_key(shop_->inner->name(), shop_->options.settings, request.voice, request.text);
    auto delivery = std::make_shared<Delivery>(shop_, std::move(request), std::move(key), std::move(sink));
    delivery->begin();
    return std::make_unique<CachedSession>(std::move(delivery));
  }
  void warm_up() override { shop_->inner->warm_up(); }
  [[nodiscard]] std::string name() const override { return shop_->inner->name(); }

 private:
  const std::shared_ptr<const Shop> shop_;
};

}  // namespace

std::unique_ptr<TextToSpeech> make_cached_tts(std::shared_ptr<TextToSpeech> inner, CachedTtsOptions options,
                                              TtsCache& cache, WorkerPool& pool, ProviderObserver* observer) {
  return std::make_unique<CachedTts>(
      std::make_shared<const Shop>(Shop{std::move(inner), std::move(options), cache, pool, observer}));
}

}  // namespace al::providers
