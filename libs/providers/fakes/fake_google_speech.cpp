#include "providers/fakes/fake_google_speech.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include <grpcpp/grpcpp.h>

#include "core/utf8.h"
#include "providers/fakes/test_keys.h"
#include "providers/google/cloud_speech.grpc.pb.h"
#include "providers/google_auth.h"

namespace al::providers {
namespace {

namespace speech = google::cloud::speech::v1;
using grpc::Status;
using grpc::StatusCode;

constexpr std::size_t kBytesPerSecond = 16000;  // LINEAR16 at 8 kHz

// One call's wire: reads as they come, writes one at a time, a status at any moment. A reactor, because a synchronous
// handler cannot end a call while its read waits for the peer.
class Stream final
    : public grpc::ServerBidiReactor<speech::StreamingRecognizeRequest, speech::StreamingRecognizeResponse> {
 public:
  using Converse = std::function<Status(Stream&)>;
  explicit Stream(Converse converse) : worker_([this, converse = std::move(converse)] { Finish(converse(*this)); }) {
    StartRead(&incoming_);
  }

  enum class Wait { kMessage, kHalfClosed, kTimeout };
  Wait next(Duration delay, speech::StreamingRecognizeRequest& request) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, delay, [this] { return !queue_.empty() || no_more_; })) return Wait::kTimeout;
    if (queue_.empty()) return Wait::kHalfClosed;
    request = std::move(queue_.front());
    queue_.pop_front();
    return Wait::kMessage;
  }
  // False when the caller is gone.
  bool write(const speech::StreamingRecognizeResponse& response) {
    std::unique_lock lock(mutex_);
    if (cancelled_) return false;
    writing_ = true;
    StartWrite(&response);
    changed_.wait(lock, [this] { return !writing_; });
    return write_ok_;
  }
  bool wait(Duration delay) {
    std::unique_lock lock(mutex_);
    return !changed_.wait_for(lock, delay, [this] { return cancelled_; });
  }

  void OnReadDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    if (ok) {
      queue_.push_back(std::move(incoming_));
      incoming_.Clear();
      StartRead(&incoming_);
    } else {
      no_more_ = true;
    }
    changed_.notify_all();
  }
  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    write_ok_ = ok;
    changed_.notify_all();
  }
  void OnCancel() override {
    const std::lock_guard lock(mutex_);
    cancelled_ = no_more_ = true;
    changed_.notify_all();
  }
  void OnDone() override {
    worker_.join();  // Finish() was its last act
    delete this;
  }

 private:
  std::mutex mutex_;  // guards the rest but the worker
  std::condition_variable changed_;
  std::deque<speech::StreamingRecognizeRequest> queue_;
  speech::StreamingRecognizeRequest incoming_;
  bool no_more_ = false;
  bool cancelled_ = false;
  bool writing_ = false;
  bool write_ok_ = false;
  std::thread worker_;
};

bool send_interim(Stream& stream, const std::string& stable, const std::string& unstable) {
  speech::StreamingRecognizeResponse response;
  for (const auto& [text, stability] : {std::pair{stable, 0.9F}, std::pair{unstable, 0.01F}}) {
    if (text.empty()) continue;
    auto* result = response.add_results();
    result->set_stability(stability);
    result->set_language_code("iw-il");
    result->add_alternatives()->set_transcript(text);
  }
  return stream.write(response);
}

bool send_final(Stream& stream, const std::string& text, std::size_t audio_bytes) {
  speech::StreamingRecognizeResponse response;
  auto* result = response.add_results();
  result->set_is_final(true);
  result->set_language_code("iw-il");
  auto* end = result->mutable_result_end_time();
  end->set_seconds(static_cast<std::int64_t>(audio_bytes / kBytesPerSecond));
  end->set_nanos(static_cast<std::int32_t>(audio_bytes % kBytesPerSecond * 62500));
  auto* best = result->add_alternatives();
  best->set_transcript(text);
  best->set_confidence(0.94F);
  return stream.write(response);
}

