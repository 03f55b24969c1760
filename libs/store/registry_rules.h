// Why a transition did not happen: the same words for every registry. Private to this room.
#pragma once

#include "store/registry.h"

namespace al::store {

// The redirect has won: no stream is offered any more.
[[nodiscard]] inline bool goes_to_voicemail(const RegistryRow& row) {
  return row.phase == Phase::kRedirecting || row.phase == Phase::kRedirected;
}
[[nodiscard]] Error why_not_offered(const RegistryRow& row, const StreamOffer& offer);
[[nodiscard]] Error why_not_accepted(const RegistryRow& row);
// The same start again: its answer got lost, the stream has the call.
[[nodiscard]] bool is_repeated_start(const RegistryRow& row, const StreamStart& start);

}  // namespace al::store
