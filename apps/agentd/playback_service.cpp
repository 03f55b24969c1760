#include "agentd/playback_service.h"

#include <utility>

#include "audio/format.h"
#include "core/log.h"

namespace al::agentd {
namespace {

// The caller waits for the answer: REST has this long to take it, repetitions included. Then it is spoken in the
// stream.
constexpr Duration kRestLimit = seconds{3};
// Twilio fetches a clip when it comes to its verb, and again when its own cache misses: after the clip's own length.
constexpr Duration kClipGrace = seconds{60};
// After its clip, a stream has this long to start before stream_ended is no longer answered with the same document.
constexpr Duration kStartGrace = seconds{6};

Duration length_of(std::size_t ulaw_bytes) {
  return microseconds{static_cast<std::int64_t>(ulaw_bytes) * 1'000'000 / audio::kSampleRateHz};
}

}  // namespace

PlaybackService::PlaybackService(std::string clip_base_url, net::Loop& loop, CallDesk& desk, RestService& rest)
    : clip_base_url_(std::move(clip_base_url)), loop_(loop), desk_(desk), rest_(rest) {}

PlaybackService::~PlaybackService() {
  alive_.reset();
}

void PlaybackService::play(Answer answer, std::function<void(bool taken)> done) {
  auto job = std::make_shared<Job>();
  job->answer = std::move(answer);
  job->done = std::move(done);
  loop_.post([this, weak = std::weak_ptr(alive_), job] {
    if (weak.lock()) begin(job);
  });
}

void PlaybackService::begin(const std::shared_ptr<Job>& job) {
  Answer& answer = job->answer;
  const std::string base = desk_.base_url();
  if (base.empty()) return give_up(job, "PUBLIC_BASE_URL is not known yet");
  const Timestamp now = monotonic_now();
  answer.call.length = length_of(answer.ulaw.size());
  const std::string name = clips_.put(answer.ulaw, now, now + answer.call.length + kClipGrace);
  if (name.empty()) return give_up(job, answer.ulaw.empty() ? "the answer has no sound" : "too many clips are kept");
  answer.ulaw.clear();
  job->clip_url = (clip_base_url_.empty() ? base : clip_base_url_) + "/static/tts/" + name;
  if (answer.ends_call) return send(job, pages_->play_then_hang_up(job->clip_url));
  desk_.offer_playback(answer.call, [this, weak = std::weak_ptr(alive_), job, base](std::string token) {
    if (!weak.lock()) return;
    if (token.empty()) return give_up(job, "the call is not ours to continue, or the database is away");
    job->token = std::move(token);
    const Answer& offered = job->answer;
    CallPages::StreamCall stream{offered.call.call, job->token, offered.call.grant.resumes};
    stream.turns = offered.turns;
    stream.idle_prompts = offered.idle_prompts;
    send(job, pages_->play_then_connect(base, job->clip_url, stream));
  });
}

void PlaybackService::send(const std::shared_ptr<Job>& job, std::string document) {
  const CallDesk::Playback& call = job->answer.call;
  {
    const std::lock_guard lock(mutex_);
    pending_[call.call] = {document, monotonic_now() + call.length + kStartGrace};
  }
  rest_.update(call.call, document, kRestLimit, [this, weak = std::weak_ptr(alive_), job](twilio::RestVerdict verdict) {
    if (weak.lock()) answered(job, verdict);
  });
}

void PlaybackService::answered(const std::shared_ptr<Job>& job, twilio::RestVerdict verdict) {
  const CallDesk::Playback& call = job->answer.call;
  if (verdict == twilio::RestVerdict::kOk) {
    ++played_;
    log::info("PLAYBACK", {{"call", call.call.str()},
                           {"ms", std::chrono::duration_cast<milliseconds>(call.length).count()},
                           {"then", job->answer.ends_call ? "hang up" : "stream"}});
    job->done(true);
    return;
  }
  if (verdict == twilio::RestVerdict::kAlreadyOver) {
    forget(call.call);
    desk_.call_over(call.call, "over before its answer was played");
    job->done(true);
    return;
  }
  if (!job->token.empty()) desk_.playback_failed(call, job->token);
  give_up(job, "Twilio did not take it");
}

void PlaybackService::give_up(const std::shared_ptr<Job>& job, std::string_view why) {
  forget(job->answer.call.call);
  ++spoken_instead_;
  log::warn("PLAYBACK_FALLBACK",
            {{"call", job->answer.call.call.str()}, {"why", why}, {"instead", "this answer is spoken in the stream"}});
  job->done(false);
}

void PlaybackService::forget(const CallSid& call) {
  const std::lock_guard lock(mutex_);
  pending_.erase(call);
}

std::optional<std::string> PlaybackService::document_of(const CallSid& call) const {
  const std::lock_guard lock(mutex_);
  const auto found = pending_.find(call);
  if (found == pending_.end() || found->second.until <= monotonic_now()) return std::nullopt;
  return found->second.document;
}

}  // namespace al::agentd
