// Tables and their versions. A step that has been released is never changed: later needs are further steps (first add,
// then use, then remove, so that two neighbouring releases can share a database). Private to this room.
#pragma once

#include "store/sql.h"

namespace al::store::sql {

inline constexpr int kSchemaVersion = 2;

// Brings the database to kSchemaVersion in one transaction. kRejected: it is newer than this program.
Result<void> migrate(Connection& connection);

}  // namespace al::store::sql