Status malordered() {
  return {StatusCode::INVALID_ARGUMENT,
          "Malordered Data Received. Expected audio_content none was set. Send exactly one config, followed by audio "
          "data."};
}

// One StreamingRecognize call.
class Call {
 public:
  Call(FakeScript& script, const FakeGoogleLimits& limits, Stream& stream)
      : script_(script), limits_(limits), stream_(stream), fault_(script.take_fault(FakeStage::kStt)) {}

  Status run() {
    switch (fault_) {
      case Fault::kUnauthorized:
        return {StatusCode::UNAUTHENTICATED, "Request had invalid authentication credentials."};
      case Fault::kRateLimited:
        return {StatusCode::RESOURCE_EXHAUSTED, "Quota exceeded for quota metric 'StreamingRecognize'"};
      case Fault::kServerError:
        return {StatusCode::UNAVAILABLE, "The service is currently unavailable."};
      case Fault::kHtmlBody:
        return {StatusCode::UNKNOWN, "Received http2 header with status: 502"};
      case Fault::kReset:
        return {StatusCode::UNAVAILABLE, "Connection reset by peer"};
      default:
        break;
    }
    return converse();
  }

 private:
  Status converse() {
    speech::StreamingRecognizeRequest request;
    if (stream_.next(limits_.audio_timeout, request) != Stream::Wait::kMessage || !request.has_streaming_config()) {
      script_.note_problem("google: the first message is not the configuration");
      return malordered();
    }
    if (Status checked = check(request.streaming_config()); !checked.ok()) return checked;
    const bool interims = request.streaming_config().interim_results();
    const Timestamp opened = monotonic_now();
    while (true) {
      const Duration age_left = opened + limits_.max_stream - monotonic_now();
      switch (stream_.next(std::min(age_left, limits_.audio_timeout), request)) {
        case Stream::Wait::kHalfClosed:
          return finish();
        case Stream::Wait::kTimeout:
          return monotonic_now() - opened >= limits_.max_stream
                     ? Status(StatusCode::OUT_OF_RANGE, "Exceeded maximum allowed stream duration of 305 seconds.")
                     : Status(StatusCode::OUT_OF_RANGE,
                              "Audio Timeout Error: Long duration elapsed without audio. Audio should be sent close to "
                              "real time.");
        case Stream::Wait::kMessage:
          break;
      }
      if (request.audio_content().empty()) {
        script_.note_problem("google: a message without audio after the first");
        return malordered();
      }
      constexpr std::size_t kMaxMessage = 25 * 1024;
      if (request.audio_content().size() > kMaxMessage) script_.note_problem("google: an audio message is too large");
      audio_bytes_ += request.audio_content().size();
      if (Status status = hear(interims); !status.ok()) return status;
    }
  }

  Status check(const speech::StreamingRecognitionConfig& config) {
    const auto& recognition = config.config();
    if (recognition.encoding() != speech::RecognitionConfig::LINEAR16 || recognition.sample_rate_hertz() != 8000) {
      script_.note_problem("google: not LINEAR16 at 8000 Hz");
    }
    std::size_t phrases = 0;
    for (const auto& context : recognition.speech_contexts()) {
      for (const std::string& phrase : context.phrases()) {
        ++phrases;
        if (phrase.empty() || count_codepoints(phrase) > 100) phrases = 5001;
      }
    }
    if (phrases > 5000) {
      script_.note_problem("google: more or longer hints than a request may bring");
      return {StatusCode::INVALID_ARGUMENT, "Invalid recognition 'config': bad speech context."};
    }
    const std::string& language = recognition.language_code();
    const bool hebrew = language == "he-IL" || language == "iw-IL";
    if (language == "he-IL" && limits_.refuse_he) {
      return {StatusCode::INVALID_ARGUMENT, "Invalid recognition 'config': bad language code 'he-IL'."};
    }
    const std::string& model = recognition.model();
    if (hebrew && !model.empty() && model != "default" && model != "command_and_search") {
      return {StatusCode::INVALID_ARGUMENT,
              "Invalid recognition 'config': The requested model is currently not supported for language : iw-IL."};
    }
    return Status::OK;
  }

