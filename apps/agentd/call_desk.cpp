#include "agentd/call_desk.h"

#include <algorithm>
#include <utility>

#include "core/log.h"
#include "core/secret.h"

namespace al::agentd {

using store::OfferKind;
using store::RegistryRow;

namespace {

// A socket waits this long for the registry; then this node decides alone.
constexpr Duration kAcceptWait = milliseconds{250};
// The node that holds a socket watches its media itself. Others look only when it must be dead: a report that came late
// must not end a call that is being held.
constexpr Duration kOwnersGrace = seconds{10};

// By then the registry knows, or the call is long over.
constexpr Duration kRememberFinished = seconds{60};

// Errors of a database that is away or busy, as opposed to its verdicts.
bool is_temporary(Errc code) {
  return code == Errc::kTimeout || code == Errc::kClosed || code == Errc::kRateLimited || code == Errc::kInternal;
}

StreamGrant grant_of(const RegistryRow& row) {
  return {row.caller, row.called, row.checkpoint, row.resumes};
}

}  // namespace

CallDesk::Options CallDesk::options_from(const Settings& settings) {
  Options options;
  options.node = settings.string("node_id");
  options.token_key = settings.string("stream_token_key");
  options.account_sid = settings.string("twilio_account_sid");
  options.max_calls = static_cast<int>(settings.integer("max_calls"));
  options.max_resumes = static_cast<int>(settings.integer("max_resumes"));
  options.store_wait = settings.duration("store_wait_ms");
  options.start_limit = settings.duration("watchdog_start_sec");
  options.media_limit = settings.duration("watchdog_media_sec");
  options.token_life = settings.duration("stream_token_sec");
  options.poll = settings.duration("watchdog_poll_ms");
  options.rest_timeout = settings.duration("twilio_rest_timeout_sec");
  options.shared_store = settings.string("database_url").starts_with("postgres");
  options.public_base_url = settings.string("public_base_url");
  while (options.public_base_url.ends_with('/')) options.public_base_url.pop_back();
  return options;
}

CallDesk::CallDesk(Options options, net::Loop& loop, store::AsyncStore& store, RestService& rest)
    : options_(std::move(options)),
      loop_(loop),
      store_(store),
      rest_(rest),
      watchdog_(watchdog_options(), monotonic_now()),
      timer_(loop,
             [this](Timestamp now) {
               watchdog_.tick(now);
               pump();
             }),
      last_base_(options_.public_base_url),
      max_calls_(options_.max_calls) {
  on_loop([this] { pump(); });
}

CallDesk::~CallDesk() {
  alive_.reset();
}

void CallDesk::on_loop(std::function<void()> work) {
  loop_.post([weak = std::weak_ptr(alive_), work = std::move(work)] {
    if (weak.lock()) work();
  });
}

// ---- offers
// -----------------------------------------------------------------------------------------------------------

bool CallDesk::reserve_slot() {
  int used = slots_used_;
  while (used < max_calls_) {
    if (slots_used_.compare_exchange_weak(used, used + 1)) return true;
  }
  return false;
}

void CallDesk::release_slot() {
  --slots_used_;
}

std::string CallDesk::mint(const twilio::VoiceRequest& request, twilio::StreamTokenKind kind) const {
  twilio::StreamTokenRequest token;
  token.account_sid = request.account_sid.str();
  token.call_sid = request.call_sid.str();
  token.kind = kind;
  token.now = wall_now();
  const std::string nonce = random_bytes(token.nonce.size());
  std::copy(nonce.begin(), nonce.end(), token.nonce.begin());
  token.life = std::chrono::duration_cast<seconds>(options_.token_life);
  return twilio::mint_stream_token(options_.token_key, token);
}

std::string CallDesk::preview_token(const CallSid& call) const {
  twilio::VoiceRequest request;
  request.call_sid = call;
  return mint(request, twilio::StreamTokenKind::kPreview);
}

void CallDesk::offer(OfferKind kind, const twilio::VoiceRequest& request, const std::string& base, Done done) {
  {
    const std::lock_guard lock(mutex_);
    if (options_.public_base_url.empty()) last_base_ = base;
  }
  if (kind == OfferKind::kResume && finished_here(request.call_sid)) {
    done({Answer::kOver, {}, 0});
    return;
  }
  if (draining_) {
    done({kind == OfferKind::kNewCall ? Answer::kFull : Answer::kHold, {}, 0});
    return;
  }
  if (!reserve_slot()) {
    log::warn("CALL_REFUSED", {{"call", request.call_sid.str()}, {"why", "this node is full"}, {"slots", slots()}});
    done({kind == OfferKind::kNewCall ? Answer::kFull : Answer::kHold, {}, 0});
    return;
  }
  const std::string token = mint(request, twilio::StreamTokenKind::kCall);
  const WallTime now = wall_now();
  store::StreamOffer offer;
  offer.kind = kind;
  offer.call = request.call_sid;
  offer.account = request.account_sid;
  offer.node = options_.node;
  offer.caller = request.from;
  offer.called = request.to;
  offer.token_hash = store::hash_token(token);
  offer.token_expires = now + std::chrono::duration_cast<milliseconds>(options_.token_life);
  offer.deadline = now + std::chrono::duration_cast<milliseconds>(options_.start_limit);
  offer.max_resumes = options_.max_resumes;
  store_.ask<RegistryRow>([offer, now](store::Store& store) { return store.registry().offer_stream(offer, now); },
                          options_.store_wait,
                          [this, weak = std::weak_ptr(alive_), offer, token, done](Result<RegistryRow> row) {
                            if (weak.lock()) answered(offer, token, std::move(row), done);
                          },
                          [this, weak = std::weak_ptr(alive_), call = offer.call](Result<RegistryRow> row) {
                            if (!weak.lock() || !row) return;
                            on_loop([this, call] { watchdog_.call_stored(call); });
                          });
}

// On the store's thread, or on the caller's where the queue is full.
void CallDesk::answered(const store::StreamOffer& offer, const std::string& token, Result<RegistryRow> row, Done done) {
  if (row && row->phase != store::Phase::kExpected) {
    release_slot();
    done({Answer::kVoicemail, {}, 0});
    return;
  }
  if (row) {
    on_loop([this, call = offer.call] { offered(call, true); });
    done({Answer::kStream, token, row->resumes});
    return;
  }
  const Error& error = row.error();
  if (is_temporary(error.code)) {
    log::warn("STORE_AWAY",
              {{"call", offer.call.str()}, {"instead", "this node watches the call alone"}, {"detail", error.detail}});
    on_loop([this, offer, token, done] { offer_alone(offer, token, done); });
    return;
  }
  if (error.code == Errc::kNotFound) {
    // A stream of a call that nobody knows: its node died before it could write it down. The caller is still there.
    store::StreamOffer fresh = offer;
    fresh.kind = OfferKind::kNewCall;
    store_.ask<RegistryRow>([fresh](store::Store& store) { return store.registry().offer_stream(fresh, wall_now()); },
                            options_.store_wait,
                            [this, weak = std::weak_ptr(alive_), fresh, token, done](Result<RegistryRow> again) {
                              if (!weak.lock()) return;
                              if (!again && again.error().code == Errc::kNotFound) again = fail(Errc::kConflict, "");
                              answered(fresh, token, std::move(again), done);
                            });
    return;
  }
  release_slot();
  log::info("CALL_NOT_OFFERED", {{"call", offer.call.str()}, {"why", error.detail}});
  done({error.code == Errc::kRejected ? Answer::kTooManyResumes : Answer::kOver, {}, 0});
}

void CallDesk::offer_alone(store::StreamOffer offer, const std::string& token, Done done) {
  auto row = local_.offer_stream(offer, wall_now());
  if (!row && row.error().code == Errc::kNotFound) {
    offer.kind = OfferKind::kNewCall;
    row = local_.offer_stream(offer, wall_now());
  }
  if (!row) {
    release_slot();
    done({row.error().code == Errc::kRejected ? Answer::kTooManyResumes : Answer::kOver, {}, 0});
    return;
  }
  if (row->phase != store::Phase::kExpected) {
    release_slot();
    done({Answer::kVoicemail, {}, 0});
    return;
  }
  offered(offer.call, false);
  done({Answer::kStream, token, row->resumes});
}

void CallDesk::offered(const CallSid& call, bool stored) {
  const auto [seat, is_new] = seats_.try_emplace(call);
  if (!is_new) release_slot();  // the webhook came twice: one call, one slot
  seat->second = Seat{};
  seat->second.stored = stored;
  watchdog_.call_offered(call, stored, monotonic_now());
  pump();
}

// ---- sockets
// ----------------------------------------------------------------------------------------------------------

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
            started(claim.call, claim.stream, true);
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
  if (has_row) {
    // The row still says "expected", and would be overdue: it learns of the stream as soon as the database answers.
    (void)store_.write("accept_stream", [start, lost](store::Store& store) -> Result<void> {
      const auto accepted = store.registry().accept_stream(start, wall_now());
      if (!accepted && store::is_temporary(accepted.error())) return fail(accepted.error());
      if (!accepted && accepted.error().code == Errc::kConflict) {
        log::warn("STREAM_LOST", {{"call", start.call.str()}, {"why", accepted.error().detail}});
        lost();
      }
      return {};
    });
  }
  started(start.call, start.stream, has_row);
  granted(row ? grant_of(*row) : StreamGrant{});
}

