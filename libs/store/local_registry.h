// A registry in memory, with the same contract: for a node whose database is away, for tests and for simulations.
// Nothing survives the process. Not thread-safe.
#pragma once

#include <map>
#include <string>

#include "store/registry.h"

namespace al::store {

class LocalRegistry : public Registry {
 public:
  Result<RegistryRow> offer_stream(const StreamOffer& offer, WallTime now) override;
  Result<RegistryRow> accept_stream(const StreamStart& start, WallTime now) override;
  Result<bool> media_arrived(const CallSid& call, const StreamSid& stream, WallTime now) override;
  Result<bool> save_checkpoint(const CallSid& call, const StreamSid& stream, std::string_view checkpoint,
                               WallTime now) override;
  Result<bool> keep_alive(const CallSid& call, const StreamSid& stream, WallTime until, WallTime now) override;
  Result<bool> close_stream(const CallSid& call, const StreamSid& stream, bool finished, std::string_view reason,
                            WallTime now) override;
  Result<std::vector<RegistryRow>> claim_due(std::string_view node, WallTime now, Duration lease, int limit) override;
  Result<bool> claim_redirect(const CallSid& call, const StreamSid& stream, std::string_view node, WallTime now,
                              Duration lease) override;
  Result<bool> finish_redirect(const CallSid& call, std::string_view node, RedirectEnd end, WallTime now,
                               WallTime again_at) override;
  Result<bool> end_call(const CallSid& call, std::string_view reason, WallTime now) override;
  Result<std::size_t> orphan(std::string_view node, WallTime deadline, WallTime now) override;
  Result<RegistryRow> find(const CallSid& call) override;
  Result<std::vector<RegistryRow>> live(std::string_view node, int limit) override;
  Result<std::size_t> purge(WallTime ended_before, WallTime lost_before) override;
  Result<bool> first_time(std::string_view key, WallTime now, Duration keep) override;

 private:
  struct Entry {
    RegistryRow row;
    std::string token_hash;
    WallTime token_expires{};
  };
  [[nodiscard]] Entry* streaming(const CallSid& call, const StreamSid& stream);
  std::map<CallSid, Entry> calls_;
  std::map<std::string, WallTime, std::less<>> seen_;
};

}  // namespace al::store
