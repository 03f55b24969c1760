#include "store/watchdog.h"

#include <algorithm>

#include <fmt/format.h>

namespace al::store {
namespace {

constexpr int kTwilioNotFound = 20404;
constexpr int kTwilioNotInProgress = 21220;

std::string seconds_text(Duration limit) {
  return fmt::format("{:g} s", static_cast<double>(limit.count()) / 1e6);
}

}  // namespace

RestVerdict judge_rest(int http_status, int twilio_code, bool sent) {
  if (http_status == 0) return sent ? RestVerdict::kUnknown : RestVerdict::kNotTaken;
  if (http_status >= 200 && http_status < 300) return RestVerdict::kDone;
  if (http_status == 404 || twilio_code == kTwilioNotFound) return RestVerdict::kAlreadyOver;
  if (http_status == 400 && twilio_code == kTwilioNotInProgress) return RestVerdict::kAlreadyOver;
  if (http_status == 429) return RestVerdict::kNotTaken;
  if (http_status >= 500) return RestVerdict::kUnknown;
  return RestVerdict::kRefused;
}

Watchdog::Watchdog(WatchdogOptions options, Timestamp now) : options_(options), next_poll_(now + options.poll) {}

void Watchdog::call_offered(const CallSid& call, bool stored, Timestamp now) {
  Watch& watch = calls_[call];
  const Timestamp alarm = watch.alarm;
  watch = Watch{};
  watch.alarm = alarm;
  watch.stored = stored;
  wake_at(call, watch, now + options_.start_limit);
}

void Watchdog::call_stored(const CallSid& call) {
  if (redirected_alone_.erase(call) > 0) {
    // The row is overdue there, and would be redirected a second time.
    Watch done;
    claim_one(call, done);
    finish(call, RedirectEnd::kDone, Duration{0});
    return;
  }
  const auto found = calls_.find(call);
  if (found == calls_.end()) return;
  Watch& watch = found->second;
  watch.stored = true;
  const bool redirecting = watch.state == State::kRedirecting || watch.state == State::kBackoff;
  if (redirecting && !watch.claimed_in_store) claim_one(call, watch);
}

void Watchdog::stream_started(const CallSid& call, const StreamSid& stream, Timestamp now) {
  Watch& watch = calls_[call];
  watch.state = State::kWaitMedia;
  watch.stream = stream;
  wake_at(call, watch, now + options_.media_limit);
}

void Watchdog::media_seen(const CallSid& call, Timestamp now) {
  const auto found = calls_.find(call);
  if (found == calls_.end()) return;
  Watch& watch = found->second;
  if (watch.state != State::kWaitMedia && watch.state != State::kStreaming) return;
  watch.state = State::kStreaming;
  wake_at(call, watch, now + options_.media_limit);
}

void Watchdog::stream_gone(const CallSid& call, Timestamp now) {
  const auto found = calls_.find(call);
  if (found == calls_.end()) return;
  Watch& watch = found->second;
  if (watch.state != State::kWaitMedia && watch.state != State::kStreaming) return;
  watch.state = State::kWaitStart;
  wake_at(call, watch, now + options_.start_limit);
}

void Watchdog::call_gone(const CallSid& call) {
  const auto found = calls_.find(call);
  if (found == calls_.end()) return;
  // A claim of ours is finished first; its row would otherwise stay until the lease ends.
  if (found->second.claimed_in_store) finish(call, RedirectEnd::kOver, Duration{0});
  forget(found);
}

void Watchdog::wake_at(const CallSid& call, Watch& watch, Timestamp due) {
  watch.due = due;
  const bool has_alarm = watch.alarm != Timestamp{};
  if (has_alarm && watch.alarm <= due) return;  // rings early, and is set again then
  if (has_alarm) alarms_.erase({watch.alarm, call});
  watch.alarm = due;
  alarms_.emplace(due, call);
}

void Watchdog::forget(std::map<CallSid, Watch>::iterator entry) {
  alarms_.erase({entry->second.alarm, entry->first});
  calls_.erase(entry);
}

bool Watchdog::may_start_alone(const CallSid& call) const {
  const auto found = calls_.find(call);
  if (found == calls_.end() || found->second.state != State::kWaitStart) return false;
  return !found->second.stored || !options_.shared;
}

void Watchdog::report(const CallSid& call, std::string reason) {
  WatchdogAction action;
  action.call = call;
  action.reason = std::move(reason);
  act(std::move(action));
}

void Watchdog::claim_one(const CallSid& call, const Watch& watch) {
  WatchdogAction action;
  action.kind = WatchdogAction::Kind::kClaimOne;
  action.call = call;
  action.stream = watch.stream;
  action.reason = watch.reason;
  act(std::move(action));
}

void Watchdog::overdue(const CallSid& call, Watch& watch, Timestamp now) {
  ++stats_.overdue;
  watch.reason = watch.state == State::kWaitStart ? "no start within " + seconds_text(options_.start_limit)
                                                  : "no media for " + seconds_text(options_.media_limit);
  if (!options_.can_redirect) {
    report(call, watch.reason + "; without credentials for Twilio's REST API it cannot be redirected");
    ++stats_.failed;
    forget(calls_.find(call));
    return;
  }
  watch.before_claim = watch.state;
  watch.claimed_until = now + options_.lease;
  if (!watch.stored) {
    redirect(call, watch, now);
    return;
  }
  watch.state = State::kClaiming;
  wake_at(call, watch, watch.claimed_until);
  claim_one(call, watch);
}

void Watchdog::redirect(const CallSid& call, Watch& watch, Timestamp now) {
  watch.state = State::kRedirecting;
  // The driver has its own limit; this one is for an answer that got lost.
  wake_at(call, watch, now + options_.rest_timeout * 2);
  ++watch.attempts;
  WatchdogAction action;
  action.kind = WatchdogAction::Kind::kRedirect;
  action.call = call;
  action.attempt = watch.attempts;
  action.reason = watch.reason;
  act(std::move(action));
}

void Watchdog::finish(const CallSid& call, RedirectEnd end, Duration again_in) {
  WatchdogAction action;
  action.kind = WatchdogAction::Kind::kFinish;
  action.call = call;
  action.end = end;
  action.again_in = again_in;
  act(action);
}

void Watchdog::due_claimed(const std::vector<RegistryRow>& rows, Timestamp now) {
  // The claims began when the question left, which was at the last poll.
  const Timestamp claimed_until = next_poll_ + options_.lease;
  polling_ = false;
  next_poll_ = now + options_.poll;
  for (const RegistryRow& row : rows) {
    Watch& watch = calls_[row.call];
    if (watch.state == State::kRedirecting || watch.state == State::kBackoff) continue;  // at it already
    const bool streams_here = watch.state == State::kWaitMedia || watch.state == State::kStreaming;
    const bool alive_here = watch.state == State::kStreaming;
    if ((streams_here && row.stream.empty()) || alive_here) {
      // This node let the stream start while the registry did not answer, and nobody else can have the call; or it
      // could not tell the registry for long that the stream is alive.
      finish(row.call, RedirectEnd::kFailed, Duration{0});
      continue;
    }
    watch.stored = true;
    watch.claimed_in_store = true;
    watch.stream = row.stream;
    watch.claimed_until = claimed_until;
    ++stats_.overdue;
    watch.reason = row.stream.empty() ? "no start in time" : "no media in time";
    if (options_.can_redirect) {
      redirect(row.call, watch, now);
      continue;
    }
    report(row.call, watch.reason + "; without credentials for Twilio's REST API it cannot be redirected");
    finish(row.call, RedirectEnd::kFailed, Duration{0});
    ++stats_.failed;
    forget(calls_.find(row.call));
  }
}

void Watchdog::due_failed(Timestamp now) {
  polling_ = false;
  next_poll_ = now + options_.poll;
}

void Watchdog::claim_answered(const CallSid& call, std::optional<bool> won, Timestamp now) {
  const auto found = calls_.find(call);
  if (found == calls_.end()) {
    // The call ended while we asked: give the claim back at once.
    if (won.value_or(false)) finish(call, RedirectEnd::kOver, Duration{0});
    return;
  }
  Watch& watch = found->second;
  if (watch.state == State::kRedirecting || watch.state == State::kBackoff) {
    watch.claimed_in_store = watch.claimed_in_store || won.value_or(false);  // asked by call_stored()
    return;
  }
  if (watch.state != State::kClaiming) return;
  if (!won) {
    // Without the registry's word nobody may redirect: a stream may be running on another node. Ask again.
    watch.state = watch.before_claim;
    wake_at(call, watch, now + options_.poll);
    return;
  }
  if (!*won) {
    ++stats_.lost_claims;
    forget(found);
    return;
  }
  watch.claimed_in_store = true;
  redirect(call, watch, now);
}

void Watchdog::rest_answered(const CallSid& call, RestVerdict verdict, Timestamp now) {
  const auto found = calls_.find(call);
  if (found == calls_.end() || found->second.state != State::kRedirecting) return;
  Watch& watch = found->second;
  if (verdict == RestVerdict::kUnknown) watch.may_have_been_done = true;
  if (verdict == RestVerdict::kUnknown || verdict == RestVerdict::kNotTaken) {
    const Timestamp next = now + options_.rest_backoff * (1 << std::min(watch.attempts - 1, 10));
    if (watch.attempts < options_.rest_attempts && next + options_.rest_timeout <= watch.claimed_until) {
      watch.state = State::kBackoff;
      wake_at(call, watch, next);
      return;
    }
    give_back(call, watch, now);
    return;
  }
  RedirectEnd end = RedirectEnd::kFailed;
  if (verdict == RestVerdict::kDone) {
    ++stats_.redirected;
    end = RedirectEnd::kDone;
  } else if (verdict == RestVerdict::kAlreadyOver) {
    ++stats_.already_over;
    end = RedirectEnd::kOver;
  } else {
    ++stats_.failed;
    report(call, "Twilio refuses the redirect: check the credentials for REST");
  }
  if (watch.stored) {
    finish(call, end, Duration{0});
  } else if (end == RedirectEnd::kDone) {
    constexpr std::size_t kMostRemembered = 1000;
    if (redirected_alone_.size() < kMostRemembered) redirected_alone_.insert(call);
  }
  forget(found);
}

// The attempts of this claim are used up.
void Watchdog::give_back(const CallSid& call, Watch& watch, Timestamp now) {
  report(call, fmt::format("Twilio did not take the redirect in {} attempts", watch.attempts));
  if (!watch.stored) {
    watch.state = State::kBackoff;
    watch.attempts = 0;
    wake_at(call, watch, now + options_.start_limit);
    watch.claimed_until = watch.due + options_.lease;
    return;
  }
  ++stats_.failed;
  // Certainly not done: the stream may still win. Perhaps done: the row stays as it is, the claim lapses, and whoever
  // claims it next asks Twilio again, until the answer is clear or the call has ended.
  if (!watch.may_have_been_done) finish(call, RedirectEnd::kNotSent, options_.start_limit);
  forget(calls_.find(call));
}

void Watchdog::tick(Timestamp now) {
  std::vector<CallSid> due;
  while (!alarms_.empty() && alarms_.begin()->first <= now) {
    const CallSid call = alarms_.begin()->second;
    alarms_.erase(alarms_.begin());
    Watch& watch = calls_.at(call);
    watch.alarm = Timestamp{};
    if (watch.due <= now) {
      due.push_back(call);
    } else {
      wake_at(call, watch, watch.due);
    }
  }
  for (const CallSid& call : due) {
    Watch& watch = calls_.at(call);
    switch (watch.state) {
      case State::kWaitStart:
      case State::kWaitMedia:
      case State::kStreaming:
        overdue(call, watch, now);
        break;
      case State::kClaiming:
        claim_answered(call, std::nullopt, now);
        break;
      case State::kBackoff:
        redirect(call, watch, now);
        break;
      case State::kRedirecting:
        rest_answered(call, RestVerdict::kUnknown, now);
        break;
    }
  }
  if (now >= poll_due()) {
    polling_ = true;
    next_poll_ = now;
    WatchdogAction poll;
    poll.kind = WatchdogAction::Kind::kClaimDue;
    act(std::move(poll));
  }
}

// While the registry is being asked, its answer sets the next poll; an answer that got lost must not end the polling.
Timestamp Watchdog::poll_due() const {
  return polling_ ? next_poll_ + options_.lease : next_poll_;
}

std::optional<WatchdogAction> Watchdog::poll_action() {
  if (actions_.empty()) return std::nullopt;
  WatchdogAction action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

Timestamp Watchdog::deadline() const {
  return alarms_.empty() ? poll_due() : std::min(poll_due(), alarms_.begin()->first);
}

}  // namespace al::store
