// What this node knows of each call, and how it agrees with the others: offers streams, admits sockets, watches for
// calls that stay silent and sends those to the voicemail. The rules are in store/registry.h and store/watchdog.h; this
// is the I/O around them. Public functions may be called from any thread; everything happens on the desk's loop.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "agentd/rest_service.h"
#include "core/ids.h"
#include "core/settings.h"
#include "net/loop.h"
#include "store/async_store.h"
#include "store/local_registry.h"
#include "store/watchdog.h"
#include "twilio/media_message.h"
#include "twilio/stream_order.h"
#include "twilio/stream_token.h"
#include "twilio/webhook_params.h"

namespace al::agentd {

// What an accepted stream may go on with.
struct StreamGrant {
  std::string caller;
  std::string called;
  std::string checkpoint;  // of an earlier stream of this call; empty = a new conversation
  int resumes = 0;
  std::optional<WallTime> created;  // when the call came in, as far as it is known
};

class CallDesk {
 public:
  struct Options {
    std::string node;
    std::string token_key;
    std::string account_sid;  // empty = any
    int max_calls = 100;
    int max_resumes = 2;
    Duration store_wait = milliseconds{50};  // a webhook never waits longer for the database
    Duration start_limit = seconds{6};
    Duration media_limit = seconds{6};
    Duration token_life = seconds{60};
    Duration poll = milliseconds{250};
    Duration rest_timeout = seconds{5};
    int rest_attempts = 4;
    bool shared_store = false;  // other nodes look at the same registry
    bool playback = false;      // PLAYBACK=redirect
    // A process that starts finds streams of one that died: of this node; empty = of all (nobody shares the store).
    std::optional<std::string> orphans_of;
    // Where Twilio reaches us, for redirects that no request asked for; empty = learnt from the last signed webhook.
    std::string public_base_url;
  };
  static Options options_from(const Settings& settings);

  CallDesk(Options options, net::Loop& loop, store::AsyncStore& store, RestService& rest);
  ~CallDesk();

  // ---- webhooks
  // ------------------------------------------------------------------------------------------------------
  enum class Answer {
    kStream,
    kFull,            // apology, then voicemail
    kHold,            // this node is leaving: ask again in a moment, another one (or the next start) goes on
    kVoicemail,       // the watchdog has taken the call
    kOver,            // nothing more to do
    kTooManyResumes,  // a spoken goodbye
  };
  struct Offer {
    Answer answer = Answer::kOver;
    std::string token;
    int resumes = 0;
  };
  // Answers within store_wait, whatever the database does. `base` is remembered for redirects.
  void offer(store::OfferKind kind, const twilio::VoiceRequest& request, const std::string& base,
             std::function<void(Offer)> done);
  [[nodiscard]] std::string preview_token(const CallSid& call) const;
  // A terminal status: the call is over everywhere.
  void call_over(const CallSid& call, const std::string& reason);

  // ---- media sockets
  // ------------------------------------------------------------------------------------------------- Token, account,
  // single use on this node. At once.
  [[nodiscard]] std::optional<twilio::StreamFault> check_start(const twilio::msg::Start& start);
  // Claims the call in the registry. `granted` is called once, soon; kConflict or kRejected: this socket must close.
  // `lost` may be called later: the answer of a slow database was no.
  void stream_started(const twilio::msg::Start& start, std::function<void(Result<StreamGrant>)> granted,
                      std::function<void()> lost);
  void media_seen(const CallSid& call, const StreamSid& stream);
  void checkpoint(const CallSid& call, const StreamSid& stream, std::string state);
  // `lost` is told of streams that are open here although another one has their call, or the redirect: this process was
  // away for long and must not speak, or hang up, any more. On the desk's loop. Before the first call.
  void watch_lost_streams(std::function<void(const CallSid& call, const StreamSid& stream)> lost) {
    lost_ = std::move(lost);
  }
  void stream_closed(const CallSid& call, const StreamSid& stream, bool finished, const std::string& reason);

  // ---- PLAYBACK=redirect (call_desk_playback.cpp); on the desk's loop
  struct Playback {
    CallSid call;
    AccountSid account;
    StreamSid stream;  // that is about to end
    StreamGrant grant;
    Duration length{0};      // of the clip
    std::string checkpoint;  // what the next stream goes on with
  };
  // The stream gives way to a clip and then to a new stream, whose token `done` gets, soon; empty: the call is not this
  // stream's any more, or the registry of all nodes does not answer. Until the clip is over nobody expects a stream.
  void offer_playback(const Playback& playback, std::function<void(std::string token)> done);
  // Twilio did not take it: the old stream has its call again.
  void playback_failed(const Playback& playback, const std::string& token);
  // Where Twilio reaches us; empty = not known yet. Any thread.
  [[nodiscard]] std::string base_url();

