// The contract of Records and Outbox, over SQLite and PostgreSQL.
#include "store/records.h"

#include <atomic>
#include <fstream>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/sqlite_connection.h"
#include "store/store_fixture.h"

namespace al::store {
namespace {

using testing::at;
using testing::call_sid;

Errc code(const auto& result) {
  return result ? Errc{-1} : result.error().code;
}

class StoreContract : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    AL_SKIP_WITHOUT_SERVER(GetParam());
    database_ = std::make_unique<testing::Database>(GetParam());
    store_ = database_->open();
    ASSERT_NE(store_, nullptr);
  }
  Records& records() { return store_->records(); }
  Outbox& outbox() { return store_->outbox(); }

  static CallRecord call(int n, std::int64_t started = 0) {
    CallRecord out;
    out.sid = call_sid(n);
    out.from = "+97250123456" + std::to_string(n);
    out.to = "+97231234567";
    out.status = CallStatus::kInProgress;
    out.started = at(started);
    return out;
  }
  static LeadRecord lead(int n, const std::string& key = "lead") {
    LeadRecord out;
    out.call = call_sid(n);
    out.key = key;
    out.phone = "+97250123456" + std::to_string(n);
    out.name = "אבי";
    out.slots = {{"area", "חיפה"}, {"budget", "2500000"}};
    out.confirmed = true;
    out.created = at(n);
    return out;
  }

  std::unique_ptr<testing::Database> database_;
  std::unique_ptr<Store> store_;
};

TEST_P(StoreContract, ACallIsFilledInPieceByPiece) {
  ASSERT_TRUE(records().put_call(call(1)));
  CallRecord more;
  more.sid = call_sid(1);
  more.summary = "looks for a flat";
  more.persona = "he-real-estate";
  ASSERT_TRUE(records().put_call(more));
  const auto read = records().call(call_sid(1));
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->call.from, "+972501234561");
  EXPECT_EQ(read->call.summary, "looks for a flat");
  EXPECT_EQ(read->call.started, at(0));
  EXPECT_EQ(read->call.status, CallStatus::kInProgress);
  EXPECT_EQ(code(records().call(call_sid(2))), Errc::kNotFound);
}

TEST_P(StoreContract, AStatusNeverGoesBack) {
  EXPECT_EQ(records().set_call_status(call_sid(1), CallStatus::kCompleted, at(9)), true)
      << "callbacks arrive in any order";
  for (const CallStatus late :
       {CallStatus::kRinging, CallStatus::kInProgress, CallStatus::kCompleted, CallStatus::kFailed}) {
    EXPECT_EQ(records().set_call_status(call_sid(1), late, at(10)), false);
  }
  ASSERT_TRUE(records().put_call(call(1)));
  const auto read = records().call(call_sid(1));
  EXPECT_EQ(read->call.status, CallStatus::kCompleted);
  EXPECT_EQ(read->call.ended, at(9));
  EXPECT_EQ(read->call.from, "+972501234561");
}

TEST_P(StoreContract, TurnsAndSlotsBelongToTheirCall) {
  ASSERT_TRUE(records().put_call(call(1)));
  TurnRecord turn;
  turn.call = call_sid(1);
  turn.turn = TurnId{2};
  turn.at = at(5);
  turn.caller_text = "יש לי 'דירה'; DROP TABLE calls; --\n\"x\"";
  turn.agent_text = "באיזה אזור?";
  turn.agent_heard = "באיזה";
  turn.interrupted = true;
  turn.latencies_ms = {{"stt", 120}, {"total", 480}};
  ASSERT_TRUE(records().put_turn(turn));
  turn.turn = TurnId{1};
  ASSERT_TRUE(records().put_turn(turn));
  turn.agent_text = "again";
  ASSERT_TRUE(records().put_turn(turn));
  ASSERT_TRUE(records().put_slots(call_sid(1), {{"area", "חיפה"}, {"rooms", "3"}}, at(6)));
  ASSERT_TRUE(records().put_slots(call_sid(1), {{"rooms", "4"}}, at(7)));

  const auto read = records().call(call_sid(1));
  ASSERT_TRUE(read);
  ASSERT_EQ(read->turns.size(), 2u);
  EXPECT_EQ(read->turns[0].agent_text, "again");
  EXPECT_EQ(read->turns[1].caller_text, "יש לי 'דירה'; DROP TABLE calls; --\n\"x\"");
  EXPECT_TRUE(read->turns[1].interrupted);
  EXPECT_EQ(read->turns[1].latencies_ms.at("total"), 480);
  EXPECT_EQ(read->slots, (Slots{{"area", "חיפה"}, {"rooms", "4"}}));
}

