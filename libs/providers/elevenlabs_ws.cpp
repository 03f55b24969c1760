#include "providers/elevenlabs_ws.h"

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include "net/websocket_client.h"
#include "providers/audio_stream.h"
#include "providers/elevenlabs_wire.h"
#include "providers/sink_outbox.h"
#include "providers/text_split.h"

namespace al::providers {
namespace {

constexpr std::size_t kShortestSamples = 200;  // 25 ms: less is no speech
constexpr AudioFormat kFormat{.encoding = AudioEncoding::kUlaw, .rate_hz = 8000};

// One speech: what its socket says becomes calls of the sink. Thread-safe.
class Speech {
 public:
  Speech(dialog::TtsRequest request, std::shared_ptr<dialog::TtsSink> sink)
      : request_(std::move(request)), outbox_(std::move(sink)), decoder_(kFormat) {}

  void close() { outbox_.close(); }

  // False when the speech is over. The sink hears of it with deliver(), after the socket has been set free.
  bool take(const ElevenLabsMessage& message, Timestamp now) {
    const std::lock_guard lock(mutex_);
    if (ended_) return false;
    std::vector<std::int16_t> pcm;
    if (!message.audio.empty()) {
      last_audio_ = now;
      if (auto fed = decoder_.feed(message.audio, pcm); !fed) {
        end_failed({.code = fed.error().code, .detail = "elevenlabs: " + fed.error().detail});
      }
    }
    if (!ended_ && !pcm.empty()) {
      outbox_.add([id = request_.speech, pcm = std::move(pcm)](dialog::TtsSink& out) { out.on_audio(id, pcm); });
    }
    if (!ended_ && !message.error.empty()) {
      end_failed(
          {.code = message.rejected ? Errc::kRejected : Errc::kClosed, .detail = "elevenlabs: " + message.error});
    }
    if (!ended_ && (message.turn_done || message.final)) end_well();
    return !ended_;
  }
  void deliver() { outbox_.drain(); }

  void fail(Error error) {
    {
      const std::lock_guard lock(mutex_);
      if (ended_) return;
      end_failed(std::move(error));
    }
    outbox_.drain();
  }

  // Since when it waits for audio: the start, or the last piece.
  [[nodiscard]] std::optional<Timestamp> last_audio() const {
    const std::lock_guard lock(mutex_);
    return last_audio_;
  }
  [[nodiscard]] bool ended() const {
    const std::lock_guard lock(mutex_);
    return ended_;
  }
  [[nodiscard]] const dialog::TtsRequest& request() const { return request_; }

 private:
  void end_well() {
    if (decoder_.samples() < kShortestSamples) {
      end_failed({.code = Errc::kMalformed, .detail = "elevenlabs: the answer holds no audio"});
      return;
    }
    ended_ = true;
    outbox_.add([id = request_.speech](dialog::TtsSink& out) { out.on_done(id); });
  }
  void end_failed(Error error) {
    ended_ = true;
    outbox_.add([id = request_.speech, error = std::move(error)](dialog::TtsSink& out) { out.on_failed(id, error); });
  }

  const dialog::TtsRequest request_;
  SinkOutbox<dialog::TtsSink> outbox_;
  mutable std::mutex mutex_;  // guards the rest
  AudioStreamDecoder decoder_;
  std::optional<Timestamp> last_audio_;
  bool ended_ = false;
};

// One socket, for one voice: spare, or busy with one speech.
class DialogueSocket final : public std::enable_shared_from_this<DialogueSocket> {
 public:
  DialogueSocket(const ElevenLabsWsOptions& options, std::string voice, ProviderContext context)
      : options_(options), voice_(std::move(voice)), context_(context), idle_since_(context.scheduler.now()) {}
  ~DialogueSocket() = default;

  void open() {
    const std::lock_guard lock(mutex_);
    socket_ = net::WebSocketClient::connect(context_.loop,
                                            {.url = elevenlabs_dialogue_url(options_),
                                             .headers = {{"xi-api-key", options_.api_key}},
                                             .subprotocols = {},
                                             .extra_ca_file = {}},
                                            std::make_shared<Events>(weak_from_this()));
    socket_->send_text(elevenlabs_opening(voice_, options_.stability));
  }

  void speak(std::shared_ptr<Speech> speech) {
    const std::lock_guard lock(mutex_);
    speech_ = std::move(speech);
    if (!socket_) {  // lost since it was chosen; not from inside start()
      context_.scheduler.at(context_.scheduler.now(), [lost = std::move(speech_)] {
        lost->fail({.code = Errc::kClosed, .detail = "elevenlabs: the connection was lost"});
      });
      return;
    }
    for (const std::string& part : split_text(speech_->request().text, kTextLimit, TextUnit::kCharacters)) {
      socket_->send_text(elevenlabs_input(part, voice_));
      ++inputs_open_;
    }
  }