  // ---- the node
  // ------------------------------------------------------------------------------------------------------
  void set_max_calls(int calls) { max_calls_ = calls; }
  void set_draining(bool draining) { draining_ = draining; }
  [[nodiscard]] bool draining() const { return draining_; }
  [[nodiscard]] int slots_used() const { return slots_used_; }  // offered or streaming
  [[nodiscard]] int slots() const { return max_calls_; }
  [[nodiscard]] int streams() const { return streams_; }
  [[nodiscard]] bool full() const { return slots_used_ >= max_calls_; }

 private:
  struct Seat {  // a call of this node, from its offer to the end of its stream
    bool stored = false;
    bool media_reported = false;
    Timestamp alive_until{};  // the registry was told
    StreamGrant grant;        // with the checkpoint of now
    StreamSid stream;         // empty = offered, not started
  };
  using Done = std::function<void(Offer)>;
  // Errors of a database that is away or busy, as opposed to its verdicts.
  [[nodiscard]] static bool is_temporary(Errc code);
  [[nodiscard]] bool reserve_slot();
  void release_slot();
  void answered(const store::StreamOffer& offer, const std::string& token, Result<store::RegistryRow> row, Done done);
  void offer_alone(store::StreamOffer offer, const std::string& token, Done done);
  void adopt_orphans();
  void offer_late(store::StreamOffer offer);
  void offered(const CallSid& call, bool stored);
  void accept_alone(const store::StreamStart& start, std::function<void(Result<StreamGrant>)> granted,
                    std::function<void()> lost);
  void started(const CallSid& call, const StreamSid& stream, bool stored, StreamGrant grant);
  void keep(const CallSid& call, StreamGrant grant, Duration until);
  // The database is locked or away: whoever waits for it now waits in vain.
  [[nodiscard]] bool store_away() const;
  void expect_after_clip(const Playback& playback, bool stored);
  void stream_lost(const CallSid& call, const StreamSid& stream, std::string_view how);
  void report_media(const CallSid& call, const StreamSid& stream, Seat& seat);
  void gone(const CallSid& call);
  void free_seat(const CallSid& call);
  void pump();
  void act(const store::WatchdogAction& action);
  void claim_due();
  void claim_one(const store::WatchdogAction& action);
  void redirect(const store::WatchdogAction& action);
  void finish(const store::WatchdogAction& action);
  // Runs `work` on the desk's loop unless the desk is gone by then.
  void on_loop(std::function<void()> work);
  [[nodiscard]] std::string mint(const twilio::VoiceRequest& request, twilio::StreamTokenKind kind,
                                 Duration later = Duration{0}) const;
  void remember_finished(const CallSid& call);
  [[nodiscard]] bool finished_here(const CallSid& call);

  [[nodiscard]] store::WatchdogOptions watchdog_options() const;

  // The node that holds a socket watches its media itself. Others look only when it must be dead: a report that came
  // late must not end a call that is being held.
  static constexpr Duration kOwnersGrace = seconds{10};

  const Options options_;
  net::Loop& loop_;
  store::AsyncStore& store_;
  RestService& rest_;

  // On the loop only.
  store::Watchdog watchdog_;
  store::LocalRegistry local_;  // for calls offered while the database was away
  std::map<CallSid, Seat> seats_;
  std::function<void(const CallSid&, const StreamSid&)> lost_;
  // What the next stream may go on with should the registry not answer: of calls whose stream has just ended here.
  struct Kept {
    StreamGrant grant;
    Timestamp until;
  };
  std::map<CallSid, Kept> kept_;
  net::Timer timer_;

  // Any thread.
  std::mutex mutex_;
  twilio::NonceLedger used_tokens_;
  std::map<CallSid, Timestamp> finished_;  // conversations that ended here a moment ago; the registry may not know yet
  std::string last_base_;
  std::atomic<int> max_calls_;
  std::atomic<bool> draining_{false};
  std::atomic<int> slots_used_{0};
  std::atomic<int> streams_{0};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace al::agentd
