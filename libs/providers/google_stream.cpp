#include "providers/google_stream.h"

#include <chrono>
#include <mutex>
#include <utility>

#include <grpcpp/grpcpp.h>

#include "core/utf8.h"
#include "providers/google/cloud_speech.grpc.pb.h"

namespace al::providers {
namespace {

namespace speech = google::cloud::speech::v1;

// What one request may bring in hints; the service refuses the whole stream otherwise.
constexpr int kMaxPhrases = 5000;
constexpr std::size_t kMaxPhraseChars = 100;
constexpr std::size_t kMaxPhrasesChars = 100'000;

constexpr std::size_t kMaxPending = std::size_t{2} << 20;  // 60 s of audio that the service does not take

speech::StreamingRecognizeRequest config_message(const GoogleStreamConfig& config) {
  constexpr int kRateHz = 8000;
  speech::StreamingRecognizeRequest request;
  auto* streaming = request.mutable_streaming_config();
  streaming->set_interim_results(config.interim_results);
  auto* recognition = streaming->mutable_config();
  recognition->set_encoding(speech::RecognitionConfig::LINEAR16);
  recognition->set_sample_rate_hertz(kRateHz);
  recognition->set_language_code(config.language);
  recognition->set_max_alternatives(1);
  recognition->set_audio_channel_count(1);
  recognition->set_enable_automatic_punctuation(config.automatic_punctuation);
  if (!config.model.empty()) recognition->set_model(config.model);
  if (!config.hints.empty()) {
    auto* context = recognition->add_speech_contexts();
    if (config.hint_boost > 0) context->set_boost(config.hint_boost);
    std::size_t total = 0;
    for (const std::string& hint : config.hints) {
      const std::size_t chars = count_codepoints(hint);
      if (hint.empty() || chars > kMaxPhraseChars || total + chars > kMaxPhrasesChars) continue;
      if (context->phrases_size() == kMaxPhrases) break;
      total += chars;
      context->add_phrases(hint);
    }
  }
  return request;
}

GoogleResponse to_response(const speech::StreamingRecognizeResponse& message) {
  GoogleResponse response;
  if (message.has_error()) response.error = {message.error().code(), message.error().message()};
  for (const auto& result : message.results()) {
    if (result.alternatives().empty()) continue;
    const auto& best = result.alternatives(0);
    response.portions.push_back({.transcript = best.transcript(),
                                 .is_final = result.is_final(),
                                 .stability = result.stability(),
                                 .confidence = best.confidence()});
    if (result.is_final()) {
      const auto& end = result.result_end_time();
      response.last_final_end = seconds(end.seconds()) + microseconds(end.nanos() / 1000);
    }
  }
  return response;
}

// Lives until OnDone, which gRPC calls after every started operation and the hold have ended.
class Stream final
    : public GoogleStream,
      public grpc::ClientBidiReactor<speech::StreamingRecognizeRequest, speech::StreamingRecognizeResponse>,
      public std::enable_shared_from_this<Stream> {
 public:
  Stream(const GoogleStreamConfig& config, GoogleStreamEvents events)
      : events_(std::move(events)), chunk_bytes_(config.chunk_bytes), request_(config_message(config)) {
    if (!config.bearer_token.empty()) context_.AddMetadata("authorization", "Bearer " + config.bearer_token);
  }

  void start(speech::Speech::Stub& stub) {
    self_ = shared_from_this();
    stub.async()->StreamingRecognize(&context_, this);
    AddHold();  // feed() and half_close() start operations from outside the reactions
    writing_ = true;
    StartWrite(&request_);
    StartRead(&response_);
    StartCall();
  }

  void feed(std::string_view pcm16le) override {
    const std::lock_guard lock(mutex_);
    if (closing_ || broken_ || pending_.size() + pcm16le.size() > kMaxPending) return;
    pending_.append(pcm16le);
    pump();
  }

  void half_close() override {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    pump();
  }

  void cancel() override { context_.TryCancel(); }

  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    if (!ok) {
      stop_writing();
    } else {
      pump();
    }
  }