TEST_P(StoreContract, TextThatIsNoTextIsMadeStorable) {
  CallRecord odd = call(1);
  odd.from = std::string("a\0b\xFF", 4);
  const auto put = records().put_call(odd);
  ASSERT_TRUE(put) << put.error().detail;
  EXPECT_EQ(records().call(call_sid(1))->call.from, "ab\xEF\xBF\xBD");
}

TEST_P(StoreContract, ALeadIsOneLeadForACallAndAKey) {
  const auto first = records().save_lead(lead(1));
  ASSERT_TRUE(first) << first.error().detail;
  EXPECT_TRUE(first->created);
  LeadRecord changed = lead(1);
  changed.name = "דנה";
  changed.updated = at(50);
  const auto second = records().save_lead(changed);
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->created);
  EXPECT_EQ(second->id, first->id);
  ASSERT_TRUE(records().save_lead(lead(1, "other")));
  const auto all = records().leads({});
  ASSERT_EQ(all->size(), 2u);
  RecordFilter by_phone;
  by_phone.phone = "+972501234561";
  const auto found = records().leads(by_phone);
  ASSERT_EQ(found->size(), 2u);
  for (const LeadRecord& row : *found) {
    if (row.key == "lead") {
      EXPECT_EQ(row.name, "דנה");
      EXPECT_EQ(row.created, at(1));
      EXPECT_EQ(row.updated, at(50));
      EXPECT_EQ(row.slots.at("area"), "חיפה");
      EXPECT_TRUE(row.confirmed);
    }
  }
}

TEST_P(StoreContract, AnOlderWordDoesNotReplaceALaterOneOfALead) {
  LeadRecord later = lead(1);
  later.slots["phone"] = "+972501112222";
  later.updated = at(90);
  ASSERT_TRUE(records().save_lead(later));
  LeadRecord earlier = lead(1);
  earlier.confirmed = false;
  earlier.updated = at(50);
  const HandOver work{"crm", "lead:old", earlier.phone, "{}"};
  ASSERT_TRUE(records().save_lead(earlier, &work));
  const auto row = records().leads({})->front();
  EXPECT_EQ(row.slots.count("phone"), 1u);
  EXPECT_TRUE(row.confirmed);
  EXPECT_EQ(row.updated, at(90));
  EXPECT_EQ(outbox().counts("crm")->pending, 0) << "what is overtaken is not handed over either";
}