  [[nodiscard]] bool usable() const {
    const std::lock_guard lock(mutex_);
    return socket_ != nullptr && speech_ == nullptr;
  }
  [[nodiscard]] bool lost() const {
    const std::lock_guard lock(mutex_);
    return socket_ == nullptr;
  }
  [[nodiscard]] Timestamp idle_since() const {
    const std::lock_guard lock(mutex_);
    return idle_since_;
  }
  [[nodiscard]] const std::string& voice() const { return voice_; }

  void keep_alive() {
    const std::lock_guard lock(mutex_);
    if (socket_) socket_->send_text(kElevenLabsKeepAlive);
  }

  // The protocol cannot stop a speech: the socket goes.
  void drop() {
    std::unique_ptr<net::WebSocketClient> doomed;
    const std::lock_guard lock(mutex_);
    doomed = std::move(socket_);
    speech_.reset();
  }

 private:
  class Events final : public net::WsClientSink {
   public:
    explicit Events(std::weak_ptr<DialogueSocket> socket) : socket_(std::move(socket)) {}
    void on_open(const net::WsOpened&) override {}
    void on_text(std::string_view text) override {
      if (const auto socket = socket_.lock()) socket->on_text(text);
    }
    void on_binary(std::span<const std::uint8_t> data) override {
      on_text({reinterpret_cast<const char*>(data.data()), data.size()});
    }
    void on_closed(const net::CloseInfo& info) override {
      if (const auto socket = socket_.lock()) {
        socket->on_lost(
            {.code = Errc::kClosed,
             .detail = "elevenlabs: closed with " + std::to_string(info.code) + " " + printable_excerpt(info.reason)});
      }
    }
    void on_failed(const Error& error, int status) override {
      const auto socket = socket_.lock();
      if (!socket) return;
      socket->on_lost(status == 0 ? Error{.code = error.code, .detail = "elevenlabs: " + error.detail}
                                  : http_refusal("elevenlabs", status, error.detail));
    }

   private:
    const std::weak_ptr<DialogueSocket> socket_;
  };

  void on_text(std::string_view text) {
    auto message = read_elevenlabs(text);
    if (!message) {
      on_lost({.code = Errc::kMalformed, .detail = "elevenlabs: " + message.error().detail});
      return;
    }
    std::shared_ptr<Speech> speech;
    {
      const std::lock_guard lock(mutex_);
      speech = speech_;
      if (message->turn_done && inputs_open_ > 1) {  // more parts of this text are to come
        --inputs_open_;
        message->turn_done = false;
      }
    }
    if (!speech) return;
    std::unique_ptr<net::WebSocketClient> doomed;
    if (!speech->take(*message, context_.scheduler.now())) {
      const std::lock_guard lock(mutex_);
      speech_.reset();
      inputs_open_ = 0;
      idle_since_ = context_.scheduler.now();
      if (message->final || !message->error.empty()) doomed = std::move(socket_);
    }
    speech->deliver();
  }

  void on_lost(Error error) {
    std::shared_ptr<Speech> speech;
    std::unique_ptr<net::WebSocketClient> doomed;
    {
      const std::lock_guard lock(mutex_);
      doomed = std::move(socket_);
      speech = std::move(speech_);
    }
    if (speech) speech->fail(std::move(error));
  }

  static constexpr std::size_t kTextLimit = 3000;

  const ElevenLabsWsOptions options_;
  const std::string voice_;
  const ProviderContext context_;
  mutable std::mutex mutex_;  // guards the rest
  std::unique_ptr<net::WebSocketClient> socket_;
  std::shared_ptr<Speech> speech_;
  int inputs_open_ = 0;
  Timestamp idle_since_;
};

// The sockets that wait for work. Thread-safe.
class Pool final : public std::enable_shared_from_this<Pool> {
 public:
  Pool(ElevenLabsWsOptions options, ProviderContext context) : options_(std::move(options)), context_(context) {}

  std::shared_ptr<DialogueSocket> take(const std::string& voice) {
    {
      const std::lock_guard lock(mutex_);
      for (auto it = spare_.begin(); it != spare_.end(); ++it) {
        if ((*it)->voice() != voice || !(*it)->usable()) continue;
        auto socket = std::move(*it);
        spare_.erase(it);
        return socket;
      }
    }
    return open(voice);
  }

  void give_back(std::shared_ptr<DialogueSocket> socket) {
    const std::lock_guard lock(mutex_);
    if (socket->usable() && spare_.size() < static_cast<std::size_t>(std::max(1, options_.spare_sockets))) {
      spare_.push_back(std::move(socket));
      watch();
    }
  }

  void fill() {
    const std::lock_guard lock(mutex_);
    std::erase_if(spare_, [](const auto& socket) { return socket->lost(); });
    while (!options_.voice_id.empty() && spare_.size() < static_cast<std::size_t>(options_.spare_sockets)) {
      spare_.push_back(open(options_.voice_id));
    }
    watch();
  }

  [[nodiscard]] const ElevenLabsWsOptions& options() const { return options_; }
  [[nodiscard]] ProviderContext context() const { return context_; }

