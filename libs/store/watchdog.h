// No call ends in silence: watches calls whose stream does not start or brings no audio, and sends each to the
// voicemail exactly once. Decides only: no I/O, no clock. The driver does what poll_action() says and feeds back what
// happened.
//
// One object a node, used from one strand. Every node also looks for overdue calls of others (kClaimDue), so a node
// that dies leaves none behind. The right to redirect is won in the registry (compare-and-set); REST is asked only
// after it. A call whose offer never reached a shared store (it was away) belongs to this node alone and needs no
// claim.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/ids.h"
#include "core/time.h"
#include "store/registry.h"

namespace al::store {

struct WatchdogOptions {
  Duration start_limit = seconds{6};   // WATCHDOG_START_SEC
  Duration media_limit = seconds{6};   // WATCHDOG_MEDIA_SEC
  Duration poll = milliseconds{250};   // WATCHDOG_POLL_MS
  Duration lease = seconds{12};        // of a claim; no attempt begins that could outlast it
  Duration rest_timeout = seconds{5};  // of one attempt: TWILIO_REST_TIMEOUT_SEC
  int rest_attempts = 4;
  Duration rest_backoff = milliseconds{500};  // doubles
  int claim_batch = 20;
  bool can_redirect = true;  // credentials for REST are there; without them the watchdog only reports
  bool shared = true;  // Store::shared(): other nodes may have the call. False: what this node knows is all there is
};

// What Twilio answered to the redirect of a live call.
enum class RestVerdict {
  kDone,
  kAlreadyOver,  // 404/20404, 400/21220: the call has ended
  kNotTaken,     // 429, or no connection: certainly not done, may be repeated
  kUnknown,      // 5xx, or no answer: may have been done; repeating it does no harm
  kRefused,      // credentials or request wrong: repeating does not help
};
// `http_status` 0 = no answer. `twilio_code` 0 = none in the body. `sent`: the request had left when the connection
// failed.
[[nodiscard]] RestVerdict judge_rest(int http_status, int twilio_code, bool sent);

struct WatchdogAction {
  enum class Kind {
    kClaimDue,  // registry.claim_due(node, now, lease, batch), answer to due_claimed()
    kClaimOne,  // registry.claim_redirect(call, stream, …), answer to claim_answered()
    kRedirect,  // REST: send `call` to the voicemail, answer to rest_answered()
    kFinish,    // registry.finish_redirect(call, node, end, now, now + again_in)
    kReport,    // log: WATCHDOG call=… reason=…
  };
  Kind kind = Kind::kReport;
  CallSid call;
  StreamSid stream;
  RedirectEnd end = RedirectEnd::kDone;
  Duration again_in{};
  int attempt = 0;
  std::string reason;  // "no start within 6 s"
};

struct WatchdogStats {
  std::uint64_t overdue = 0;
  std::uint64_t redirected = 0;
  std::uint64_t already_over = 0;
  std::uint64_t lost_claims = 0;  // the stream or another node was first
  std::uint64_t failed = 0;
};

class Watchdog {
 public:
  explicit Watchdog(WatchdogOptions options, Timestamp now);

  // TwiML with a stream left this node. `stored`: its row is in the shared store; false: this node alone knows of it.
  void call_offered(const CallSid& call, bool stored, Timestamp now);
  // The row reached the store after all. If this node has redirected the call meanwhile, the row is told.
  void call_stored(const CallSid& call);
  // accept_stream() succeeded on this node.
  void stream_started(const CallSid& call, const StreamSid& stream, Timestamp now);
  // Audio came. Call it at most a few times a second, not per frame.
  void media_seen(const CallSid& call, Timestamp now);
  // The socket is gone but the call lives: Twilio is about to ask what to do (call_offered() follows). If it does not,
  // the call is overdue after start_limit.
  void stream_gone(const CallSid& call, Timestamp now);
  // The call has ended, or its conversation is finished: nothing more to watch here.
  void call_gone(const CallSid& call);
  // The registry does not answer: may this stream start all the same? Only a call that no other node can have, and
  // whose redirect has not begun.
  [[nodiscard]] bool may_start_alone(const CallSid& call) const;

  void due_claimed(const std::vector<RegistryRow>& rows, Timestamp now);
  void due_failed(Timestamp now);  // the registry did not answer
  // won: the claim is ours; nullopt: the registry did not answer.
  void claim_answered(const CallSid& call, std::optional<bool> won, Timestamp now);
  void rest_answered(const CallSid& call, RestVerdict verdict, Timestamp now);

  // Call at or after deadline().
  void tick(Timestamp now);
  [[nodiscard]] std::optional<WatchdogAction> poll_action();
  [[nodiscard]] Timestamp deadline() const;
  [[nodiscard]] const WatchdogStats& stats() const { return stats_; }
  [[nodiscard]] std::size_t watched() const { return calls_.size(); }

 private:
  enum class State { kWaitStart, kWaitMedia, kStreaming, kClaiming, kRedirecting, kBackoff };
  struct Watch {
    State state = State::kWaitStart;
    State before_claim = State::kWaitStart;
    bool stored = true;
    bool claimed_in_store = false;
    StreamSid stream;
    Timestamp due{};
    Timestamp alarm{};  // its entry in alarms_: at or before `due`; zero = none
    int attempts = 0;
    bool may_have_been_done = false;
    Timestamp claimed_until{};
    std::string reason;
  };
  void overdue(const CallSid& call, Watch& watch, Timestamp now);
  void redirect(const CallSid& call, Watch& watch, Timestamp now);
  void give_back(const CallSid& call, Watch& watch, Timestamp now);
  void report(const CallSid& call, std::string reason);
  void claim_one(const CallSid& call, const Watch& watch);
  void finish(const CallSid& call, RedirectEnd end, Duration again_in);
  [[nodiscard]] Timestamp poll_due() const;
  void act(WatchdogAction action) { actions_.push_back(std::move(action)); }

  // Sets when the call is looked at next. Moving it later (media came) costs no change of the order of alarms.
  void wake_at(const CallSid& call, Watch& watch, Timestamp due);
  void forget(std::map<CallSid, Watch>::iterator entry);

  WatchdogOptions options_;
  std::map<CallSid, Watch> calls_;
  std::set<std::pair<Timestamp, CallSid>> alarms_;
  std::set<CallSid> redirected_alone_;  // their rows may still turn up in the store; bounded
  std::deque<WatchdogAction> actions_;
  Timestamp next_poll_{};
  bool polling_ = false;
  WatchdogStats stats_;
};

}  // namespace al::store