void CallDesk::started(const CallSid& call, const StreamSid& stream, bool stored) {
  const auto [seat, is_new] = seats_.try_emplace(call);
  if (is_new) ++slots_used_;  // offered by another node
  if (seat->second.stream.empty()) ++streams_;
  seat->second.stream = stream;
  seat->second.stored = stored;
  watchdog_.stream_started(call, stream, monotonic_now());
  pump();
}

void CallDesk::media_seen(const CallSid& call, const StreamSid& stream) {
  on_loop([this, call, stream] {
    const auto seat = seats_.find(call);
    if (seat == seats_.end() || seat->second.stream != stream) return;
    watchdog_.media_seen(call, monotonic_now());
    if (!seat->second.media_reported && seat->second.stored) {
      seat->second.media_reported = true;
      (void)store_.write("media_arrived", [call, stream](store::Store& store) -> Result<void> {
        const auto done = store.registry().media_arrived(call, stream, wall_now());
        return done ? Result<void>() : fail(done.error());
      });
    }
    pump();
  });
}

void CallDesk::checkpoint(const CallSid& call, const StreamSid& stream, std::string state) {
  (void)store_.write("checkpoint", [call, stream, state = std::move(state)](store::Store& store) -> Result<void> {
    const auto done = store.registry().save_checkpoint(call, stream, state, wall_now());
    return done ? Result<void>() : fail(done.error());
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
