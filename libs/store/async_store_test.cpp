#include "store/async_store.h"

#include <condition_variable>
#include <future>
#include <latch>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/log.h"
#include "store/sqlite_connection.h"
#include "store/store_fixture.h"

namespace al::store {
namespace {

using testing::at;
using testing::call_sid;

// A gate that an operation on the worker waits at: the store is busy until it is opened.
class Gate {
 public:
  void open() { opened_.set_value(); }
  void pass() const { future_.wait(); }

 private:
  std::promise<void> opened_;
  std::shared_future<void> future_ = opened_.get_future().share();
};

class AsyncStoreTest : public ::testing::Test {
 protected:
  AsyncStore& start(AsyncStoreOptions options = {}) {
    options.retry_first = milliseconds{1};
    options.retry_longest = milliseconds{5};
    store_ = std::make_unique<AsyncStore>(database_.open(), options);
    return *store_;
  }
  template <typename T>
  static std::future<Result<T>> ask(AsyncStore& store, std::function<Result<T>(Store&)> operation, Duration wait) {
    auto promise = std::make_shared<std::promise<Result<T>>>();
    auto answer = promise->get_future();
    store.ask<T>(std::move(operation), wait, [promise](Result<T> result) { promise->set_value(std::move(result)); });
    return answer;
  }
  static std::function<Result<int>(Store&)> number(int n) {
    return [n](Store&) -> Result<int> { return n; };
  }

