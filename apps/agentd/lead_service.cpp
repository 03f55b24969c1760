#include "agentd/lead_service.h"

#include <functional>
#include <utility>

#include "core/log.h"
#include "store/lead_handover.h"

namespace al::agentd {
namespace {

std::string slot_or(const std::map<std::string, std::string>& slots, const std::string& name,
                    const std::string& otherwise) {
  const auto slot = slots.find(name);
  return slot != slots.end() && !slot->second.empty() ? slot->second : otherwise;
}

// One lead a call: later words of the same call complete it.
constexpr std::string_view kLeadKey = "lead";

// The agent waits so long for the word that a lead is safe; then it says only what is true.
constexpr Duration kSaveWait = seconds{2};

}  // namespace

LeadService::LeadService(const Settings& settings, store::AsyncStore& store)
    : store_(store), hand_over_(settings.has("crm_webhook_url")) {}

void LeadService::save(const Lead& lead, std::function<void(bool ok)> saved) {
  store::LeadRecord record;
  record.key = kLeadKey;
  record.call = lead.call;
  record.phone = slot_or(lead.slots, "phone", lead.caller);
  record.name = slot_or(lead.slots, "name", "");
  record.slots = lead.slots;
  record.summary = lead.summary;
  record.confirmed = lead.confirmed;
  record.created = wall_now();
  record.updated = record.created;
  auto write = [record, hand_over = hand_over_ && lead.complete](store::Store& store) -> Result<store::SavedLead> {
    const store::HandOver work = store::lead_hand_over(record);
    (void)store.records().put_slots(record.call, record.slots, record.updated);
    return store.records().save_lead(record, hand_over ? &work : nullptr);
  };
  auto queued = [write](store::Store& store) -> Result<void> {
    const auto done = write(store);
    return done ? Result<void>() : fail(done.error());
  };
  if (!saved) {
    if (const auto accepted = store_.write("lead", queued); !accepted) {
      log::error("LEAD_NOT_SAVED", {{"call", lead.call.str()}, {"why", accepted.error().detail}});
    }
    return;
  }
  store_.ask<store::SavedLead>(
      write, kSaveWait, [this, queued, saved = std::move(saved), call = lead.call](Result<store::SavedLead> done) {
        if (!done) {
          // Not yet: it stays queued, and nobody is told that it is done.
          log::warn("LEAD_DELAYED", {{"call", call.str()}, {"why", done.error().detail}});
          (void)store_.write("lead", queued);
        }
        saved(done.has_value());
      });
}

}  // namespace al::agentd
