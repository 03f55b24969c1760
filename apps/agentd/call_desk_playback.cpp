// The desk's part of PLAYBACK=redirect: between two streams of one conversation a clip is played. The call is
// `expected` again, but not before the clip is over, and this does not count as a resume.
#include <utility>

#include "agentd/call_desk.h"
#include "core/log.h"

namespace al::agentd {

using store::RegistryRow;

namespace {

constexpr Duration kOfferWait = milliseconds{250};

milliseconds to_wall(Duration duration) {
  return std::chrono::duration_cast<milliseconds>(duration);
}

Result<RegistryRow> put_offer(store::Store& store, const StreamSid& stream, const std::string& checkpoint,
                              const store::StreamOffer& offer) {
  const auto kept = store.registry().save_checkpoint(offer.call, stream, checkpoint, wall_now());
  if (!kept) return fail(kept.error());
  if (!*kept) return fail(Errc::kConflict, "the stream has lost its call");
  return store.registry().offer_stream(offer, wall_now());
}

}  // namespace

void CallDesk::offer_playback(const Playback& playback, std::function<void(std::string token)> done) {
  const auto seat = seats_.find(playback.call);
  if (seat == seats_.end() || seat->second.stream != playback.stream) return done({});
  twilio::VoiceRequest request;
  request.call_sid = playback.call;
  request.account_sid = playback.account;
  const std::string token = mint(request, twilio::StreamTokenKind::kCall, playback.length);
  const WallTime now = wall_now();
  store::StreamOffer offer;
  offer.kind = store::OfferKind::kPlayback;
  offer.call = playback.call;
  offer.account = playback.account;
  offer.node = options_.node;
  offer.caller = playback.grant.caller;
  offer.called = playback.grant.called;
  offer.token_hash = store::hash_token(token);
  offer.token_expires = now + to_wall(options_.token_life + playback.length);
  offer.deadline = now + to_wall(options_.start_limit + playback.length);
  const auto put = [playback, offer](store::Store& store) {
    return put_offer(store, playback.stream, playback.checkpoint, offer);
  };
  if (!seat->second.stored) {
    (void)local_.save_checkpoint(playback.call, playback.stream, playback.checkpoint, now);
    const auto row = local_.offer_stream(offer, now);
    const bool ours = row || row.error().code == Errc::kNotFound;
    if (ours) expect_after_clip(playback, false);
    return done(ours ? token : std::string());
  }
  store_.ask<RegistryRow>(
      put, kOfferWait, [this, weak = std::weak_ptr(alive_), playback, put, token, done](Result<RegistryRow> row) {
        if (!weak.lock()) return;
        on_loop([this, playback, put, token, done, row = std::move(row)] {
          const bool away = !row && is_temporary(row.error().code);
          if (row ? row->phase != store::Phase::kExpected : !away || options_.shared_store) return done({});
          if (away) {
            // No other node can have the call: the database learns of it when it is back, before it hears of the
            // stream.
            (void)store_.write("offer_playback", [put](store::Store& store) -> Result<void> {
              const auto late = put(store);
              return late || !store::is_temporary(late.error()) ? Result<void>() : fail(late.error());
            });
          }
          expect_after_clip(playback, true);
          done(token);
        });
      });
}

void CallDesk::expect_after_clip(const Playback& playback, bool stored) {
  const auto seat = seats_.find(playback.call);
  if (seat == seats_.end()) return;  // the call ended meanwhile
  if (!seat->second.stream.empty()) --streams_;
  seat->second = Seat{};
  seat->second.stored = stored;
  StreamGrant grant = playback.grant;
  grant.checkpoint = playback.checkpoint;
  keep(playback.call, std::move(grant), playback.length + options_.token_life);
  watchdog_.call_offered(playback.call, stored, monotonic_now() + playback.length);
  pump();
}

void CallDesk::playback_failed(const Playback& playback, const std::string& token) {
  const auto seat = seats_.find(playback.call);
  if (seat == seats_.end() || !seat->second.stream.empty()) return;  // over, or the new stream is there after all
  store::StreamStart again;
  again.call = playback.call;
  again.account = playback.account;
  again.token_hash = store::hash_token(token);
  again.stream = playback.stream;
  again.node = options_.node;
  again.media_deadline = wall_now() + to_wall(options_.media_limit + kOwnersGrace);
  const bool stored = seat->second.stored;
  if (stored) {
    (void)store_.write("accept_stream", [again](store::Store& store) -> Result<void> {
      const auto accepted = store.registry().accept_stream(again, wall_now());
      return accepted || !store::is_temporary(accepted.error()) ? Result<void>() : fail(accepted.error());
    });
  } else {
    (void)local_.accept_stream(again, wall_now());
  }
  StreamGrant grant = playback.grant;
  grant.checkpoint = playback.checkpoint;
  started(playback.call, playback.stream, stored, std::move(grant));
}

}  // namespace al::agentd