TEST_P(StoreContract, RacingWritersMakeOneLead) {
  database_->options().lock_wait = seconds{30};
  std::vector<std::unique_ptr<Store>> stores;
  for (int i = 0; i < 8; ++i) stores.push_back(database_->open());
  std::vector<std::thread> threads;
  std::atomic<int> created{0};
  const HandOver work{"crm", "lead:1", "+972501234561", "{}"};
  for (auto& store : stores) {
    threads.emplace_back([&] {
      for (int i = 0; i < 4; ++i) {
        const auto saved = store->records().save_lead(lead(1), &work);
        if (saved && saved->created) ++created;
        EXPECT_TRUE(saved) << saved.error().detail;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(created, 1);
  EXPECT_EQ(records().leads({})->size(), 1u);
  EXPECT_EQ(outbox().counts("crm")->pending, 1);
}

TEST_P(StoreContract, AMessageOfTheNetworkIsStoredOnce) {
  MessageRecord message;
  message.provider = "twilio";
  message.provider_id = "SM1";
  message.inbound = true;
  message.from = "+972501234567";
  message.to = "+97231234567";
  message.body = "שלום 👋";
  message.media = {"https://example.com/a.jpg"};
  message.status = MessageStatus::kReceived;
  message.at = at(1);
  EXPECT_EQ(records().put_message(message), true);
  EXPECT_EQ(records().put_message(message), false);
  EXPECT_EQ(records().set_message_status("twilio", "SM1", MessageStatus::kRead, ""), false) << "it is not ours";
  const auto read = records().messages({});
  ASSERT_EQ(read->size(), 1u);
  EXPECT_EQ(read->front().body, "שלום 👋");
  EXPECT_THAT(read->front().media, ::testing::ElementsAre("https://example.com/a.jpg"));
}

TEST_P(StoreContract, AMessageOfOursGoesFromQueuedToRead) {
  MessageRecord message;
  message.id = "our-1";
  message.provider = "meta";
  message.to = "+972501234567";
  message.body = "x";
  message.at = at(1);
  EXPECT_EQ(records().put_message(message), true);
  MessageRecord second = message;
  second.id = "our-2";
  EXPECT_EQ(records().put_message(second), true) << "neither has an identifier of the network yet";
  message.provider_id = "wamid.1";
  message.status = MessageStatus::kSent;
  EXPECT_EQ(records().put_message(message), true);
  MessageRecord repeated = message;  // the same work queued again: nothing of what is known is lost
  repeated.provider_id.clear();
  repeated.status = MessageStatus::kQueued;
  EXPECT_EQ(records().put_message(repeated), true);
  EXPECT_EQ(records().set_message_status("meta", "wamid.1", MessageStatus::kRead, ""), true);
  EXPECT_EQ(records().set_message_status("meta", "wamid.1", MessageStatus::kDelivered, ""), false);
  EXPECT_EQ(records().set_message_status("meta", "wamid.1", MessageStatus::kFailed, "131047"), false) << "it was read";
  EXPECT_EQ(records().set_message_status("meta", "wamid.9", MessageStatus::kRead, ""), false);
  RecordFilter filter;
  filter.inbound = false;
  EXPECT_EQ(records().messages(filter)->size(), 2u);
}

TEST_P(StoreContract, ListsAreNewestFirstAndRestricted) {
  for (int i = 0; i < 9; ++i) ASSERT_TRUE(records().put_call(call(i, i * 1000)));
  RecordFilter filter;
  filter.limit = 3;
  auto page = records().calls(filter);
  ASSERT_EQ(page->size(), 3u);
  EXPECT_EQ(page->front().sid, call_sid(8));
  filter.before = page->back().started;
  page = records().calls(filter);
  EXPECT_EQ(page->front().sid, call_sid(5));
  RecordFilter recent;
  recent.since = at(7000);
  EXPECT_EQ(records().calls(recent)->size(), 2u);
  RecordFilter one;
  one.phone = "+972501234564";
  ASSERT_EQ(records().calls(one)->size(), 1u);
  EXPECT_EQ(records().calls(one)->front().sid, call_sid(4));
}

TEST_P(StoreContract, PagesMissNoRowThatHappenedInTheSameMillisecond) {
  for (int i = 0; i < 7; ++i) {
    ASSERT_TRUE(records().put_call(call(i, 1000)));
    ASSERT_TRUE(records().save_lead(lead(i)));
    MessageRecord message;
    message.id = "m" + std::to_string(i);
    message.provider = "twilio";
    message.at = at(5);
    ASSERT_TRUE(records().put_message(message));
  }
  const auto walk = [](auto list) {
    std::set<std::string> seen;
    RecordFilter filter;
    filter.limit = 3;
    for (int pages = 0; pages < 4; ++pages) {
      const auto rows = list(filter);
      EXPECT_TRUE(rows);
      if (!rows || rows->empty()) break;
      for (const auto& row : *rows) EXPECT_TRUE(seen.insert(cursor_of(row).id).second) << "twice";
      filter.after = parse_cursor(to_string(cursor_of(rows->back())));
      EXPECT_TRUE(filter.after);
    }
    return seen.size();
  };
  EXPECT_EQ(walk([&](const RecordFilter& filter) { return records().calls(filter); }), 7u);
  EXPECT_EQ(walk([&](const RecordFilter& filter) { return records().leads(filter); }), 7u);
  EXPECT_EQ(walk([&](const RecordFilter& filter) { return records().messages(filter); }), 7u);
  for (const char* wrong : {"", "-", "12", "x-1", "99999999999999999999-a", "-5"})
    EXPECT_FALSE(parse_cursor(wrong)) << wrong;
}

TEST_P(StoreContract, OnlyFinishedCallsWithALeadAreSummedUpAndEachOnce) {
  const auto due = [&] {
    std::vector<CallSid> sids;
    const auto calls = records().calls_to_sum_up(at(0), 10);
    EXPECT_TRUE(calls);
    for (const CallDetails& one : calls.value_or(std::vector<CallDetails>{})) sids.push_back(one.call.sid);
    return sids;
  };
  for (int i = 1; i <= 6; ++i) {
    ASSERT_TRUE(records().put_call(call(i, i)));
    if (i == 1) continue;  // left nothing
    LeadRecord words = lead(i);
    words.summary = "area: Haifa";
    if (i == 2) words.slots.clear();
    ASSERT_TRUE(records().save_lead(words));
  }
  EXPECT_TRUE(due().empty()) << "they still talk";
  for (int i = 1; i <= 4; ++i) ASSERT_TRUE(records().set_call_status(call_sid(i), CallStatus::kCompleted, at(100)));
  StreamOffer offer;  // nobody reports the status of this one, but the registry knows that it is over
  offer.call = call_sid(5);
  ASSERT_TRUE(store_->registry().offer_stream(offer, at(0)));
  ASSERT_TRUE(store_->registry().end_call(call_sid(5), "over", at(9)));
  EXPECT_THAT(due(), ::testing::ElementsAre(call_sid(3), call_sid(4), call_sid(5)));
  ASSERT_TRUE(outbox().enqueue({"whatsapp", "summary:" + call_sid(3).str(), "+1", "{}"}, at(1)));
  ASSERT_TRUE(store_->registry().first_time("summary:" + call_sid(4).str(), at(1), seconds{100}));
  EXPECT_THAT(due(), ::testing::ElementsAre(call_sid(5)));
  EXPECT_TRUE(records().calls_to_sum_up(at(50), 10)->empty()) << "too long ago";
}

TEST_P(StoreContract, AWishNotToBeWrittenToOutlivesAnErasure) {
  const std::string phone = "+972501234567";
  EXPECT_EQ(records().opted_out(phone), false);
  ASSERT_TRUE(records().set_opt_out(phone, true, at(1)));
  ASSERT_TRUE(records().set_opt_out(phone, true, at(2)));
  EXPECT_EQ(records().opted_out(phone), true);
  EXPECT_EQ(records().opted_out("+972501234568"), false);
  ASSERT_TRUE(records().erase_caller(phone));
  EXPECT_EQ(records().opted_out(phone), true);
  ASSERT_TRUE(records().set_opt_out(phone, false, at(3)));
  EXPECT_EQ(records().opted_out(phone), false);
}

TEST_P(StoreContract, AChatGoesOnWithItsLastState) {
  EXPECT_EQ(code(records().chat("+1")), Errc::kNotFound);
  ASSERT_TRUE(records().put_chat("+1", {"two", at(2)}));
  ASSERT_TRUE(records().put_chat("+1", {"one, late", at(1)}));
  EXPECT_EQ(records().chat("+1")->state, "two");
  EXPECT_EQ(records().chat("+1")->updated, at(2));
  ASSERT_TRUE(records().put_chat("+1", {"three", at(3)}));
  EXPECT_EQ(records().chat("+1")->state, "three");
}

TEST_P(StoreContract, ErasingThePersonOfAChatRemovesWhatHangsOnTheirNumberOnly) {
  const std::string phone = "+972501234567";
  LeadRecord words = lead(1);
  words.call = CallSid("WA" + phone);
  words.phone = "+972509999999";  // another number was given to be called back
  const HandOver work{"crm", "lead:WA" + phone + ":lead:1", words.phone, "{\"name\":\"x\"}"};
  ASSERT_TRUE(records().save_lead(words, &work));
  ASSERT_TRUE(records().put_slots(words.call, words.slots, at(1)));
  ASSERT_TRUE(records().put_chat(phone, {"{}", at(1)}));
  CallRecord called = call(2);
  called.recording_url = "https://api.twilio.com/r/RE1";
  called.from = phone;
  ASSERT_TRUE(records().put_call(called));
  const auto traces = records().traces(phone);
  ASSERT_TRUE(traces);
  EXPECT_THAT(traces->calls, ::testing::UnorderedElementsAre(words.call, called.sid));
  EXPECT_THAT(traces->recordings, ::testing::ElementsAre(called.recording_url));
  const auto report = records().erase_caller(phone);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->leads, 1u);
  EXPECT_EQ(report->calls, 1u);
  EXPECT_TRUE(outbox().list("crm", 10)->empty());
  EXPECT_EQ(code(records().chat(phone)), Errc::kNotFound);
  EXPECT_TRUE(records().traces(phone)->calls.empty());
}

TEST_P(StoreContract, ErasingACallerLeavesNothingOfThemAndAllOfOthers) {
  const std::string phone = call(1).from;
  for (int i = 1; i <= 3; ++i) {
    ASSERT_TRUE(records().put_call(call(i)));
    TurnRecord turn;
    turn.call = call_sid(i);
    turn.turn = TurnId{1};
    turn.caller_text = i == 1 ? "SECRETWORD one" : "other";
    ASSERT_TRUE(records().put_turn(turn));
    const HandOver work{"crm", "k" + std::to_string(i), lead(i).phone, i == 1 ? "SECRETWORD two" : "{}"};
    ASSERT_TRUE(records().save_lead(lead(i), &work));
    MessageRecord message;
    message.provider = "twilio";
    message.provider_id = "SM" + std::to_string(i);
    message.inbound = true;
    message.from = call(i).from;
    message.body = i == 1 ? "SECRETWORD three" : "other";
    ASSERT_TRUE(records().put_message(message));
    StreamOffer offer;
    offer.call = call_sid(i);
    offer.caller = call(i).from;
    ASSERT_TRUE(store_->registry().offer_stream(offer, at(0)));
  }
  // Somebody else called and left the number of the first one.
  ASSERT_TRUE(records().put_slots(call_sid(3), {{"phone", phone}}, at(1)));

  const auto report = records().erase_caller(phone);
  ASSERT_TRUE(report) << report.error().detail;
  EXPECT_EQ(report->calls, 2u);
  EXPECT_EQ(report->turns, 2u);
  EXPECT_EQ(report->leads, 2u);
  EXPECT_EQ(report->messages, 1u);
  EXPECT_EQ(records().calls({})->size(), 1u);
  EXPECT_EQ(records().leads({})->size(), 1u);
  EXPECT_EQ(records().messages({})->size(), 2u);
  EXPECT_EQ(records().erase_caller(phone)->total(), 0u);
  EXPECT_EQ(records().erase_caller(call(2).to)->calls, 0u) << "our own number is nobody's data";
  if (GetParam() == "sqlite") {
    std::string bytes;
    for (const char* suffix : {"", "-wal"}) {
      std::ifstream in(database_->file() + suffix, std::ios::binary);
      bytes.append(std::istreambuf_iterator<char>(in), {});
    }
    EXPECT_EQ(bytes.find("SECRETWORD"), std::string::npos) << "erased rows are still in the file";
    EXPECT_EQ(bytes.find(phone), std::string::npos);
  }
}

TEST_P(StoreContract, RetentionRemovesWhatIsOldAndKeepsLeadsLonger) {
  constexpr std::int64_t kDay = 24LL * 3600 * 1000;
  ASSERT_TRUE(records().put_call(call(1, 0)));
  ASSERT_TRUE(records().put_call(call(2, 50 * kDay)));
  ASSERT_TRUE(records().put_slots(call_sid(1), {{"area", "x"}}, at(0)));
  ASSERT_TRUE(records().save_lead(lead(1)));
  auto report = records().apply_retention({}, at(100 * kDay));
  ASSERT_TRUE(report) << report.error().detail;
  EXPECT_EQ(report->calls, 1u);
  EXPECT_EQ(report->others, 1u);
  EXPECT_EQ(report->leads, 0u);
  EXPECT_EQ(records().calls({})->size(), 1u);
  report = records().apply_retention({std::chrono::days{0}, std::chrono::days{0}}, at(10000 * kDay));
  EXPECT_EQ(report->total(), 0u) << "0 keeps everything";
  // Slots and chats of a written conversation, which has no call.
  ASSERT_TRUE(records().put_slots(CallSid("WA+1"), {{"area", "x"}}, at(0)));
  ASSERT_TRUE(records().put_chat("+1", {"{}", at(0)}));
  ASSERT_TRUE(records().put_chat("+2", {"{}", at(95 * kDay)}));
  EXPECT_EQ(records().apply_retention({}, at(100 * kDay))->others, 2u);
  EXPECT_TRUE(records().chat("+2"));
  report = records().apply_retention({std::chrono::days{0}, std::chrono::days{365}}, at(400 * kDay));
  EXPECT_EQ(report->leads, 1u);
}

TEST_P(StoreContract, OutboxWorkIsQueuedOnceClaimedOnceAndRetried) {
  const HandOver work{"crm", "lead:1", "+972501234567", "{\"a\":1}"};
  EXPECT_EQ(outbox().enqueue(work, at(0)), true);
  EXPECT_EQ(outbox().enqueue(work, at(0)), false);
  EXPECT_TRUE(outbox().claim("whatsapp", "a", at(0), seconds{60}, 10)->empty());

  auto claimed = outbox().claim("crm", "a", at(0), seconds{60}, 10);
  ASSERT_TRUE(claimed) << claimed.error().detail;
  ASSERT_EQ(claimed->size(), 1u);
  EXPECT_EQ(claimed->front().attempts, 1);
  EXPECT_EQ(claimed->front().work.payload, "{\"a\":1}");
  EXPECT_TRUE(outbox().claim("crm", "b", at(59999), seconds{60}, 10)->empty());

  const std::string id = claimed->front().id;
  EXPECT_EQ(outbox().retry(id, "b", at(5), "not mine"), false);
  EXPECT_EQ(outbox().retry(id, "a", at(70000), "503"), true);
  EXPECT_EQ(outbox().list("crm", 10)->front().last_error, "503");
  EXPECT_TRUE(outbox().claim("crm", "b", at(69999), seconds{60}, 10)->empty());
  claimed = outbox().claim("crm", "b", at(70000), seconds{60}, 10);
  ASSERT_EQ(claimed->size(), 1u);
  EXPECT_EQ(claimed->front().attempts, 2);
  EXPECT_EQ(outbox().done(id, "a", at(70001)), false) << "the claim is b's";
  EXPECT_EQ(outbox().done(id, "b", at(70001)), true);
  EXPECT_EQ(outbox().counts("crm")->pending, 0);
  EXPECT_EQ(outbox().enqueue(work, at(80000)), false) << "done is remembered";
}

TEST_P(StoreContract, AWorkerThatDiesLosesItsClaimAndItsAttemptCounts) {
  ASSERT_EQ(outbox().enqueue({"crm", "k", "", "{}"}, at(0)), true);
  ASSERT_EQ(outbox().claim("crm", "a", at(0), seconds{60}, 10)->size(), 1u);
  const auto second = outbox().claim("crm", "b", at(60000), seconds{60}, 10);
  ASSERT_EQ(second->size(), 1u);
  EXPECT_EQ(second->front().attempts, 2);
  EXPECT_EQ(outbox().done(second->front().id, "a", at(60001)), false);
  EXPECT_EQ(outbox().give_up(second->front().id, "b", at(60002), "400"), true);
  EXPECT_EQ(outbox().counts("crm")->failed, 1);
  EXPECT_TRUE(outbox().list("crm", 10)->front().failed);
  EXPECT_TRUE(outbox().claim("crm", "a", at(999999), seconds{60}, 10)->empty());
  EXPECT_EQ(outbox().revive("crm", at(70000)), 1u);
  EXPECT_EQ(outbox().claim("crm", "a", at(70000), seconds{60}, 10)->front().attempts, 1);
}

TEST_P(StoreContract, RacingWorkersNeverGetTheSameWork) {
  for (int i = 0; i < 100; ++i) ASSERT_EQ(outbox().enqueue({"crm", std::to_string(i), "", "{}"}, at(i)), true);
  database_->options().lock_wait = seconds{30};
  std::vector<std::unique_ptr<Store>> stores;
  for (int i = 0; i < 4; ++i) stores.push_back(database_->open());
  std::vector<std::vector<std::string>> taken(stores.size());
  std::vector<std::thread> threads;
  for (std::size_t w = 0; w < stores.size(); ++w) {
    threads.emplace_back([&, w] {
      for (int empty = 0; empty < 3;) {
        const auto rows = stores[w]->outbox().claim("crm", "n" + std::to_string(w), at(1000), seconds{60}, 7);
        ASSERT_TRUE(rows) << rows.error().detail;
        if (rows->empty()) ++empty;
        for (const OutboxRow& row : *rows) taken[w].push_back(row.id);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<std::string> all;
  for (const auto& list : taken) all.insert(all.end(), list.begin(), list.end());
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all.size(), 100u);
  EXPECT_EQ(std::unique(all.begin(), all.end()), all.end());
}

TEST_P(StoreContract, TheFirstProposalIsAgreedOn) {
  EXPECT_EQ(store_->agree("stream_token_key", "one"), "one");
  auto other = database_->open();
  EXPECT_EQ(other->agree("stream_token_key", "two"), "one");
  EXPECT_TRUE(store_->ping());
  EXPECT_EQ(store_->shared(), GetParam() == "postgres");
  EXPECT_EQ(store_->description().find("password"), std::string::npos);
}

TEST_P(StoreContract, ManyMayOpenANewDatabaseAtOnce) {
  testing::Database fresh(GetParam());
  fresh.options().lock_wait = seconds{20};
  std::vector<std::thread> threads;
  std::atomic<int> opened{0};
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      if (const auto store = fresh.open(); store && store->records().calls({})) ++opened;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(opened, 6);
}

TEST_P(StoreContract, ADatabaseOfTheFirstVersionIsUpgradedAndKeepsWhatItHolds) {
  ASSERT_TRUE(records().put_call(call(1)));
  ASSERT_TRUE(records().save_lead(lead(1)));
  store_.reset();
  {
    auto raw = GetParam() == "sqlite" ? sql::SqliteConnection::open(database_->file(), database_->options())
                                      : sql::PostgresConnection::open(database_->options());
    ASSERT_TRUE(raw) << raw.error().detail;
    for (const char* back : {"DROP TABLE opt_outs", "DROP TABLE chats", "DROP INDEX messages_call",
                             "DELETE FROM schema_version WHERE version > 1"}) {
      ASSERT_TRUE((*raw)->run(sql::Durability::kDurable, back)) << back;
    }
  }
  store_ = database_->open();
  ASSERT_NE(store_, nullptr);
  EXPECT_EQ(records().calls({})->size(), 1u);
  EXPECT_EQ(records().leads({})->front().name, "אבי");
  ASSERT_TRUE(records().set_opt_out("+972501234567", true, at(1)));
  ASSERT_TRUE(records().put_chat("+972501234567", {"{}", at(1)}));
}

INSTANTIATE_TEST_SUITE_P(Over, StoreContract, ::testing::Values("sqlite", "postgres"),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace al::store
