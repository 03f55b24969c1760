// One caller turn at Google's recogniser: its audio, the streams that heard parts of it, the text of each; and what all
// sessions of the provider share. Part of google_stt.cpp.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "providers/google_stream.h"
#include "providers/google_stt.h"
#include "providers/google_transcript.h"
#include "providers/sink_outbox.h"
#include "providers/turn_audio.h"

namespace al::providers {

// What all sessions share: the channel, and what the service turned out to accept. Thread-safe.
class GoogleSttService {
 public:
  GoogleSttService(GoogleSttOptions o, Scheduler& s);

  // The language to ask for: `wanted`, or the first alternative that was not refused as well.
  [[nodiscard]] std::string language(const std::string& wanted) const;
  [[nodiscard]] std::string model() const;
  // An INVALID_ARGUMENT came for this language and model: true if there is another form to try.
  bool learn(const GoogleStatus& status, const std::string& language, const std::string& model);

  // Null after shut_down().
  std::shared_ptr<GoogleStream> start(const GoogleStreamConfig& config, GoogleStreamEvents events);
  void warm_up();

  // Callbacks of gRPC and of the scheduler stand between enter() and leave(); false = too late, do nothing.
  bool enter();
  void leave();
  // Waits for callbacks that are running, then closes the channel on this thread. gRPC joins its threads when the last
  // channel goes, so none of them may be the one that drops it.
  void shut_down();

  const GoogleSttOptions options;
  Scheduler& scheduler;

 private:
  mutable std::mutex mutex_;  // guards the rest
  std::condition_variable idle_;
  int running_ = 0;
  bool closed_ = false;
  std::unique_ptr<GoogleSpeechChannel> channel_;
  std::string model_;
  std::set<std::string> refused_;  // languages
};

// Thread-safe: used from the call's strand, gRPC's threads and the scheduler.
class GoogleTurn final : public std::enable_shared_from_this<GoogleTurn> {
 public:
  using Outbox = SinkOutbox<dialog::SttSink>;
  GoogleTurn(std::shared_ptr<GoogleSttService> service, dialog::SttOptions call, TurnId id,
             std::shared_ptr<Outbox> outbox);

  void begin();  // once, before the rest
  void feed(std::span<const std::int16_t> pcm_8k);
  void finish();
  void cancel();  // nothing more comes of it

 private:
  // A part of the turn that one stream hears.
  struct Segment {
    int number = 0;
    std::size_t begin = 0;  // position of its first sample in the turn
    std::string language;
    std::string model;
    std::shared_ptr<GoogleStream> stream;  // null until its token is there
    GoogleTranscript transcript;
    Duration final_end{};  // of its last final, from its beginning
    bool ended = false;
  };

  template <typename Use>
  static void with(const std::weak_ptr<GoogleTurn>& weak, Use&& use);

  // With mutex_ held.
  void at(Duration delay, void (*task)(GoogleTurn&));
  void open_segment(std::size_t position);
  void take_token(Segment& segment, Result<std::string> token);
  void open_stream(Segment& segment, const std::string& token);
  void rotate();
  void watch_silence();
  void replace(Segment& segment, const GoogleStatus& status);
  void settle();
  void fail(Error error);
  void end();
  [[nodiscard]] std::string text() const;

  // From other threads, without it.
  void on_late_token(int number, Result<std::string> token);
  void on_response(int number, const GoogleResponse& response);
  void on_done(int number, const GoogleStatus& status);

  const std::shared_ptr<GoogleSttService> service_;
  const dialog::SttOptions call_;
  const TurnId id_;
  const std::shared_ptr<Outbox> outbox_;
  std::mutex mutex_;  // guards the rest
  ReplayAudio audio_;
  std::deque<Segment> segments_;  // references to them stay valid
  Timestamp last_audio_{};
  Timestamp rotation_due_{};
  std::optional<Error> token_error_;
  std::size_t resume_at_ = 0;
  int reconnects_ = 0;
  int renegotiations_ = 0;
  bool waiting_to_reconnect_ = false;
  bool finishing_ = false;
  bool ended_ = false;
};

}  // namespace al::providers