  testing::Database database_{"sqlite"};
  std::unique_ptr<AsyncStore> store_;
};

TEST_F(AsyncStoreTest, AnswersAndWritesInTheOrderGiven) {
  AsyncStore& store = start();
  std::vector<int> order;
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(store.write("w", [&order, i](Store&) -> Result<void> {
      order.push_back(2 * i);
      return {};
    }));
    store.ask<int>(
        [&order, i](Store&) -> Result<int> {
          order.push_back(2 * i + 1);
          return i;
        },
        seconds{10}, [](const Result<int>&) {});
  }
  EXPECT_EQ(ask<int>(store, number(7), seconds{10}).get(), 7);
  store.stop();
  ASSERT_EQ(order.size(), 100u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST_F(AsyncStoreTest, ALateAnswerIsATimeoutAndAnOperationThatDidNotBeginIsNotRun) {
  AsyncStore& store = start();
  Gate gate;
  std::atomic<bool> ran{false};
  ASSERT_TRUE(store.write("busy", [&](Store&) -> Result<void> {
    gate.pass();
    return {};
  }));
  auto answer = ask<int>(
      store,
      [&](Store&) -> Result<int> {
        ran = true;
        return 1;
      },
      milliseconds{20});
  const auto result = answer.get();  // while the worker stands at the gate
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::kTimeout);
  gate.open();
  EXPECT_EQ(ask<int>(store, number(2), seconds{10}).get(), 2);
  EXPECT_FALSE(ran);
  EXPECT_EQ(store.stats().asks_late, 1u);
}

TEST_F(AsyncStoreTest, AnOperationThatHadBegunTellsItsLateResult) {
  AsyncStore& store = start();
  Gate gate;
  std::promise<int> late;
  std::promise<Errc> first;
  store.ask<int>(
      [&](Store&) -> Result<int> {
        gate.pass();
        return 3;
      },
      milliseconds{20}, [&](const Result<int>& result) { first.set_value(result.error().code); },
      [&](const Result<int>& result) { late.set_value(*result); });
  EXPECT_EQ(first.get_future().get(), Errc::kTimeout);
  gate.open();
  EXPECT_EQ(late.get_future().get(), 3);
}

TEST_F(AsyncStoreTest, FullQueuesRefuseAtOnce) {
  AsyncStoreOptions options;
  options.max_asks = 2;
  options.max_writes = 2;
  AsyncStore& store = start(options);
  Gate gate;
  std::latch busy(1);
  ASSERT_TRUE(store.write("busy", [&](Store&) -> Result<void> {
    busy.count_down();
    gate.pass();
    return {};
  }));
  busy.wait();
  const auto nothing = [](Store&) -> Result<void> { return {}; };
  EXPECT_TRUE(store.write("1", nothing));
  EXPECT_TRUE(store.write("2", nothing));
  EXPECT_EQ(store.write("3", nothing).error().code, Errc::kRateLimited);
  auto one = ask<int>(store, number(1), seconds{10});
  auto two = ask<int>(store, number(2), seconds{10});
  EXPECT_EQ(ask<int>(store, number(3), seconds{10}).get().error().code, Errc::kRateLimited);
  gate.open();
  EXPECT_EQ(one.get(), 1);
  EXPECT_EQ(two.get(), 2);
}

TEST_F(AsyncStoreTest, AWriteIsRepeatedUntilTheDatabaseIsBackAndAsksGoAheadMeanwhile) {
  log::Capture capture;
  AsyncStore& store = start();
  std::atomic<int> attempts{0};
  std::atomic<bool> back{false};
  std::promise<void> written;
  ASSERT_TRUE(store.write("w", [&](Store&) -> Result<void> {
    ++attempts;
    if (!back) return fail(Errc::kTimeout, "locked");
    written.set_value();
    return {};
  }));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(ask<int>(store, number(i), seconds{10}).get(), i);
  back = true;
  written.get_future().wait();
  store.stop();
  EXPECT_GE(attempts, 2);
  EXPECT_GE(capture.count("STORE_DEGRADED"), 1u);
  EXPECT_EQ(store.stats().writes_dropped, 0u);
}

TEST_F(AsyncStoreTest, AWriteThatCanNeverSucceedDoesNotHoldUpTheOthers) {
  log::Capture capture;
  AsyncStore& store = start();
  ASSERT_TRUE(store.write("bad", [](Store&) -> Result<void> { return fail(Errc::kInternal, "no such column"); }));
  std::promise<void> written;
  ASSERT_TRUE(store.write("good", [&](Store&) -> Result<void> {
    written.set_value();
    return {};
  }));
  written.get_future().wait();
  store.stop();
  EXPECT_EQ(store.stats().writes_dropped, 1u);
  EXPECT_EQ(capture.count("STORE_WRITE_LOST write=bad attempts=5 why=\"no such column\""), 1u);
}

TEST_F(AsyncStoreTest, StopWritesWhatIsQueuedAndThenRefuses) {
  AsyncStore& store = start();
  std::atomic<int> done{0};
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(store.write("w", [&done, i](Store& to) -> Result<void> {
      CallRecord call;
      call.sid = call_sid(i);
      call.started = at(i);
      ++done;
      return to.records().put_call(call);
    }));
  }
  store.stop();
  EXPECT_EQ(done, 200);
  EXPECT_EQ(store.write("late", [](Store&) -> Result<void> { return {}; }).error().code, Errc::kClosed);
  EXPECT_EQ(ask<int>(store, number(1), seconds{1}).get().error().code, Errc::kClosed);
  RecordFilter all;
  all.limit = 1000;
  EXPECT_EQ(database_.open()->records().calls(all)->size(), 200u);
}

TEST_F(AsyncStoreTest, StopEndsEvenWhenTheDatabaseStaysAway) {
  AsyncStoreOptions options;
  options.stop_wait = milliseconds{30};
  log::Capture capture;
  AsyncStore& store = start(options);
  ASSERT_TRUE(store.write("w", [](Store&) -> Result<void> { return fail(Errc::kClosed, "away"); }));
  store.stop();
  EXPECT_EQ(store.stats().writes_dropped, 1u);
  EXPECT_EQ(capture.count("STORE_WRITE_LOST"), 1u);
}

// The promise to webhooks: with the database locked by somebody else, the answer comes by the deadline.
TEST_F(AsyncStoreTest, ALockedDatabaseCostsAWebhookItsDeadlineAndNotMore) {
  database_.options().lock_wait = milliseconds{100};
  AsyncStore& store = start();
  auto other = sql::SqliteConnection::open(database_.file(), database_.options());
  ASSERT_TRUE(other);
  ASSERT_TRUE((*other)->begin(sql::Durability::kRelaxed));
  const auto offer = [](Store& to) {
    StreamOffer out;
    out.call = call_sid(1);
    return to.registry().offer_stream(out, at(0));
  };
  for (int i = 0; i < 5; ++i) {
    const auto began = std::chrono::steady_clock::now();
    EXPECT_FALSE(ask<RegistryRow>(store, offer, milliseconds{50}).get());
    EXPECT_LT(std::chrono::steady_clock::now() - began, seconds{5}) << "bounded even on a loaded machine";
  }
  (*other)->rollback();
  EXPECT_TRUE(ask<RegistryRow>(store, offer, seconds{10}).get());
}

}  // namespace
}  // namespace al::store