 private:
  std::shared_ptr<DialogueSocket> open(const std::string& voice) {
    auto socket = std::make_shared<DialogueSocket>(options_, voice, context_);
    socket->open();
    return socket;
  }

  // With mutex_ held: keeps spares alive for a while, then lets them go.
  void watch() {
    if (std::exchange(watching_, true)) return;
    context_.scheduler.at(context_.scheduler.now() + options_.keep_alive, [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self) return;
      const Timestamp now = self->context_.scheduler.now();
      const std::lock_guard lock(self->mutex_);
      self->watching_ = false;
      std::erase_if(self->spare_, [&](const auto& socket) {
        return socket->lost() || now - socket->idle_since() > self->options_.spare_for;
      });
      for (const auto& socket : self->spare_) socket->keep_alive();
      if (!self->spare_.empty()) self->watch();
    });
  }

  const ElevenLabsWsOptions options_;
  const ProviderContext context_;
  std::mutex mutex_;  // guards the rest
  std::vector<std::shared_ptr<DialogueSocket>> spare_;
  bool watching_ = false;
};

class Session final : public dialog::TtsSession {
 public:
  Session(std::shared_ptr<Pool> pool, std::shared_ptr<DialogueSocket> socket, std::shared_ptr<Speech> speech)
      : pool_(std::move(pool)), socket_(std::move(socket)), speech_(std::move(speech)) {}
  ~Session() override {
    speech_->close();
    if (speech_->ended()) {
      if (socket_) pool_->give_back(std::move(socket_));
    } else if (socket_) {
      socket_->drop();
      pool_->fill();
    }
  }

 private:
  const std::shared_ptr<Pool> pool_;
  std::shared_ptr<DialogueSocket> socket_;
  const std::shared_ptr<Speech> speech_;
};

// Fails a speech whose audio does not come, or stops coming.
void watch_speech(const std::shared_ptr<Pool>& pool, std::weak_ptr<Speech> weak, Timestamp started) {
  Scheduler& scheduler = pool->context().scheduler;
  const ElevenLabsWsOptions& options = pool->options();
  const auto speech = weak.lock();
  if (!speech || speech->ended()) return;
  const auto last = speech->last_audio();
  const Timestamp due = last ? *last + options.stall_timeout : started + options.first_audio_timeout;
  if (scheduler.now() >= due) {
    speech->fail(
        {.code = Errc::kTimeout, .detail = last ? "elevenlabs: the audio stopped" : "elevenlabs: no audio in time"});
    return;
  }
  // Not the pool itself: its sockets belong to a loop that may be gone before the scheduler is.
  scheduler.at(due, [weak_pool = std::weak_ptr(pool), weak = std::move(weak), started] {
    if (const auto alive = weak_pool.lock()) watch_speech(alive, weak, started);
  });
}

class ElevenLabsWs final : public dialog::TextToSpeech {
 public:
  ElevenLabsWs(ElevenLabsWsOptions options, ProviderContext context)
      : pool_(std::make_shared<Pool>(std::move(options), context)) {}

  std::unique_ptr<dialog::TtsSession> start(dialog::TtsRequest request,
                                            std::shared_ptr<dialog::TtsSink> sink) override {
    const std::string voice = request.voice.name.empty() ? pool_->options().voice_id : request.voice.name;
    auto speech = std::make_shared<Speech>(std::move(request), std::move(sink));
    Scheduler& scheduler = pool_->context().scheduler;
    const bool blank = split_text(speech->request().text, 64, TextUnit::kCharacters).empty();
    if (voice.empty() || blank) {
      scheduler.at(scheduler.now(), [speech, blank] {
        speech->fail({.code = blank ? Errc::kMalformed : Errc::kUnsupported,
                      .detail = blank ? "elevenlabs: no text to speak" : "elevenlabs: no voice is set"});
      });
      return std::make_unique<Session>(pool_, nullptr, std::move(speech));
    }
    auto socket = pool_->take(voice);
    socket->speak(speech);
    watch_speech(pool_, speech, scheduler.now());
    return std::make_unique<Session>(pool_, std::move(socket), std::move(speech));
  }

  void warm_up() override { pool_->fill(); }
  [[nodiscard]] std::string name() const override { return "elevenlabs"; }

 private:
  std::shared_ptr<Pool> pool_;
};

}  // namespace

Result<std::unique_ptr<dialog::TextToSpeech>> make_elevenlabs_ws(ElevenLabsWsOptions options, ProviderContext context) {
  if (options.api_key.empty()) return fail(Errc::kMalformed, "elevenlabs: no API key is set");
  if (options.model.empty()) return fail(Errc::kMalformed, "elevenlabs: no model is set");
  const auto url = net::parse_url(options.base_url);
  if (!url || (url->scheme != "wss" && url->scheme != "ws")) {
    return fail(Errc::kMalformed, "elevenlabs base URL: '" + options.base_url + "' is not a ws or wss URL");
  }
  return std::make_unique<ElevenLabsWs>(std::move(options), context);
}

}  // namespace al::providers
