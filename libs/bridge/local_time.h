// Calendar time where the business is: what "tomorrow at ten" is measured from.
#pragma once

#include "core/time.h"

namespace al::bridge {

// The same moment as the calendar of the process's time zone (TZ, /etc/localtime) shows it. UTC when the zone is
// unknown.
[[nodiscard]] WallTime to_local(WallTime moment);

}  // namespace al::bridge
