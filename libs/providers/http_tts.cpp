#include "providers/http_tts.h"

#include <optional>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/secret.h"
#include "providers/audio_stream.h"
#include "providers/google_auth.h"
#include "providers/http_exchange.h"
#include "providers/model_dialect.h"
#include "providers/sink_gate.h"
#include "providers/tts_dialect.h"

namespace al::providers {
namespace {

constexpr std::size_t kMaxAudioBytes = std::size_t{16} << 20;  // 300 s of 24 kHz PCM are 14.4 MB
constexpr std::size_t kShortestSamples = 200;                  // 25 ms: less is no speech

struct TtsSetup {
  std::shared_ptr<const TtsDialect> dialect;
  std::shared_ptr<TokenSource> tokens;
  net::HttpTimeouts timeouts;
  RetryPolicy retry;
  ProviderContext context;
};

// One speech: the parts of its text, one request after the other, into one sink.
class Speech final : public HttpExchangeSink, public std::enable_shared_from_this<Speech> {
 public:
  Speech(TtsSetup setup, dialog::TtsRequest request, std::shared_ptr<dialog::TtsSink> sink)
      : setup_(std::move(setup)), request_(std::move(request)), gate_(std::move(sink)) {
    parts_ = split_text(request_.text, setup_.dialect->text_limit(), setup_.dialect->text_unit());
  }

  // Not from inside a sink call when it fails: the first one is made from the scheduler's thread.
  void begin() {
    if (parts_.empty()) {
      setup_.context.scheduler.at(setup_.context.scheduler.now(), [self = shared_from_this()] {
        self->end_failed({.code = Errc::kMalformed, .detail = self->setup_.dialect->name() + ": no text to speak"});
      });
      return;
    }
    start_part();
  }

  void cancel() {
    gate_.close();
    std::optional<HttpExchange> doomed;
    {
      const std::lock_guard lock(mutex_);
      cancelled_ = true;
      doomed.emplace(std::move(exchange_));
    }
  }

  void on_start(const net::HttpHeaders& headers) override {
    const auto type = net::find_header(headers, "content-type").value_or("");
    AudioFormat format = setup_.dialect->headerless_format();
    if (const auto rate = content_type_rate(type)) format.rate_hz = *rate;
    // The longest part of text takes about 200 s to say.
    constexpr Duration kLongest = seconds{300};
    decoder_.emplace(format, kLongest);
    text_.clear();
    is_text_ = setup_.dialect->audio_in_json() || type.starts_with("application/json") || type.starts_with("text/");
  }

  bool on_piece(std::string_view bytes) override {
    if (is_text_) {
      if (text_.size() + bytes.size() > kMaxAudioBytes) return end_wrong("the answer does not end");
      text_.append(bytes);
      return true;
    }
    return decode(bytes);
  }

  void on_end() override {
    if (is_text_ && !take_text()) return;
    std::vector<std::int16_t> pcm;
    if (auto finished = decoder_->finish(pcm); !finished) {
      end_failed(named(finished.error()));
      return;
    }
    give(std::move(pcm));
    if (decoder_->samples() < kShortestSamples) {
      end_wrong("the answer holds no audio (" + std::to_string(decoder_->samples()) + " samples)");
      return;
    }
    if (++part_ < parts_.size()) {
      // From the scheduler: the exchange that calls us is replaced by the next.
      setup_.context.scheduler.at(setup_.context.scheduler.now(), [self = shared_from_this()] { self->start_part(); });
      return;
    }
    gate_.with([&](dialog::TtsSink& out) { out.on_done(request_.speech); });
  }

  void on_failed(Error error) override { end_failed(std::move(error)); }

 private:
  void start_part() {
    auto http = setup_.dialect->request(parts_[part_], request_.voice);
    if (!http) {
      setup_.context.scheduler.at(setup_.context.scheduler.now(),
                                  [self = shared_from_this(), error = http.error()] { self->end_failed(error); });
      return;
    }
    http->timeouts = setup_.timeouts;
    http->max_body = kMaxAudioBytes;
    HttpExchange next = HttpExchange::start(
        setup_.context,
        {.provider = setup_.dialect->name(), .http = std::move(*http), .retry = setup_.retry, .tokens = setup_.tokens},
        shared_from_this());
    std::optional<HttpExchange> doomed;
    const std::lock_guard lock(mutex_);
    if (cancelled_) {
      doomed.emplace(std::move(next));
    } else {
      exchange_ = std::move(next);
    }
  }

  bool decode(std::string_view bytes) {
    std::vector<std::int16_t> pcm;
    if (auto fed = decoder_->feed(bytes, pcm); !fed) {
      end_failed(named(fed.error()));
      return false;
    }
    give(std::move(pcm));
    return true;
  }

  // A JSON body: base64 audio, or an error that came with a good status.
  bool take_text() {
    const auto document = parse_json(text_, kMaxAudioBytes);
    if (!document) {
      return end_wrong("the answer is text instead of audio: " + refusal_text(text_));
    }
    const nlohmann::json* content = json_member(*document, "audioContent");
    if (content == nullptr || !content->is_string()) {
      return end_wrong("the answer holds no audio: " + refusal_text(text_));
    }
    const auto bytes = base64_decode(content->get_ref<const std::string&>());
    if (!bytes) return end_wrong("the audio is not base64: " + bytes.error().detail);
    return decode(*bytes);
  }

