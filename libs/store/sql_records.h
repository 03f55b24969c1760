// Records over SQL. Private to this room.
#pragma once

#include "store/outbox.h"
#include "store/records.h"
#include "store/sql.h"

namespace al::store::sql {

class SqlRecords : public Records {
 public:
  explicit SqlRecords(Connection& connection) : connection_(connection) {}

  Result<void> put_call(const CallRecord& call) override;
  Result<bool> set_call_status(const CallSid& call, CallStatus status, WallTime at) override;
  Result<void> put_turn(const TurnRecord& turn) override;
  Result<void> put_slots(const CallSid& call, const Slots& slots, WallTime at) override;
  Result<SavedLead> save_lead(const LeadRecord& lead, const HandOver* hand_over) override;
  Result<void> set_lead_hand_over(const CallSid& call, std::string_view key, std::string_view state,
                                  std::string_view work_key) override;
  Result<bool> put_message(const MessageRecord& message) override;
  Result<bool> set_message_status(std::string_view provider, std::string_view provider_id, MessageStatus status,
                                  std::string_view error) override;
  Result<std::vector<CallDetails>> calls_to_sum_up(WallTime began_after, int limit) override;
  Result<void> set_opt_out(std::string_view phone, bool out, WallTime at) override;
  Result<bool> opted_out(std::string_view phone) override;
  Result<void> put_chat(std::string_view phone, const ChatRecord& chat) override;
  Result<ChatRecord> chat(std::string_view phone) override;
  Result<CallerTraces> traces(std::string_view phone) override;
  Result<CallDetails> call(const CallSid& call) override;
  Result<std::vector<CallRecord>> calls(const RecordFilter& filter) override;
  Result<std::vector<LeadRecord>> leads(const RecordFilter& filter) override;
  Result<std::vector<MessageRecord>> messages(const RecordFilter& filter) override;
  Result<ErasureReport> erase_caller(std::string_view phone) override;
  Result<ErasureReport> apply_retention(const RetentionPolicy& policy, WallTime now) override;

 private:
  // Every call in which the person took part: as caller, or by the number that a lead or a slot holds.
  Result<std::vector<std::string>> calls_of(std::string_view phone);
  Result<std::size_t> remove(std::string_view statement, std::initializer_list<Value> values);
  Connection& connection_;
};

// Queues `work` in the open transaction (or by itself). False: it was there.
Result<bool> enqueue_work(Connection& connection, const HandOver& work, WallTime now);

}  // namespace al::store::sql
