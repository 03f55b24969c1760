#include "store/local_registry.h"

#include <algorithm>
#include <tuple>

#include "core/secret.h"
#include "store/registry_rules.h"

namespace al::store {
namespace {

bool holds_stream(Phase phase) {
  return phase == Phase::kStarted || phase == Phase::kMedia;
}
WallTime after(WallTime now, Duration lease) {
  return now + std::chrono::ceil<milliseconds>(lease);
}

void sort_oldest_first(std::vector<RegistryRow>& rows) {
  std::sort(rows.begin(), rows.end(), [](const RegistryRow& a, const RegistryRow& b) {
    return std::tie(a.created, a.call) < std::tie(b.created, b.call);
  });
}

}  // namespace

Result<RegistryRow> LocalRegistry::offer_stream(const StreamOffer& offer, WallTime now) {
  auto found = calls_.find(offer.call);
  if (found == calls_.end()) {
    if (offer.kind != OfferKind::kNewCall)
      return fail(Errc::kNotFound, "call " + offer.call.str() + " is not in the registry");
    found = calls_.emplace(offer.call, Entry{}).first;
    RegistryRow& row = found->second.row;
    row.call = offer.call;
    row.account = offer.account;
    row.caller = offer.caller;
    row.called = offer.called;
    row.created = now;
  } else {
    RegistryRow& row = found->second.row;
    const bool counts = offer.kind == OfferKind::kResume;
    const bool allowed = offer.kind == OfferKind::kNewCall ? row.phase == Phase::kExpected
                                                           : !row.finished && row.phase <= Phase::kMedia &&
                                                                 (!counts || row.resumes < offer.max_resumes);
    if (goes_to_voicemail(row)) return row;
    if (!allowed) return fail(why_not_offered(row, offer));
    if (offer.kind != OfferKind::kNewCall) row.stream = StreamSid();
    if (counts) ++row.resumes;
    row.phase = Phase::kExpected;
  }
  Entry& entry = found->second;
  entry.row.node = offer.node;
  entry.row.deadline = offer.deadline;
  entry.row.updated = now;
  entry.token_hash = offer.token_hash;
  entry.token_expires = offer.token_expires;
  return entry.row;
}

Result<RegistryRow> LocalRegistry::accept_stream(const StreamStart& start, WallTime now) {
  const auto found = calls_.find(start.call);
  if (found == calls_.end()) return fail(Errc::kNotFound, "call " + start.call.str() + " is not in the registry");
  Entry& entry = found->second;
  RegistryRow& row = entry.row;
  if (is_repeated_start(row, start)) return row;
  const bool account_fits = row.account.empty() || row.account == start.account;
  const bool token_fits = !entry.token_hash.empty() && constant_time_equal(entry.token_hash, start.token_hash) &&
                          entry.token_expires >= now;
  if (row.phase != Phase::kExpected || !account_fits || !token_fits) return fail(why_not_accepted(row));
  row.phase = Phase::kStarted;
  row.stream = start.stream;
  row.node = start.node;
  row.deadline = start.media_deadline;
  row.updated = now;
  entry.token_hash.clear();
  return row;
}

LocalRegistry::Entry* LocalRegistry::streaming(const CallSid& call, const StreamSid& stream) {
  const auto found = calls_.find(call);
  if (found == calls_.end() || stream.empty()) return nullptr;
  Entry& entry = found->second;
  return holds_stream(entry.row.phase) && entry.row.stream == stream ? &entry : nullptr;
}

Result<bool> LocalRegistry::media_arrived(const CallSid& call, const StreamSid& stream, WallTime now) {
  Entry* entry = streaming(call, stream);
  if (entry == nullptr) return false;
  entry->row.phase = Phase::kMedia;
  entry->row.deadline.reset();
  entry->row.updated = now;
  return true;
}

Result<bool> LocalRegistry::save_checkpoint(const CallSid& call, const StreamSid& stream, std::string_view checkpoint,
                                            WallTime now) {
  Entry* entry = streaming(call, stream);
  if (entry == nullptr) return false;
  entry->row.checkpoint = checkpoint;
  entry->row.updated = now;
  return true;
}

Result<bool> LocalRegistry::keep_alive(const CallSid& call, const StreamSid& stream, WallTime until, WallTime now) {
  Entry* entry = streaming(call, stream);
  if (entry == nullptr) return false;
  entry->row.deadline = until;
  entry->row.updated = now;
  return true;
}

Result<std::size_t> LocalRegistry::orphan(std::string_view node, WallTime deadline, WallTime now) {
  std::size_t count = 0;
  for (auto& [call, entry] : calls_) {
    if (!holds_stream(entry.row.phase) || (!node.empty() && entry.row.node != node)) continue;
    entry.row.deadline = deadline;
    entry.row.updated = now;
    ++count;
  }
  return count;
}

Result<bool> LocalRegistry::close_stream(const CallSid& call, const StreamSid& stream, bool finished,
                                         std::string_view reason, WallTime now) {
  Entry* entry = streaming(call, stream);
  if (entry == nullptr) return false;
  entry->row.finished = finished;
  entry->row.reason = reason;
  entry->row.updated = now;
  return true;
}

Result<std::vector<RegistryRow>> LocalRegistry::claim_due(std::string_view node, WallTime now, Duration lease,
                                                          int limit) {
  std::vector<Entry*> due;
  for (auto& [call, entry] : calls_) {
    const Phase phase = entry.row.phase;
    const bool claimable = phase == Phase::kExpected || holds_stream(phase) || phase == Phase::kRedirecting;
    if (claimable && entry.row.deadline && *entry.row.deadline <= now) due.push_back(&entry);
  }
  std::sort(due.begin(), due.end(), [](const Entry* a, const Entry* b) {
    return std::tie(*a->row.deadline, a->row.call) < std::tie(*b->row.deadline, b->row.call);
  });
  due.resize(std::min(due.size(), static_cast<std::size_t>(std::max(limit, 1))));
  std::vector<RegistryRow> rows;
  for (Entry* entry : due) {
    entry->row.phase = Phase::kRedirecting;
    entry->row.node = node;
    entry->row.deadline = after(now, lease);
    entry->row.updated = now;
    rows.push_back(entry->row);
  }
  sort_oldest_first(rows);
  return rows;
}

Result<bool> LocalRegistry::claim_redirect(const CallSid& call, const StreamSid& stream, std::string_view node,
                                           WallTime now, Duration lease) {
  const auto found = calls_.find(call);
  if (found == calls_.end()) return false;
  RegistryRow& row = found->second.row;
  const bool claimable = stream.empty() ? row.phase == Phase::kExpected && row.stream.empty()
                                        : holds_stream(row.phase) && row.stream == stream;
  if (!claimable) return false;
  row.phase = Phase::kRedirecting;
  row.node = node;
  row.deadline = after(now, lease);
  row.updated = now;
  return true;
}

Result<bool> LocalRegistry::finish_redirect(const CallSid& call, std::string_view node, RedirectEnd end, WallTime now,
                                            WallTime again_at) {
  const auto found = calls_.find(call);
  if (found == calls_.end()) return false;
  Entry& entry = found->second;
  if (entry.row.phase != Phase::kRedirecting || entry.row.node != node) return false;
  entry.row.updated = now;
  entry.row.deadline.reset();
  if (end == RedirectEnd::kNotSent || end == RedirectEnd::kFailed) {
    entry.row.phase = entry.row.stream.empty() ? Phase::kExpected : Phase::kStarted;
    if (end == RedirectEnd::kNotSent) entry.row.deadline = again_at;
    return true;
  }
  entry.row.phase = end == RedirectEnd::kDone ? Phase::kRedirected : Phase::kEnded;
  entry.token_hash.clear();
  return true;
}

Result<bool> LocalRegistry::end_call(const CallSid& call, std::string_view reason, WallTime now) {
  const auto found = calls_.find(call);
  if (found == calls_.end() || found->second.row.phase == Phase::kEnded) return false;
  Entry& entry = found->second;
  entry.row.phase = Phase::kEnded;
  entry.row.deadline.reset();
  entry.row.checkpoint.clear();
  entry.row.reason = reason;
  entry.row.updated = now;
  entry.token_hash.clear();
  return true;
}

Result<RegistryRow> LocalRegistry::find(const CallSid& call) {
  const auto found = calls_.find(call);
  if (found == calls_.end()) return fail(Errc::kNotFound, "call " + call.str() + " is not in the registry");
  return found->second.row;
}

Result<std::vector<RegistryRow>> LocalRegistry::live(std::string_view node, int limit) {
  std::vector<RegistryRow> rows;
  for (const auto& [call, entry] : calls_) {
    if (entry.row.phase != Phase::kEnded && (node.empty() || entry.row.node == node)) rows.push_back(entry.row);
  }
  sort_oldest_first(rows);
  rows.resize(std::min(rows.size(), static_cast<std::size_t>(std::max(limit, 1))));
  return rows;
}

Result<std::size_t> LocalRegistry::purge(WallTime ended_before, WallTime lost_before) {
  std::erase_if(seen_, [&](const auto& entry) { return entry.second < ended_before; });
  return std::erase_if(calls_, [&](const auto& item) {
    const RegistryRow& row = item.second.row;
    return (row.phase == Phase::kEnded && row.updated < ended_before) || row.updated < lost_before;
  });
}

Result<bool> LocalRegistry::first_time(std::string_view key, WallTime now, Duration keep) {
  const auto found = seen_.find(key);
  if (found != seen_.end() && found->second > now) return false;
  seen_.insert_or_assign(std::string(key), after(now, keep));
  return true;
}

}  // namespace al::store
