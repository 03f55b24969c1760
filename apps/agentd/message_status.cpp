#include "agentd/message_status.h"

#include <array>
#include <utility>

#include "core/log.h"

namespace al::agentd {
namespace {

constexpr std::array<Duration, 4> kLookAgain = {milliseconds{500}, seconds{2}, seconds{8}, seconds{30}};
constexpr Duration kStoreWait = seconds{5};
constexpr Duration kStep = milliseconds{250};
constexpr std::size_t kMaxWaiting = 10'000;

}  // namespace

MessageStatusUpdates::MessageStatusUpdates(net::Loop& loop, store::AsyncStore& store)
    : loop_(loop), store_(store), timer_(loop, [this](Timestamp now) { run_due(now); }) {}

MessageStatusUpdates::~MessageStatusUpdates() {
  alive_.reset();
}

void MessageStatusUpdates::apply(const std::string& provider, const std::string& id, const std::string& status,
                                 const std::string& error) {
  const auto parsed = store::parse_message_status(status);
  if (!parsed || id.empty()) return;
  log::info("WHATSAPP_STATUS", {{"id", id}, {"status", status}, {"error", error}});
  look({provider, id, *parsed, error});
}

void MessageStatusUpdates::look(Update update) {
  // Decided on the store's thread; false is "not known" or "further already", and only the first may change.
  store_.ask<bool>(
      [update](store::Store& store) {
        return store.records().set_message_status(update.provider, update.id, update.status, update.error);
      },
      kStoreWait,
      [this, weak = std::weak_ptr(alive_), update](const Result<bool>& changed) {
        if ((changed && *changed) || !weak.lock()) return;
        loop_.post([this, weak, update] {
          if (weak.lock()) again(update);
        });
      });
}

void MessageStatusUpdates::again(Update update) {
  const auto tries = static_cast<std::size_t>(update.tries++);
  if (tries >= kLookAgain.size() || waiting_.size() >= kMaxWaiting) return;
  update.due = monotonic_now() + kLookAgain[tries];
  waiting_.push_back(std::move(update));
  if (!timer_.armed()) timer_.arm_after(kStep);
}

void MessageStatusUpdates::run_due(Timestamp now) {
  std::deque<Update> later;
  std::swap(later, waiting_);
  for (Update& update : later) {
    if (update.due <= now) {
      look(std::move(update));
    } else {
      waiting_.push_back(std::move(update));
    }
  }
  if (!waiting_.empty()) timer_.arm_after(kStep);
}

}  // namespace al::agentd