  void OnReadDone(bool ok) override {
    if (ok) {
      events_.on_response(to_response(response_));
      response_.Clear();
      StartRead(&response_);
      return;
    }
    const std::lock_guard lock(mutex_);
    stop_writing();
  }

  void OnDone(const grpc::Status& status) override {
    const std::shared_ptr<Stream> self = std::move(self_);
    events_.on_done({static_cast<int>(status.error_code()), status.error_message()});
    events_ = {};
  }

 private:
  // With mutex_ held: starts the next write, the half-close, or nothing.
  void pump() {
    if (writing_ || broken_ || half_closed_) return;
    if (pending_.size() >= chunk_bytes_ || (closing_ && !pending_.empty())) {
      const std::size_t size = std::min(pending_.size(), kMaxMessage);
      request_.set_audio_content(pending_.data(), size);
      pending_.erase(0, size);
      writing_ = true;
      StartWrite(&request_);
    } else if (closing_) {
      half_closed_ = true;
      StartWritesDone();
      release_hold();
    }
  }
  void stop_writing() {
    broken_ = true;
    pending_.clear();
    release_hold();
  }
  void release_hold() {
    if (std::exchange(held_, false)) RemoveHold();
  }

  static constexpr std::size_t kMaxMessage = 15 * 1024;  // the newer service's limit, kept for both

  GoogleStreamEvents events_;
  const std::size_t chunk_bytes_;
  grpc::ClientContext context_;
  speech::StreamingRecognizeRequest request_;  // of the write under way
  speech::StreamingRecognizeResponse response_;
  std::mutex mutex_;  // guards the rest
  std::string pending_;
  bool writing_ = false;
  bool closing_ = false;      // half_close() was called
  bool half_closed_ = false;  // and is on its way
  bool broken_ = false;       // nothing can be written any more
  bool held_ = true;
  std::shared_ptr<Stream> self_;
};

// The threads behind gRPC's callbacks end when the last channel that uses them goes, and in 1.51 that end races with
// their own last work: the completion queue is freed twice. One channel that never connects and is never destroyed
// keeps them for the life of the process.
void keep_callback_threads() {
  struct Keeper final : grpc::ClientBidiReactor<speech::StreamingRecognizeRequest, speech::StreamingRecognizeResponse> {
    std::shared_ptr<grpc::Channel> channel =
        grpc::CreateChannel("unix:/dev/null/nobody", grpc::InsecureChannelCredentials());
    std::unique_ptr<speech::Speech::Stub> stub = speech::Speech::NewStub(channel);
    grpc::ClientContext context;
    void OnDone(const grpc::Status&) override {}
  };
  [[gnu::used]] static Keeper* const keeper = [] {
    auto* made = new Keeper;
    made->context.set_deadline(std::chrono::system_clock::time_point{});  // over before it begins
    made->stub->async()->StreamingRecognize(&made->context, made);
    made->StartCall();
    return made;
  }();
  static_cast<void>(keeper);
}

class Channel final : public GoogleSpeechChannel {
 public:
  explicit Channel(const Options& options) {
    keep_callback_threads();
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
    // A dead server must not keep the channel waiting for gRPC's usual two minutes.
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1'500);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2'000);
    // One channel a provider object: tests and endpoints do not share connections.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    if (!options.server_name.empty()) arguments.SetSslTargetNameOverride(options.server_name);
    grpc::SslCredentialsOptions tls;
    tls.pem_root_certs = options.root_certificates_pem;
    auto credentials = options.insecure ? grpc::InsecureChannelCredentials() : grpc::SslCredentials(tls);
    channel_ = grpc::CreateCustomChannel(options.endpoint, credentials, arguments);
    stub_ = speech::Speech::NewStub(channel_);
  }

  void warm_up() override { channel_->GetState(true); }

  std::shared_ptr<GoogleStream> start(const GoogleStreamConfig& config, GoogleStreamEvents events) override {
    auto stream = std::make_shared<Stream>(config, std::move(events));
    stream->start(*stub_);
    return stream;
  }

 private:
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<speech::Speech::Stub> stub_;
};

}  // namespace

std::unique_ptr<GoogleSpeechChannel> GoogleSpeechChannel::create(const Options& options) {
  return std::make_unique<Channel>(options);
}

}  // namespace al::providers
