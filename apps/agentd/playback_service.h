// PLAYBACK=redirect for all calls of this node: serves each answer as a clip and tells Twilio, through REST, to play it
// and to open the stream again. What it knows of a call while its clip is played is what /webhook/stream_ended needs.
// Public functions may be called from any thread; the work is done on the desk's loop.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "agentd/answer_clips.h"
#include "agentd/call_desk.h"
#include "agentd/call_pages.h"
#include "agentd/rest_service.h"
#include "net/loop.h"

namespace al::agentd {

class PlaybackService {
 public:
  struct Answer {
    CallDesk::Playback call;
    std::vector<std::uint8_t> ulaw;
    bool ends_call = false;   // the goodbye: hang up after it
    std::uint64_t turns = 0;  // turns of the conversation so far
    int idle_prompts = 0;     // said without a word of the caller since
  };
  // `clip_base_url`: where Twilio fetches clips of this node; empty = where it reaches us anyway.
  PlaybackService(std::string clip_base_url, net::Loop& loop, CallDesk& desk, RestService& rest);
  ~PlaybackService();
  PlaybackService(const PlaybackService&) = delete;
  PlaybackService& operator=(const PlaybackService&) = delete;

  // The documents are made by pages that are built later than this.
  void use(const CallPages& pages) { pages_ = &pages; }

  // `done` gets true when Twilio took it (or the call is over anyway): the stream is about to end. False: the answer
  // must be spoken in the stream, which goes on.
  void play(Answer answer, std::function<void(bool taken)> done);
  // The stream behind the clip has started, or the call is over: there is nothing to repeat.
  void forget(const CallSid& call);
  // The document that Twilio has been given for this call and may still be following. It asks for the action of the
  // <Connect> that this document replaced, or of a stream that did not open: the answer is the same document again.
  [[nodiscard]] std::optional<std::string> document_of(const CallSid& call) const;

  [[nodiscard]] const AnswerClips& clips() const { return clips_; }
  [[nodiscard]] std::uint64_t played() const { return played_; }
  [[nodiscard]] std::uint64_t spoken_instead() const { return spoken_instead_; }

 private:
  struct Job {
    Answer answer;
    std::function<void(bool)> done;
    std::string clip_url;
    std::string token;
  };
  void begin(const std::shared_ptr<Job>& job);
  void send(const std::shared_ptr<Job>& job, std::string document);
  void answered(const std::shared_ptr<Job>& job, twilio::RestVerdict verdict);
  void give_up(const std::shared_ptr<Job>& job, std::string_view why);

  const std::string clip_base_url_;
  net::Loop& loop_;
  CallDesk& desk_;
  RestService& rest_;
  const CallPages* pages_ = nullptr;
  AnswerClips clips_;

  struct Pending {
    std::string document;
    Timestamp until;
  };
  mutable std::mutex mutex_;
  std::map<CallSid, Pending> pending_;
  std::atomic<std::uint64_t> played_{0};
  std::atomic<std::uint64_t> spoken_instead_{0};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace al::agentd
