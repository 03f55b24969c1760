#include "agentd/call_desk.h"

#include <algorithm>
#include <utility>

#include "core/log.h"
#include "core/secret.h"

namespace al::agentd {

using store::OfferKind;
using store::RegistryRow;

namespace {

// PLAYBACK=redirect: the call is expected only after its clip, so that its deadline is further away than that of any
// other call. What ended its stream is the clip, on whatever node; that is no break to be counted.
bool still_playing(store::Store& store, const store::StreamOffer& offer, WallTime now, Duration start_limit) {
  if (offer.kind != OfferKind::kResume) return false;
  constexpr milliseconds kSlack{500};
  const auto row = store.registry().find(offer.call);
  return row && row->phase == store::Phase::kExpected && row->deadline &&
         *row->deadline > now + std::chrono::ceil<milliseconds>(start_limit) + kSlack;
}

}  // namespace

bool CallDesk::is_temporary(Errc code) {
  return code == Errc::kTimeout || code == Errc::kClosed || code == Errc::kRateLimited || code == Errc::kInternal;
}

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
  options.rest_attempts = static_cast<int>(settings.integer("twilio_rest_attempts"));
  options.shared_store = settings.string("database_url").starts_with("postgres");
  if (!options.shared_store) {
    options.orphans_of = "";
  } else if (!options.node.empty()) {
    options.orphans_of = options.node;  // NODE_ID: the same name after a restart
  }
  options.playback = settings.string("playback") == "redirect";
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
  adopt_orphans();
  on_loop([this] { pump(); });
}

// Twilio asks who goes on with a stream that broke, and is answered. Where it has given up meanwhile, nobody asks: then
// the watchdog does.
void CallDesk::adopt_orphans() {
  if (!options_.orphans_of) return;
  const Duration grace = options_.start_limit;
  (void)store_.write("orphans", [node = *options_.orphans_of, grace](store::Store& store) -> Result<void> {
    const WallTime now = wall_now();
    const auto found = store.registry().orphan(node, now + std::chrono::duration_cast<milliseconds>(grace), now);
    if (!found) return fail(found.error());
    if (*found > 0) log::warn("ORPHANS", {{"calls", *found}, {"why", "the process that held them has died"}});
    return {};
  });
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

std::string CallDesk::mint(const twilio::VoiceRequest& request, twilio::StreamTokenKind kind, Duration later) const {
  twilio::StreamTokenRequest token;
  token.account_sid = request.account_sid.str();
  token.call_sid = request.call_sid.str();
  token.kind = kind;
  token.now = wall_now();
  const std::string nonce = random_bytes(token.nonce.size());
  std::copy(nonce.begin(), nonce.end(), token.nonce.begin());
  token.life = std::chrono::ceil<seconds>(options_.token_life + later);
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
  const auto put = [offer, now, limit = options_.start_limit, clips = options_.playback](store::Store& store) {
    return clips && still_playing(store, offer, now, limit) ? fail(Errc::kUnsupported, "its clip is being played")
                                                            : store.registry().offer_stream(offer, now);
  };
  if (store_away()) {
    on_loop([this, offer, token, done] { offer_alone(offer, token, done); });
    return;
  }
  store_.ask<RegistryRow>(
      put, options_.store_wait,
      [this, weak = std::weak_ptr(alive_), offer, token, done](Result<RegistryRow> row) {
        if (weak.lock()) answered(offer, token, std::move(row), done);
      },
      [this, weak = std::weak_ptr(alive_), call = offer.call](Result<RegistryRow> row) {
        if (!weak.lock() || !row) return;
        on_loop([this, call] { watchdog_.call_stored(call); });
      });
}

bool CallDesk::store_away() const {
  // What a registry needs takes well under a millisecond.
  constexpr Duration kTooLong = milliseconds{5};
  const store::AsyncStoreStats stats = store_.stats();
  const Duration queue = stats.usual * static_cast<std::int64_t>(stats.queued_writes + stats.queued_asks);
  return stats.degraded || stats.running > kTooLong || queue > options_.store_wait;
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
  if (error.code == Errc::kUnsupported) {  // still_playing()
    release_slot();
    done({Answer::kHold, {}, 0});
    return;
  }
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
  const store::StreamOffer asked = offer;
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
  offer_late(asked);
  done({Answer::kStream, token, row->resumes});
}

// The registry hears of it as soon as it can, before it hears of the stream.
void CallDesk::offer_late(store::StreamOffer offer) {
  const auto limit = std::chrono::duration_cast<milliseconds>(options_.start_limit);
  (void)store_.write(
      "offer",
      [this, weak = std::weak_ptr(alive_), offer = std::move(offer), limit](store::Store& store) -> Result<void> {
        store::StreamOffer late = offer;
        late.deadline = std::max(offer.deadline, wall_now() + limit);
        auto row = store.registry().offer_stream(late, wall_now());
        if (!row && row.error().code == Errc::kNotFound) {
          late.kind = OfferKind::kNewCall;
          row = store.registry().offer_stream(late, wall_now());
        }
        if (!row) return store::is_temporary(row.error()) ? fail(row.error()) : Result<void>();
        if (weak.lock() && row->phase == store::Phase::kExpected) {
          on_loop([this, call = offer.call] {
            watchdog_.call_stored(call);
            if (const auto seat = seats_.find(call); seat != seats_.end()) seat->second.stored = true;
          });
        }
        return {};
      });
}

void CallDesk::offered(const CallSid& call, bool stored) {
  const auto [seat, is_new] = seats_.try_emplace(call);
  if (!is_new) release_slot();  // the webhook came twice, or its stream has not closed here yet: one call, one slot
  if (!seat->second.stream.empty()) --streams_;
  seat->second = Seat{};
  seat->second.stored = stored;
  watchdog_.call_offered(call, stored, monotonic_now());
  pump();
}

}  // namespace al::agentd
