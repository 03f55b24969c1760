// One call at Deepgram: its socket, its turns, and which words belong to which turn. Part of deepgram_stt.cpp.
//
// Results carry positions in the audio of the socket, so each is given to the turn whose audio it covers: a late answer
// to an earlier turn cannot end up in a later one.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "net/websocket_client.h"
#include "providers/deepgram_stt.h"
#include "providers/deepgram_wire.h"
#include "providers/sink_outbox.h"
#include "providers/turn_audio.h"

namespace al::providers {

// Thread-safe: used from the call's strand, the loop and the scheduler.
class DeepgramCall final : public std::enable_shared_from_this<DeepgramCall> {
 public:
  DeepgramCall(DeepgramOptions options, dialog::SttOptions call, ProviderContext context,
               std::shared_ptr<dialog::SttSink> sink);

  void begin();  // connects
  void start_turn(TurnId id);
  void feed(TurnId id, std::span<const std::int16_t> pcm_8k);
  void finish_turn(TurnId id);
  void cancel_turn(TurnId id);
  void close();  // nothing more comes of it

 private:
  class Socket;
  struct Turn {
    TurnId id;
    ReplayAudio audio;
    std::size_t begin = 0;  // its first sample on the socket
    std::size_t sent = 0;   // samples of it on the socket
    std::string finals;
    std::string interim;
    float confidence_sum = 0;
    int confidence_count = 0;
    bool pause_seen = false;  // the last result said that the speaker paused
    bool finishing = false;
  };

  // With mutex_ held.
  void connect();
  void send_turn(Turn& turn);  // all of its audio so far
  void send_audio(Turn& turn, std::span<const std::int16_t> pcm_8k);
  void keep_alive();
  void take(const DeepgramResult& result);
  void complete(const Turn& turn);
  void fail_turns(const Error& error);
  void lose_socket(Error error, bool try_again);
  Turn* find(TurnId id);
  void at(Duration delay, std::function<void(DeepgramCall&)> task);

  // From the loop.
  void on_open(int generation);
  void on_text(int generation, std::string_view text);
  void on_lost(int generation, Error error, bool try_again);

  const DeepgramOptions options_;
  const dialog::SttOptions call_;
  const ProviderContext context_;
  SinkOutbox<dialog::SttSink> outbox_;
  std::mutex mutex_;  // guards the rest
  std::unique_ptr<net::WebSocketClient> socket_;
  int generation_ = 0;        // of the socket; events of older ones are dropped
  std::size_t position_ = 0;  // samples sent on this socket
  Timestamp last_sent_{};
  std::deque<Turn> turns_;  // oldest first; the last one may take audio
  int reconnects_ = 0;      // since a result last came
  bool closed_ = false;
};

}  // namespace al::providers
