// One StreamingRecognize call over gRPC: audio in, responses out. It does not reconnect and keeps no audio; see
// google_stt.cpp for that. gRPC's headers stay out of this one.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "providers/google_transcript.h"

namespace al::providers {

// A gRPC status as plain values.
struct GoogleStatus {
  int code = 0;  // 0 = OK
  std::string message;
};

struct GoogleResponse {
  std::vector<GooglePortion> portions;  // views into the response: valid during the call
  Duration last_final_end{};            // result_end_time of the last final portion; 0 = none
  GoogleStatus error;                   // reported inside the response; code 0 = none
};

struct GoogleStreamConfig {
  std::string language;  // "he-IL", "iw-IL"
  std::string model;     // empty = the service's default
  std::vector<std::string> hints;
  float hint_boost = 0;
  bool interim_results = true;
  bool automatic_punctuation = true;
  std::string bearer_token;  // empty = none
  std::size_t chunk_bytes = 1600;
};

// Called from gRPC's threads, one call at a time for one stream. Must not block.
struct GoogleStreamEvents {
  std::function<void(const GoogleResponse&)> on_response;
  std::function<void(const GoogleStatus&)> on_done;  // the last call, exactly once
};

class GoogleStream {
 public:
  virtual ~GoogleStream() = default;                // of the handle: the stream ends by itself, its events still come
  virtual void feed(std::string_view pcm16le) = 0;  // sent in pieces of chunk_bytes
  virtual void half_close() = 0;                    // sends what is left; the service answers with the final, then ends
  virtual void cancel() = 0;                        // on_done comes with CANCELLED
};

// A channel and its stub. Thread-safe.
class GoogleSpeechChannel {
 public:
  struct Options {
    std::string endpoint;
    bool insecure = false;
    std::string root_certificates_pem;
    std::string server_name;
  };
  virtual ~GoogleSpeechChannel() = default;
  [[nodiscard]] static std::unique_ptr<GoogleSpeechChannel> create(const Options& options);
  virtual void warm_up() = 0;  // begins to connect if it is not connected
  [[nodiscard]] virtual std::shared_ptr<GoogleStream> start(const GoogleStreamConfig& config,
                                                            GoogleStreamEvents events) = 0;
};

}  // namespace al::providers
