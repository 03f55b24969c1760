#include "providers/worker_pool.h"

#include <atomic>
#include <future>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace al::providers {
namespace {

// Holds the pool's only worker until released.
struct Blocker {
  explicit Blocker(WorkerPool& pool) {
    EXPECT_TRUE(pool.submit(JobClass::kFinal, [this] {
      started.set_value();
      released.get_future().wait();
      finished.set_value();
    }));
    started.get_future().wait();
  }
  // Returns when the job is done with this object.
  void release() {
    released.set_value();
    finished.get_future().wait();
  }
  std::promise<void> started;
  std::promise<void> released;
  std::promise<void> finished;
};

TEST(WorkerPool, TakesTheMostUrgentClassFirstAndKeepsOrderWithinOne) {
  std::vector<std::string> order;
  {
    WorkerPool pool(1, 16, "test");
    Blocker blocker(pool);
    std::promise<void> last;
    for (const auto& [job_class, name] :
         {std::pair{JobClass::kAhead, "ahead"}, std::pair{JobClass::kSpeech, "speech 1"},
          std::pair{JobClass::kSpeech, "speech 2"}, std::pair{JobClass::kFinal, "final"},
          std::pair{JobClass::kNotice, "notice"}}) {
      ASSERT_TRUE(pool.submit(job_class, [&order, &last, name = std::string(name)] {
        order.push_back(name);
        if (name == "ahead") last.set_value();
      }));
    }
    blocker.release();
    last.get_future().wait();
  }
  EXPECT_EQ(order, (std::vector<std::string>{"notice", "final", "speech 1", "speech 2", "ahead"}));
}

TEST(WorkerPool, FullQueueIsAnErrorAtOnceButNoticesPass) {
  WorkerPool pool(1, 2, "test");
  Blocker blocker(pool);
  EXPECT_TRUE(pool.submit(JobClass::kFinal, [] {}));
  EXPECT_TRUE(pool.submit(JobClass::kAhead, [] {}));
  const auto refused = pool.submit(JobClass::kFinal, [] {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kRateLimited);
  EXPECT_TRUE(pool.submit(JobClass::kNotice, [] {}));
  EXPECT_EQ(pool.stats().refused, 1U);
  blocker.release();
}

TEST(WorkerPool, IdleWorkIsRefusedWhileSomethingRunsOnEveryThread) {
  WorkerPool pool(1, 8, "test");
  {
    Blocker blocker(pool);
    EXPECT_FALSE(pool.submit(JobClass::kIdle, [] {}));
    blocker.release();
  }
  std::promise<void> after;
  ASSERT_TRUE(pool.submit(JobClass::kFinal, [&] { after.set_value(); }));
  after.get_future().wait();
}

TEST(WorkerPool, ACancelledJobNeverRunsAndFreesItsPlace) {
  WorkerPool pool(1, 1, "test");
  Blocker blocker(pool);
  std::atomic<bool> ran{false};
  const auto id = pool.submit(JobClass::kFinal, [&] { ran = true; });
  ASSERT_TRUE(id);
  EXPECT_TRUE(pool.cancel(*id));
  EXPECT_FALSE(pool.cancel(*id));
  std::promise<void> done;
  ASSERT_TRUE(pool.submit(JobClass::kFinal, [&] { done.set_value(); }));
  blocker.release();
  done.get_future().wait();
  EXPECT_FALSE(ran);
}

TEST(WorkerPool, DropsWhatWaitsWhenDestroyed) {
  std::atomic<int> ran{0};
  std::promise<void> started;
  std::promise<void> release;
  std::thread destroyer;
  {
    auto pool = std::make_unique<WorkerPool>(1, 8, "test");
    ASSERT_TRUE(pool->submit(JobClass::kFinal, [&] {
      started.set_value();
      release.get_future().wait();
      ++ran;
    }));
    started.get_future().wait();
    // Its captured promise dies with the dropped job: that tells when the queue has been emptied.
    auto token = std::make_shared<std::promise<void>>();
    auto dropped = token->get_future();
    ASSERT_TRUE(pool->submit(JobClass::kFinal, [&ran, token = std::move(token)] { ++ran; }));
    destroyer = std::thread([&pool] { pool.reset(); });
    EXPECT_THROW(dropped.get(), std::future_error);
    release.set_value();
    destroyer.join();
  }
  EXPECT_EQ(ran, 1);
}

TEST(WorkerPool, AJobThatThrowsDoesNotEndTheWorker) {
  WorkerPool pool(1, 8, "test");
  ASSERT_TRUE(pool.submit(JobClass::kFinal, [] { throw std::runtime_error("on purpose"); }));
  std::promise<void> done;
  ASSERT_TRUE(pool.submit(JobClass::kFinal, [&] { done.set_value(); }));
  done.get_future().wait();
}

TEST(WorkerPool, ManySubmittersAndCancellersAgreeOnTheCount) {
  std::atomic<int> ran{0};
  std::atomic<int> accepted{0};
  std::atomic<int> cancelled{0};
  {
    WorkerPool pool(4, 64, "test");
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 2000; ++i) {
          const auto id = pool.submit(static_cast<JobClass>(1 + (i + t) % 4), [&] { ++ran; });
          if (!id) continue;
          ++accepted;
          if (i % 3 == 0 && pool.cancel(*id)) ++cancelled;
        }
      });
    }
    for (auto& thread : threads) thread.join();
    // The queue runs empty before the pool is destroyed.
    while (pool.stats().waiting + pool.stats().running > 0) std::this_thread::yield();
  }
  EXPECT_EQ(ran + cancelled, accepted);
}

}  // namespace
}  // namespace al::providers
