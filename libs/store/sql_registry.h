// The registry over SQL: each transition is one UPDATE whose WHERE is the compare of the compare-and-set. Private to
// this room.
#pragma once

#include "store/registry.h"
#include "store/sql.h"

namespace al::store::sql {

class SqlRegistry : public Registry {
 public:
  explicit SqlRegistry(Connection& connection) : connection_(connection) {}

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
  // Runs an UPDATE … RETURNING call_sid: true if it changed a row.
  Result<bool> change(std::string_view statement, std::initializer_list<Value> values);
  Connection& connection_;
};

}  // namespace al::store::sql
