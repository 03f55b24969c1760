// Retention at any moment one likes, over real rows and files.
#include "agentd/housekeeping.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "store/store_fixture.h"

namespace al::agentd {
namespace {

namespace fs = std::filesystem;
using std::chrono::days;
using store::testing::call_sid;

class HousekeepingTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    AL_SKIP_WITHOUT_SERVER(GetParam());
    database_ = std::make_unique<store::testing::Database>(GetParam());
    store_ = database_->open();
    ASSERT_NE(store_, nullptr);
  }
  // A call at that moment with everything that hangs on it.
  void call_at(int n, WallTime when) {
    store::Records& records = store_->records();
    store::CallRecord call;
    call.sid = call_sid(n);
    call.from = "+97254000000" + std::to_string(n);
    call.status = store::CallStatus::kCompleted;
    call.started = when;
    ASSERT_TRUE(records.put_call(call));
    store::TurnRecord turn;
    turn.call = call.sid;
    turn.turn = TurnId{1};
    turn.at = when;
    turn.caller_text = "words";
    ASSERT_TRUE(records.put_turn(turn));
    ASSERT_TRUE(records.put_slots(call.sid, {{"area", "Haifa"}}, when));
    store::LeadRecord lead;
    lead.call = call.sid;
    lead.key = "lead";
    lead.phone = call.from;
    lead.created = lead.updated = when;
    ASSERT_TRUE(records.save_lead(lead));
    store::MessageRecord message;
    message.id = "m" + std::to_string(n);
    message.provider = "twilio";
    message.at = when;
    ASSERT_TRUE(records.put_message(message));
    store::StreamOffer offer;
    offer.call = call.sid;
    offer.caller = call.from;
    ASSERT_TRUE(store_->registry().offer_stream(offer, when));
    ASSERT_TRUE(store_->registry().end_call(call.sid, "over", when));
    const std::string sample = folder_.file(call.sid.str() + ".wav");
    std::ofstream(sample) << "RIFF";
    fs::last_write_time(sample, fs::file_time_type::clock::from_sys(when));
  }
  Tidied tidy(WallTime now, store::RetentionPolicy policy = {days{90}, days{730}}) {
    const auto done = tidy_up(*store_, policy, {folder_.file("none"), folder_.path().string()}, now);
    EXPECT_TRUE(done) << (done ? "" : done.error().detail);
    return done.value_or(Tidied{});
  }

  store::testing::TemporaryFolder folder_;
  std::unique_ptr<store::testing::Database> database_;
  std::unique_ptr<store::Store> store_;
};

TEST_P(HousekeepingTest, EverythingGoesWhenItsTimeHasComeAndNotBefore) {
  const WallTime began = WallTime{milliseconds{1'800'000'000'000}};
  call_at(1, began);
  call_at(2, began + days{30});
  std::ofstream(folder_.file("notes.wav")) << "somebody's own";
  fs::last_write_time(folder_.file("notes.wav"), fs::file_time_type::clock::from_sys(began - days{900}));

  Tidied tidied = tidy(began + days{90});
  EXPECT_EQ(tidied.records, 0U) << "ninety days, not one more";
  EXPECT_EQ(tidied.calls_forgotten, 2U) << "the registry remembers a call for a day after its end";
  EXPECT_EQ(tidied.samples, 0U);

  tidied = tidy(began + days{90} + seconds{1});
  EXPECT_EQ(tidied.records, 4U) << "a call, its turn, its slot, a message";
  EXPECT_EQ(tidied.samples, 1U);
  EXPECT_FALSE(fs::exists(folder_.file(call_sid(1).str() + ".wav")));
  EXPECT_TRUE(fs::exists(folder_.file(call_sid(2).str() + ".wav")));
  EXPECT_TRUE(fs::exists(folder_.file("notes.wav"))) << "only files named after a call are ours";
  EXPECT_EQ(store_->records().calls({})->size(), 1U);
  EXPECT_EQ(store_->records().leads({})->size(), 2U) << "leads are kept longer";
  EXPECT_EQ(tidy(began + days{90} + seconds{1}).records, 0U) << "twice is once";

  EXPECT_EQ(tidy(began + days{730} + seconds{1}).records, 5U) << "the second call, and the first lead";
  EXPECT_EQ(store_->records().leads({})->size(), 1U);
  EXPECT_EQ(tidy(began + days{10'000}, {days{0}, days{0}}).records, 0U) << "0 keeps everything";
  EXPECT_EQ(tidy(began + days{10'000}).records, 1U);
}

INSTANTIATE_TEST_SUITE_P(Over, HousekeepingTest, ::testing::Values("sqlite", "postgres"),
                         [](const auto& kind) { return kind.param; });

}  // namespace
}  // namespace al::agentd
