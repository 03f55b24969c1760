// The desk's part of media sockets: who may go on with a call, and what becomes of it when its stream ends.
#include <utility>

#include "agentd/call_desk.h"
#include "core/log.h"

namespace al::agentd {

using store::RegistryRow;

namespace {

// A socket waits this long for the registry; then this node decides alone.
constexpr Duration kAcceptWait = milliseconds{250};
// A node that did not say for so long that a stream is alive is taken for dead by the others. Long, because a database
// that is away for the whole time gives the same picture.
constexpr Duration kAliveFor = std::chrono::minutes{3};
constexpr Duration kTellAlive = seconds{30};
// By then the registry knows, or the call is long over.
constexpr Duration kRememberFinished = seconds{60};

StreamGrant grant_of(const RegistryRow& row) {
  return {row.caller, row.called, row.checkpoint, row.resumes, row.created};
}

}  // namespace

std::optional<twilio::StreamFault> CallDesk::check_start(const twilio::msg::Start& start) {
  using twilio::StreamFault;
  const auto given = start.parameters.find("token");
  if (given == start.parameters.end() || given->second.empty()) return StreamFault::kTokenMissing;
  const auto claims = twilio::check_stream_token(options_.token_key, given->second, start.account_sid.str(),
                                                 start.call_sid.str(), wall_now());
  if (!claims) return claims.error().code == Errc::kTimeout ? StreamFault::kTokenExpired : StreamFault::kTokenInvalid;
  if (claims->kind == twilio::StreamTokenKind::kPreview) return StreamFault::kTokenPreview;
  if (!options_.account_sid.empty() && start.account_sid.str() != options_.account_sid)
    return StreamFault::kTokenInvalid;
  const std::lock_guard lock(mutex_);
  if (!used_tokens_.use(*claims, wall_now())) return StreamFault::kTokenUsed;
  return std::nullopt;
}

void CallDesk::stream_started(const twilio::msg::Start& start, std::function<void(Result<StreamGrant>)> granted,
                              std::function<void()> lost) {
  store::StreamStart claim;
  claim.call = start.call_sid;
  claim.account = start.account_sid;
  claim.token_hash = store::hash_token(start.parameters.at("token"));
  claim.stream = start.stream_sid;
  claim.node = options_.node;
  claim.media_deadline = wall_now() + std::chrono::duration_cast<milliseconds>(options_.media_limit + kOwnersGrace);
  store_.ask<RegistryRow>(
      [claim](store::Store& store) { return store.registry().accept_stream(claim, wall_now()); }, kAcceptWait,
      [this, weak = std::weak_ptr(alive_), claim, granted, lost](Result<RegistryRow> row) {
        if (!weak.lock()) return;
        on_loop([this, claim, granted, lost, row = std::move(row)] {
          const auto seat = seats_.find(claim.call);
          const bool ours_alone = seat != seats_.end() && !seat->second.stored;
          if (row) {
            started(claim.call, claim.stream, true, grant_of(*row));
            granted(grant_of(*row));
          } else if (is_temporary(row.error().code) || ours_alone || row.error().code == Errc::kNotFound) {
            accept_alone(claim, granted, lost);
          } else {
            granted(fail(row.error()));
          }
        });
      },
      [this, weak = std::weak_ptr(alive_), claim, lost](Result<RegistryRow> row) {
        // The database answered after we had gone on without it: the redirect or another socket may have been first.
        if (!weak.lock() || row || is_temporary(row.error().code) || row.error().code == Errc::kNotFound) return;
        log::warn("STREAM_LOST", {{"call", claim.call.str()}, {"why", row.error().detail}});
        lost();
      });
}

void CallDesk::accept_alone(const store::StreamStart& start, std::function<void(Result<StreamGrant>)> granted,
                            std::function<void()> lost) {
  if (!watchdog_.may_start_alone(start.call)) {
    granted(fail(Errc::kConflict, "the call is being sent to the voicemail"));
    return;
  }
  auto row = local_.accept_stream(start, wall_now());
  // Not known here either: the token proves that some node of ours offered it.
  if (!row && row.error().code != Errc::kNotFound) {
    granted(fail(row.error()));
    return;
  }
  const auto seat = seats_.find(start.call);
  const bool has_row = seat != seats_.end() && seat->second.stored;
  // The row still says "expected", or is still to be written, and would be overdue: it learns of the stream as soon as
  // the database answers. A call that this node offered alone cannot be lost to another one.
  (void)store_.write("accept_stream", [start, lost, has_row](store::Store& store) -> Result<void> {
    const auto accepted = store.registry().accept_stream(start, wall_now());
    if (!accepted && store::is_temporary(accepted.error())) return fail(accepted.error());
    if (!accepted && has_row && accepted.error().code == Errc::kConflict) {
      log::warn("STREAM_LOST", {{"call", start.call.str()}, {"why", accepted.error().detail}});
      lost();
    }
    return {};
  });
  const auto kept = kept_.find(start.call);
  StreamGrant grant = row ? grant_of(*row) : StreamGrant{};
  if (kept != kept_.end() && grant.checkpoint.empty()) grant = kept->second.grant;
  started(start.call, start.stream, has_row, grant);
  granted(std::move(grant));
}

void CallDesk::started(const CallSid& call, const StreamSid& stream, bool stored, StreamGrant grant) {
  const auto [seat, is_new] = seats_.try_emplace(call);
  if (is_new) ++slots_used_;  // offered by another node
  if (seat->second.stream.empty()) ++streams_;
  seat->second.stream = stream;
  seat->second.stored = stored;
  seat->second.grant = std::move(grant);
  kept_.erase(call);
  watchdog_.stream_started(call, stream, monotonic_now());
  pump();
}

void CallDesk::media_seen(const CallSid& call, const StreamSid& stream) {
  on_loop([this, call, stream] {
    const auto seat = seats_.find(call);
    if (seat == seats_.end() || seat->second.stream != stream) return;
    watchdog_.media_seen(call, monotonic_now());
    if (seat->second.stored) report_media(call, stream, seat->second);
    pump();
  });
}

// Once, and again from time to time: should this process die, others see it by the silence.
void CallDesk::report_media(const CallSid& call, const StreamSid& stream, Seat& seat) {
  const Timestamp now = monotonic_now();
  if (seat.media_reported && now < seat.alive_until - kAliveFor + kTellAlive) return;
  const bool first = !std::exchange(seat.media_reported, true);
  seat.alive_until = now + kAliveFor;
  const WallTime until = wall_now() + std::chrono::duration_cast<milliseconds>(kAliveFor);
  (void)store_.write("media", [call, stream, first, until](store::Store& store) -> Result<void> {
    if (first) {
      if (const auto done = store.registry().media_arrived(call, stream, wall_now()); !done) return fail(done.error());
    }
    const auto done = store.registry().keep_alive(call, stream, until, wall_now());
    return done ? Result<void>() : fail(done.error());
  });
}

void CallDesk::stream_lost(const CallSid& call, const StreamSid& stream, std::string_view how) {
  const auto seat = seats_.find(call);
  if (stream.empty() || seat == seats_.end() || seat->second.stream != stream) return;
  log::warn("STREAM_LOST", {{"call", call.str()}, {"stream", stream.str()}, {"why", how}});
  if (lost_) lost_(call, stream);
}

void CallDesk::keep(const CallSid& call, StreamGrant grant, Duration until) {
  const Timestamp now = monotonic_now();
  std::erase_if(kept_, [&](const auto& entry) { return entry.second.until < now; });
  kept_[call] = {std::move(grant), now + until};
}

void CallDesk::checkpoint(const CallSid& call, const StreamSid& stream, std::string state) {
  on_loop([this, call, stream, state] {
    const auto seat = seats_.find(call);
    if (seat != seats_.end() && seat->second.stream == stream) seat->second.grant.checkpoint = state;
  });
  (void)store_.write("checkpoint",
                     [this, weak = std::weak_ptr(alive_), call, stream,
                      state = std::move(state)](store::Store& store) -> Result<void> {
                       const auto done = store.registry().save_checkpoint(call, stream, state, wall_now());
                       if (!done) return fail(done.error());
                       if (!*done && weak.lock()) {
                         on_loop([this, call, stream] {
                           const auto seat = seats_.find(call);
                           if (seat != seats_.end() && seat->second.stored)
                             stream_lost(call, stream, "another one has its call");
                         });
                       }
                       return {};
                     });
}

// Twilio asks what comes next the moment a stream ends, often before the registry has heard of it.
void CallDesk::remember_finished(const CallSid& call) {
  const std::lock_guard lock(mutex_);
  const Timestamp now = monotonic_now();
  std::erase_if(finished_, [&](const auto& entry) { return now - entry.second > kRememberFinished; });
  finished_[call] = now;
}

bool CallDesk::finished_here(const CallSid& call) {
  const std::lock_guard lock(mutex_);
  return finished_.contains(call);
}

void CallDesk::stream_closed(const CallSid& call, const StreamSid& stream, bool finished, const std::string& reason) {
  if (finished) remember_finished(call);
  on_loop([this, call, stream, finished, reason] {
    const auto seat = seats_.find(call);
    if (seat == seats_.end() || seat->second.stream != stream) return;
    const bool stored = seat->second.stored;
    // Unfinished: Twilio is about to ask who goes on. If it does not, the watchdog does.
    if (finished) {
      watchdog_.call_gone(call);
    } else {
      keep(call, std::move(seat->second.grant), kRememberFinished);
      watchdog_.stream_gone(call, monotonic_now());
    }
    free_seat(call);
    if (!stored) {
      (void)local_.close_stream(call, stream, finished, reason, wall_now());
      return;
    }
    (void)store_.write("close_stream", [call, stream, finished, reason](store::Store& store) -> Result<void> {
      const auto done = store.registry().close_stream(call, stream, finished, reason, wall_now());
      return done ? Result<void>() : fail(done.error());
    });
  });
}

void CallDesk::call_over(const CallSid& call, const std::string& reason) {
  on_loop([this, call, reason] {
    gone(call);
    (void)local_.end_call(call, reason, wall_now());
    (void)store_.write("end_call", [call, reason](store::Store& store) -> Result<void> {
      const auto done = store.registry().end_call(call, reason, wall_now());
      return done ? Result<void>() : fail(done.error());
    });
  });
}

void CallDesk::gone(const CallSid& call) {
  kept_.erase(call);
  watchdog_.call_gone(call);
  free_seat(call);
}

void CallDesk::free_seat(const CallSid& call) {
  const auto seat = seats_.find(call);
  if (seat != seats_.end()) {
    if (!seat->second.stream.empty()) --streams_;
    seats_.erase(seat);
    release_slot();
  }
  pump();
}

}  // namespace al::agentd
