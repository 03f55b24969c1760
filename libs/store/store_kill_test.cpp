// kill -9 at any moment: a lead that was acknowledged is there afterwards, and no call stays in the registry.
#include <array>
#include <cstdio>
#include <cstring>
#include <set>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/random.h"
#include "store/store_fixture.h"

namespace al::store {
namespace {

using testing::at;
using testing::call_sid;

constexpr int kKills = 200;
constexpr int kCallsPerLife = 100000;

// What a node does for its calls, as fast as it can, telling each lead that was acknowledged. Never returns.
[[noreturn]] void live(const StoreOptions& options, int first_call, int pipe_end) {
  auto opened = open_store(options);
  if (!opened) {
    std::fprintf(stderr, "%s\n", opened.error().detail.c_str());
    _exit(3);
  }
  Store& store = **opened;
  for (int n = first_call; n < first_call + kCallsPerLife; ++n) {
    StreamOffer offer;
    offer.call = call_sid(n);
    offer.node = "killed";
    offer.token_hash = hash_token("t");
    offer.token_expires = at(60000);
    offer.deadline = at(6000);
    StreamStart start{offer.call, AccountSid(), offer.token_hash, StreamSid("MZ1"), "killed", at(6000)};
    LeadRecord lead;
    lead.call = offer.call;
    lead.key = "lead";
    lead.phone = "+972501234567";
    lead.slots = {{"area", "חיפה"}, {"budget", std::to_string(n)}};
    lead.created = at(n);
    const HandOver work{"crm", "lead:" + offer.call.str(), lead.phone, "{}"};
    const bool acknowledged = store.registry().offer_stream(offer, at(0)) &&
                              store.registry().accept_stream(start, at(1)) && store.records().save_lead(lead, &work);
    if (!acknowledged) _exit(4);
    std::array<char, 16> line{};
    const int length = std::snprintf(line.data(), line.size(), "%d\n", n);
    if (write(pipe_end, line.data(), static_cast<std::size_t>(length)) != length) _exit(5);
    if (!store.registry().end_call(offer.call, "completed", at(2))) _exit(6);
  }
  _exit(0);
}

// One life: acknowledged call numbers go to `acknowledged`. False when the child ended by itself.
bool kill_one(const StoreOptions& options, int first_call, Duration after, std::set<int>& acknowledged) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) return false;
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    live(options, first_call, ends[1]);
  }
  close(ends[1]);
  FILE* lines = fdopen(ends[0], "r");
  std::array<char, 32> line{};
  // The clock starts at the first acknowledged lead, so that every kill hits a node at work.
  if (std::fgets(line.data(), static_cast<int>(line.size()), lines) != nullptr)
    acknowledged.insert(std::atoi(line.data()));
  usleep(static_cast<useconds_t>(after.count()));
  kill(child, SIGKILL);
  while (std::fgets(line.data(), static_cast<int>(line.size()), lines) != nullptr) {
    if (std::strchr(line.data(), '\n') != nullptr) acknowledged.insert(std::atoi(line.data()));
  }
  std::fclose(lines);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

class KillNine : public ::testing::TestWithParam<std::string> {};

TEST_P(KillNine, LosesNoAcknowledgedLeadAndLeavesNoCallBehind) {
  AL_SKIP_WITHOUT_SERVER(GetParam());
  testing::Database database(GetParam());
  ASSERT_NE(database.open(), nullptr);
  Random random(9);
  std::set<int> acknowledged;
  for (int i = 0; i < kKills; ++i) {
    ASSERT_TRUE(kill_one(database.options(), i * kCallsPerLife,
                         Duration{static_cast<std::int64_t>(random.below(20000))}, acknowledged))
        << "the child was to be killed at work";
  }
  auto store = database.open();
  ASSERT_NE(store, nullptr);

  std::set<int> stored;
  RecordFilter page;
  page.limit = 1000;
  while (true) {
    const auto leads = store->records().leads(page);
    ASSERT_TRUE(leads) << leads.error().detail;
    if (leads->empty()) break;
    for (const LeadRecord& lead : *leads) {
      stored.insert(std::stoi(lead.slots.at("budget")));
      EXPECT_EQ(lead.hand_over, "pending");
    }
    page.before = leads->back().created;
  }
  std::size_t lost = 0;
  for (const int n : acknowledged) lost += stored.contains(n) ? 0 : 1;
  std::printf("  %d kills, %zu leads acknowledged, %zu stored, %zu lost\n", kKills, acknowledged.size(), stored.size(),
              lost);
  EXPECT_EQ(lost, 0u);
  EXPECT_GT(acknowledged.size(), static_cast<std::size_t>(kKills));
  EXPECT_LE(stored.size() - acknowledged.size(), static_cast<std::size_t>(kKills))
      << "at most one a life was written but not told";
  EXPECT_EQ(store->outbox().counts("crm")->pending, static_cast<std::int64_t>(stored.size()))
      << "lead and hand-over go together";

  // Calls that were open when their node died are taken over and end.
  const auto open_calls = store->registry().live("", 100000);
  ASSERT_TRUE(open_calls);
  EXPECT_LE(open_calls->size(), static_cast<std::size_t>(kKills) * 2);
  while (true) {
    const auto claimed = store->registry().claim_due("survivor", at(6001), seconds{60}, 50);
    ASSERT_TRUE(claimed) << claimed.error().detail;
    if (claimed->empty()) break;
    for (const RegistryRow& row : *claimed) {
      EXPECT_EQ(store->registry().finish_redirect(row.call, "survivor", RedirectEnd::kOver, at(6002), at(0)), true);
    }
  }
  EXPECT_TRUE(store->registry().live("", 10)->empty());
}

INSTANTIATE_TEST_SUITE_P(Over, KillNine, ::testing::Values("sqlite", "postgres"),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace al::store