  // After each audio message: interim results, and the faults that show while audio comes.
  Status hear(bool interims) {
    if (text_.empty()) text_ = script_.next_transcript();
    if (fault_ == Fault::kMidStreamError && audio_bytes_ > kBytesPerSecond / 4)
      return {StatusCode::UNAVAILABLE, "Socket closed"};
    if (fault_ == Fault::kEndless) {
      while (stream_.wait(milliseconds{5}) && send_interim(stream_, text_, "")) {
      }
      return Status::CANCELLED;
    }
    constexpr std::size_t kInterimEvery = kBytesPerSecond / 2;
    const bool quiet = fault_ == Fault::kEmpty || fault_ == Fault::kHang || fault_ == Fault::kLate;
    if (!interims || quiet) return Status::OK;
    if (const Duration word = script_.latencies().word_said; word > Duration::zero()) return hear_words(word);
    if (audio_bytes_ < reported_ + kInterimEvery) return Status::OK;
    reported_ = audio_bytes_;
    // A stable beginning and an unstable rest that starts with the blank between them.
    const std::size_t cut = std::min(text_.find(' '), text_.size());
    if (fault_ == Fault::kOddSplit) {
      speech::StreamingRecognizeResponse response;
      std::string_view rest = text_;
      while (!rest.empty()) {
        // One character at a time: a protobuf string is never cut inside one.
        std::size_t size = 1;
        while (size < rest.size() && (static_cast<unsigned char>(rest[size]) & 0xC0) == 0x80) ++size;
        auto* result = response.add_results();
        result->set_stability(0.5F);
        result->add_alternatives()->set_transcript(std::string(rest.substr(0, size)));
        rest.remove_prefix(size);
      }
      stream_.write(response);
    } else if (!send_interim(stream_, text_.substr(0, cut), text_.substr(cut))) {
      return Status::CANCELLED;
    }
    return Status::OK;
  }

  // As many words as can have been said by now.
  Status hear_words(Duration word) {
    constexpr auto kBytesPerMs = static_cast<std::int64_t>(kBytesPerSecond / 1000);
    const milliseconds heard{static_cast<std::int64_t>(audio_bytes_) / kBytesPerMs};
    auto words = static_cast<std::size_t>(heard / word);
    if (words <= words_reported_) return Status::OK;
    words_reported_ = words;
    std::size_t end = 0;
    while (words-- > 0 && end != std::string::npos) end = text_.find(' ', end + 1);
    return send_interim(stream_, text_.substr(0, end), "") ? Status::OK : Status::CANCELLED;
  }

  // After the half-close: the final, however the fault has it.
  Status finish() {
    if (text_.empty() && audio_bytes_ > 0) text_ = script_.next_transcript();
    const Duration latency = script_.latencies().stt_final;
    if (!stream_.wait(fault_ == Fault::kLate ? Duration(seconds{3}) : latency)) return Status::CANCELLED;
    speech::StreamingRecognizeResponse response;
    switch (fault_) {
      case Fault::kHang:
        stream_.wait(seconds{3600});
        return Status::CANCELLED;
      case Fault::kEmpty:
      case Fault::kTruncated:
        return Status::OK;
      case Fault::kMalformed:
        return {StatusCode::INVALID_ARGUMENT, "Request contains an invalid argument."};
      case Fault::kWrongShape:
        return {StatusCode::INTERNAL, "Received a message that could not be parsed"};
      case Fault::kHeaderInside:  // an error inside a response, before the end of the stream
        response.mutable_error()->set_code(static_cast<int>(StatusCode::UNAVAILABLE));
        response.mutable_error()->set_message("try again");
        stream_.write(response);
        return Status::OK;
      case Fault::kSlowDrip:
        for (std::size_t i = 1; i <= text_.size(); ++i) {
          const std::string part(truncate_utf8(text_, i));  // a protobuf string is never cut inside a character
          if (!stream_.wait(milliseconds{200}) || !send_interim(stream_, "", part)) return Status::CANCELLED;
        }
        break;
      default:
        break;
    }
    if (!text_.empty()) send_final(stream_, text_, audio_bytes_);
    response.mutable_total_billed_time()->set_seconds(15);
    stream_.write(response);
    return Status::OK;
  }