  void give(std::vector<std::int16_t> pcm) {
    if (pcm.empty()) return;
    gate_.with([&](dialog::TtsSink& out) { out.on_audio(request_.speech, std::move(pcm)); });
  }

  [[nodiscard]] Error named(const Error& error) const {
    return {.code = error.code, .detail = setup_.dialect->name() + ": " + error.detail};
  }
  bool end_wrong(std::string what) {
    end_failed(named({.code = Errc::kMalformed, .detail = std::move(what)}));
    return false;
  }
  void end_failed(Error error) {
    gate_.with([&](dialog::TtsSink& out) { out.on_failed(request_.speech, std::move(error)); });
    gate_.close();
  }

  const TtsSetup setup_;
  const dialog::TtsRequest request_;
  SinkGate<dialog::TtsSink> gate_;
  std::vector<std::string> parts_;
  std::size_t part_ = 0;
  std::optional<AudioStreamDecoder> decoder_;
  std::string text_;  // of an answer that is not audio
  bool is_text_ = false;
  std::mutex mutex_;  // guards the next two
  bool cancelled_ = false;
  HttpExchange exchange_;
};

class Session final : public dialog::TtsSession {
 public:
  explicit Session(std::shared_ptr<Speech> speech) : speech_(std::move(speech)) {}
  ~Session() override { speech_->cancel(); }

 private:
  std::shared_ptr<Speech> speech_;
};

class HttpTts final : public dialog::TextToSpeech {
 public:
  explicit HttpTts(TtsSetup setup) : setup_(std::move(setup)) {}
  std::unique_ptr<dialog::TtsSession> start(dialog::TtsRequest request,
                                            std::shared_ptr<dialog::TtsSink> sink) override {
    auto speech = std::make_shared<Speech>(setup_, std::move(request), std::move(sink));
    speech->begin();
    return std::make_unique<Session>(std::move(speech));
  }
  void warm_up() override {
    if (setup_.tokens) setup_.tokens->warm_up();
    setup_.context.http.warm(setup_.dialect->origin());
  }
  [[nodiscard]] std::string name() const override { return setup_.dialect->name(); }

 private:
  TtsSetup setup_;
};

template <typename Options>
std::unique_ptr<dialog::TextToSpeech> make(std::shared_ptr<const TtsDialect> dialect, const Options& options,
                                           std::shared_ptr<TokenSource> tokens, ProviderContext context) {
  return std::make_unique<HttpTts>(TtsSetup{.dialect = std::move(dialect),
                                            .tokens = std::move(tokens),
                                            .timeouts = options.timeouts,
                                            .retry = options.retry,
                                            .context = context});
}

}  // namespace

Result<std::unique_ptr<dialog::TextToSpeech>> make_google_tts(GoogleTtsOptions options, ProviderContext context) {
  if (auto checked = check_base_url(options.base_url, "google tts base URL"); !checked) return fail(checked.error());
  if (!options.tokens && options.api_key.empty()) {
    return fail(Errc::kMalformed, "google tts: neither a service account nor an API key is set");
  }
  const std::string& encoding = options.audio_encoding;
  if (encoding != "PCM" && encoding != "LINEAR16" && encoding != "MULAW") {
    return fail(Errc::kMalformed, "google tts: audio encoding '" + encoding + "' is not PCM, LINEAR16 or MULAW");
  }
  return make(make_google_tts_dialect(options), options, options.tokens, context);
}

Result<std::unique_ptr<dialog::TextToSpeech>> make_azure_tts(AzureTtsOptions options, ProviderContext context) {
  if (options.api_key.empty()) return fail(Errc::kMalformed, "azure: no subscription key is set");
  if (options.base_url.empty() && options.region.empty()) return fail(Errc::kMalformed, "azure: no region is set");
  if (!options.base_url.empty()) {
    if (auto checked = check_base_url(options.base_url, "azure base URL"); !checked) return fail(checked.error());
  }
  return make(make_azure_tts_dialect(options), options, nullptr, context);
}

Result<std::unique_ptr<dialog::TextToSpeech>> make_elevenlabs_tts(ElevenLabsOptions options, ProviderContext context) {
  if (options.api_key.empty()) return fail(Errc::kMalformed, "elevenlabs: no API key is set");
  if (options.model.empty()) return fail(Errc::kMalformed, "elevenlabs: no model is set");
  if (auto checked = check_base_url(options.base_url, "elevenlabs base URL"); !checked) return fail(checked.error());
  return make(make_elevenlabs_tts_dialect(options), options, nullptr, context);
}

Result<std::unique_ptr<dialog::TextToSpeech>> make_openai_speech(OpenAiSpeechOptions options, ProviderContext context) {
  if (options.model.empty()) return fail(Errc::kMalformed, "openai speech: no model is set");
  if (auto checked = check_base_url(options.base_url, "openai speech base URL"); !checked) return fail(checked.error());
  return make(make_openai_speech_dialect(options), options, nullptr, context);
}

}  // namespace al::providers
