// Who has which call: the shared truth of all nodes about calls in progress. One of the three parts of store/store.h.
//
//            offer_stream            accept_stream        media_arrived
//   (none) ---------------> expected -------------> started -----------> media
//                              |  ^                    |                   |
//             claim_due,       |  | finish_redirect    | claim_redirect    |
//             claim_redirect   v  | (not sent)         v                   v
//                           redirecting <--------------+-------------------+
//                              | finish_redirect (done)
//                              v
//                          redirected            end_call: any state --> ended
//
// Every transition is a compare-and-set in one statement: of two nodes that want the same call, exactly one gets
// `true`. So exactly one of {stream, redirect} ever acts on an offered stream. A broken stream goes back to `expected`
// by offer_stream(kResume). Rows carry a stream identifier, so that a node which lost its call cannot write into it any
// more.
//
// Writes are not synced to disk one by one (after a loss of power, the calls are gone as well). Times are calendar
// times of the caller; nodes are expected to agree within a second (NTP).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/ids.h"
#include "core/time.h"

namespace al::store {

enum class Phase { kExpected, kStarted, kMedia, kRedirecting, kRedirected, kEnded };
[[nodiscard]] std::string_view to_string(Phase phase);
[[nodiscard]] std::optional<Phase> parse_phase(std::string_view text);

struct RegistryRow {
  CallSid call;
  AccountSid account;
  Phase phase = Phase::kExpected;
  std::string node;  // expected: gave the TwiML; started, media: holds the socket; redirecting: talks to Twilio
  StreamSid stream;  // started, media
  std::optional<WallTime> deadline;  // expected, started: overdue after it; redirecting: the claim lapses then
  int resumes = 0;
  bool finished = false;  // the conversation came to its end: do not resume
  std::string reason;     // why it ended
  std::string caller;
  std::string called;
  std::string checkpoint;  // the conversation so far, as Conversation::save() gives it; empty = none
  WallTime created{};
  WallTime updated{};
};

enum class OfferKind {
  kNewCall,   // an incoming call; a repeated webhook gets a new token and a new deadline
  kResume,    // the stream ended before the conversation did; counted
  kPlayback,  // PLAYBACK=redirect: the stream is opened again after each clip; not counted
};

// TwiML with a <Stream> goes out.
struct StreamOffer {
  OfferKind kind = OfferKind::kNewCall;
  CallSid call;
  AccountSid account;
  std::string node;
  std::string caller;
  std::string called;
  std::string token_hash;  // hash_token() of the one-time token; empty takes nothing
  WallTime token_expires{};
  WallTime deadline{};  // `start` must have come by then
  int max_resumes = 2;
};

// A media socket sent `start`.
struct StreamStart {
  CallSid call;
  AccountSid account;
  std::string token_hash;
  StreamSid stream;
  std::string node;
  WallTime media_deadline{};  // media must have come by then
};

enum class RedirectEnd {
  kDone,     // Twilio took it: the call is at the voicemail
  kOver,     // the call had ended already
  kNotSent,  // Twilio certainly did not take it (429, no connection): the stream may still win
  kFailed,   // given up
};

// SHA-256 as hex. Only hashes of tokens are stored.
[[nodiscard]] std::string hash_token(std::string_view token);

class Registry {
 public:
  virtual ~Registry() = default;

  // The row is `expected`, with the checkpoint of an earlier stream; or it is `redirecting` or `redirected`: then
  // nothing was changed, and the answer to Twilio is the voicemail. kConflict: the call has ended, or its conversation
  // is finished, or (for kNewCall) it has a stream. kRejected: resumed too often. kNotFound: kResume or kPlayback of an
  // unknown call.
  virtual Result<RegistryRow> offer_stream(const StreamOffer& offer, WallTime now) = 0;

  // expected -> started, uses up the token. Repeating it with the same stream and node succeeds again (for an answer
  // that got lost). kNotFound: unknown call. kRejected: the token is wrong, expired, used, or of another account.
  // kConflict: somebody else was first: another stream or the redirect.
  virtual Result<RegistryRow> accept_stream(const StreamStart& start, WallTime now) = 0;

  // started -> media. The rest of this block: false when `stream` no longer has the call.
  virtual Result<bool> media_arrived(const CallSid& call, const StreamSid& stream, WallTime now) = 0;
  virtual Result<bool> save_checkpoint(const CallSid& call, const StreamSid& stream, std::string_view checkpoint,
                                       WallTime now) = 0;
  // Media arrives: the call is overdue, for any node, unless this is said again before `until`. The node that holds the
  // socket may die.
  virtual Result<bool> keep_alive(const CallSid& call, const StreamSid& stream, WallTime until, WallTime now) = 0;
  // The socket is gone. `finished`: the conversation had come to its end, stream_ended answers without a new stream.
  virtual Result<bool> close_stream(const CallSid& call, const StreamSid& stream, bool finished,
                                    std::string_view reason, WallTime now) = 0;

  // Takes up to `limit` overdue calls of any node (expected, started, media, or redirecting with a lapsed claim) for
  // `node`, each by one node only. They are `redirecting` until now + lease.
  virtual Result<std::vector<RegistryRow>> claim_due(std::string_view node, WallTime now, Duration lease,
                                                     int limit) = 0;
  // Takes one call now, because its stream brings no media: `stream` must still have it; empty = it is still expected.
  virtual Result<bool> claim_redirect(const CallSid& call, const StreamSid& stream, std::string_view node, WallTime now,
                                      Duration lease) = 0;
  // Of a claim of `node`. kNotSent goes back to expected, overdue again at `again_at`. False: the claim was lost.
  virtual Result<bool> finish_redirect(const CallSid& call, std::string_view node, RedirectEnd end, WallTime now,
                                       WallTime again_at) = 0;

  // Any state -> ended. False: unknown, or ended before.
  virtual Result<bool> end_call(const CallSid& call, std::string_view reason, WallTime now) = 0;

  // For the start of a process: streams held by `node` (empty = by anybody) were held by one that died. Twilio may
  // still ask to resume them; they are overdue at `deadline`. Returns how many there are.
  virtual Result<std::size_t> orphan(std::string_view node, WallTime deadline, WallTime now) = 0;

  // kNotFound.
  virtual Result<RegistryRow> find(const CallSid& call) = 0;
  // Calls that have not ended, oldest first, at most `limit`. Empty node = all.
  virtual Result<std::vector<RegistryRow>> live(std::string_view node, int limit) = 0;
  // Forgets ended calls last touched before `ended_before`, and calls that nobody touched since `lost_before` (their
  // last status callback never came). Returns how many.
  virtual Result<std::size_t> purge(WallTime ended_before, WallTime lost_before) = 0;

  // True once per key until it expires: for webhooks that are repeated.
  virtual Result<bool> first_time(std::string_view key, WallTime now, Duration keep) = 0;
};

}  // namespace al::store