  FakeScript& script_;
  const FakeGoogleLimits& limits_;
  Stream& stream_;
  const Fault fault_;
  std::string text_;
  std::size_t audio_bytes_ = 0;
  std::size_t reported_ = 0;
  std::size_t words_reported_ = 0;
};

class Service final : public speech::Speech::CallbackService {
 public:
  Service(FakeScript& script, FakeKeys keys, FakeGoogleLimits limits)
      : script_(script), keys_(std::move(keys)), limits_(limits) {}

  grpc::ServerBidiReactor<speech::StreamingRecognizeRequest, speech::StreamingRecognizeResponse>* StreamingRecognize(
      grpc::CallbackServerContext* context) override {
    const bool welcome = token_is_good(*context);
    return new Stream([this, welcome](Stream& stream) -> Status {
      if (!welcome) return {StatusCode::UNAUTHENTICATED, "Request had invalid authentication credentials."};
      ++script_.open_streams;
      Status status = Call(script_, limits_, stream).run();
      --script_.open_streams;
      return status;
    });
  }

 private:
  bool token_is_good(const grpc::CallbackServerContext& context) {
    RecordedRequest record{
        .method = "gRPC", .target = "/google.cloud.speech.v1.Speech/StreamingRecognize", .headers = {}, .body = {}};
    std::string token;
    for (const auto& [name, value] : context.client_metadata()) {
      record.headers.push_back({std::string(name.data(), name.size()), std::string(value.data(), value.size())});
      if (name == "authorization") token.assign(value.data(), value.size());
    }
    script_.record(std::move(record));
    if (keys_.service_account_public_key.empty()) return true;
    if (!token.starts_with("Bearer ")) return false;
    token.erase(0, 7);
    return token.starts_with("ya29.fake-") || verify_jwt(token, keys_.service_account_public_key).has_value();
  }

  FakeScript& script_;
  const FakeKeys keys_;
  const FakeGoogleLimits limits_;
};

}  // namespace

class FakeGoogleSpeech::Impl {
 public:
  Impl(FakeScript& script, FakeKeys keys, FakeGoogleLimits limits)
      : service_(script, std::move(keys), limits), certificate_(make_test_certificate("speech.googleapis.com")) {
    grpc::SslServerCredentialsOptions tls;
    tls.pem_key_cert_pairs.push_back({certificate_.private_key_pem, certificate_.certificate_pem});
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(tls), &tls_port_);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
  }
  ~Impl() { server_->Shutdown(std::chrono::system_clock::now()); }

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] int tls_port() const { return tls_port_; }
  [[nodiscard]] const TestCertificate& certificate() const { return certificate_; }

 private:
  Service service_;
  const TestCertificate certificate_;
  int port_ = 0;
  int tls_port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

FakeGoogleSpeech::FakeGoogleSpeech(FakeScript& script, FakeKeys keys, FakeGoogleLimits limits)
    : impl_(std::make_unique<Impl>(script, std::move(keys), limits)) {}
FakeGoogleSpeech::~FakeGoogleSpeech() = default;
std::string FakeGoogleSpeech::endpoint() const {
  return "127.0.0.1:" + std::to_string(impl_->port());
}
std::string FakeGoogleSpeech::tls_endpoint() const {
  return "localhost:" + std::to_string(impl_->tls_port());
}
std::string FakeGoogleSpeech::certificate_pem() const {
  return impl_->certificate().certificate_pem;
}

}  // namespace al::providers
