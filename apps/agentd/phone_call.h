// One telephone conversation with everything around it: its driver, its log lines and metrics, what the store keeps of
// it, its tools. Made when the stream of a call was granted, destroyed when the stream is over. On the socket's loop.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agentd/call_desk.h"
#include "agentd/call_recorder.h"
#include "agentd/clip_book.h"
#include "agentd/lead_service.h"
#include "agentd/media_session.h"
#include "agentd/metrics.h"
#include "agentd/playback_service.h"
#include "agentd/redirect_playback.h"
#include "agentd/tool_service.h"
#include "agentd/turn_recorder.h"
#include "dialog/call_options.h"
#include "store/async_store.h"

namespace al::agentd {

// What every call of this node shares. All outlive the calls.
struct CallContext {
  dialog::CallOptions options;  // without what belongs to one call
  CallPorts ports;
  CallDesk& desk;
  store::AsyncStore& store;
  RestService& rest;
  LeadService& leads;
  ToolService& tools;
  Metrics& metrics;
  ClipBook& clips;
  std::string debug_wav_dir;  // where samples of what recognition heard go; empty = none
  int debug_wav_every = 0;
  PlaybackService* playback = nullptr;     // PLAYBACK=redirect; null: speech goes out through the stream
  CallRecorder* recorder = nullptr;        // null: no call is recorded
  dialog::CallRecordHeader record_header;  // what the records of all calls have in common
  // The conversation is over and its last mark is back: the call is to be completed.
  std::function<void(const CallSid& call)> on_finished;
};

class PhoneCall final : public CallSession, public CallServices {
 public:
  PhoneCall(CallContext& context, const twilio::msg::Start& start, const StreamGrant& grant, std::uint64_t number);
  ~PhoneCall() override;

  std::shared_ptr<CallDriver> start(net::Loop& loop, MediaOut& out, Timestamp now) override;

  void on_input(const dialog::Input& input, Timestamp now) override;
  void on_output(const dialog::Output& output) override;
  void on_event(const dialog::CallEvent& event) override;
  void feed_stt_copy(const audio::PcmFrame& pcm) override;
  void save_lead(const dialog::out::SaveLead& lead) override;
  void run_tool(const dialog::out::RunTool& tool, std::function<void(std::string result)> answer) override;
  void end_call(const std::string& reason) override;

  // The conversation came to its end: the stream is not to be opened again.
  [[nodiscard]] bool finished() const override { return finished_; }
  [[nodiscard]] bool listening() const override { return playback_ == nullptr || playback_->listening(); }
  [[nodiscard]] bool gives_way() const override { return playback_ != nullptr && playback_->leaves(); }

 private:
  class Sample;
  void log_event(const dialog::CallEvent& event) const;
  [[nodiscard]] std::string last_agent_words() const;
  void keep_checkpoint();
  // PLAYBACK=redirect
  void open_playback(net::Loop& loop, MediaOut& line);
  void play_as_clip(net::Loop& loop, std::vector<std::uint8_t> ulaw);
  void count_idle_prompt(const dialog::CallEvent& spoken);
  void begin_record(const dialog::CallOptions& options, Timestamp now, std::uint64_t seed);

  CallContext& context_;
  const CallSid call_;
  const StreamSid stream_;
  const StreamGrant grant_;
  const std::uint64_t number_;
  TurnRecorder recorder_;
  const AccountSid account_;
  std::weak_ptr<CallDriver> driver_;
  std::shared_ptr<RedirectPlayback> playback_;  // null: speech goes out through the stream
  int idle_prompts_ = 0;                        // that nobody answered, on earlier streams of this call too
  std::unique_ptr<Sample> sample_;
  std::unique_ptr<CallTape> tape_;  // null: this call is not recorded
  bool finished_ = false;
};

}  // namespace al::agentd
