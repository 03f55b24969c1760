// One telephone call: does what the CallEngine says, and feeds back what happened. One switch over dialog::Output, and
// no policy. Lives on one loop; provider threads reach it by posting there with a weak reference, so nothing of a call
// that is gone can touch it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "core/time.h"
#include "dialog/call_engine.h"
#include "dialog/call_options.h"
#include "dialog/engine_io.h"
#include "dialog/ports.h"
#include "net/loop.h"

namespace al::agentd {

// Where sound and marks of the agent go. Called on the loop; must not block.
class MediaOut {
 public:
  virtual ~MediaOut() = default;
  virtual void send_media(const audio::UlawFrame& ulaw) = 0;
  virtual void send_mark(const std::string& name) = 0;
  virtual void clear() = 0;
};

// What a call asks of the rest of the daemon. Called on the loop; must not block.
class CallServices {
 public:
  virtual ~CallServices() = default;
  // Every input before the engine sees it: for recordings and samples of what was heard.
  virtual void on_input(const dialog::Input& input, Timestamp now) = 0;
  // Every output before it is done, in order: what on_input() led to.
  virtual void on_output(const dialog::Output&) {}
  virtual void on_event(const dialog::CallEvent& event) = 0;
  virtual void feed_stt_copy(const audio::PcmFrame& pcm) = 0;
  virtual void save_lead(const dialog::out::SaveLead& lead) = 0;
  // `answer` may be called from any thread, once.
  virtual void run_tool(const dialog::out::RunTool& tool, std::function<void(std::string result)> answer) = 0;
  virtual void end_call(const std::string& reason) = 0;
};

struct CallPorts {
  dialog::SpeechToText& stt;
  dialog::LanguageModel& llm;
  dialog::TextToSpeech& tts;
};

class CallDriver : public std::enable_shared_from_this<CallDriver> {
 public:
  // `out` and `services` must outlive close(); `now` is the moment of Twilio's start message.
  static std::shared_ptr<CallDriver> start(net::Loop& loop, const dialog::CallOptions& options, CallPorts ports,
                                           MediaOut& out, CallServices& services, Timestamp now, std::uint64_t seed);

  void handle(const dialog::Input& input, Timestamp now);
  // Ends all provider work and stops the timer. Nothing of `out` or `services` is called afterwards.
  void close();

  [[nodiscard]] const dialog::CallEngine& engine() const { return engine_; }

 private:
  CallDriver(net::Loop& loop, const dialog::CallOptions& options, CallPorts ports, MediaOut& out,
             CallServices& services, Timestamp now, std::uint64_t seed);
  void open_providers(const dialog::CallOptions& options);
  void drain();
  void arm();

  void act(dialog::out::StartStt& output);
  void act(dialog::out::FeedStt& output);
  void act(dialog::out::FinishStt& output);
  void act(dialog::out::CancelStt& output);
  void act(dialog::out::AskModel& output);
  void act(dialog::out::Synthesize& output);
  void act(dialog::out::CancelTurn& output);
  void act(dialog::out::RunTool& output);
  void act(dialog::out::SendMedia& output) { out_.send_media(output.ulaw); }
  void act(dialog::out::SendMark& output) { out_.send_mark(output.name); }
  void act(dialog::out::ClearPlayback&) { out_.clear(); }
  void act(dialog::out::EndCall& output) { services_.end_call(output.reason); }
  void act(dialog::out::SaveLead& output) { services_.save_lead(output); }
  void act(dialog::out::Event& output) { services_.on_event(output.event); }

  struct Synthesis {
    TurnId turn;
    std::unique_ptr<dialog::TtsSession> session;
  };

  net::Loop& loop_;
  CallPorts ports_;
  MediaOut& out_;
  CallServices& services_;
  dialog::CallEngine engine_;
  net::Timer timer_;
  std::shared_ptr<dialog::SttSink> stt_sink_;
  std::shared_ptr<dialog::ModelSink> model_sink_;
  std::shared_ptr<dialog::TtsSink> tts_sink_;
  std::unique_ptr<dialog::SttSession> stt_;
  std::map<TurnId, std::unique_ptr<dialog::ModelSession>> models_;
  std::map<SpeechId, Synthesis> syntheses_;
  bool closed_ = false;
};

}  // namespace al::agentd
