// Records as JSON and CSV, for people and their programs. Pure.
// CSV: RFC 4180 with a header line and CRLF; a cell that a spreadsheet would take for a formula (first character one of
// = + - @, tab or carriage return) begins with an apostrophe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "store/records.h"

namespace al::store {

[[nodiscard]] nlohmann::json to_json(const CallRecord& call);
[[nodiscard]] nlohmann::json to_json(const TurnRecord& turn);
[[nodiscard]] nlohmann::json to_json(const LeadRecord& lead);
[[nodiscard]] nlohmann::json to_json(const MessageRecord& message);
[[nodiscard]] nlohmann::json to_json(const CallDetails& details);

[[nodiscard]] std::string calls_csv(const std::vector<CallRecord>& calls);
// One column a slot, for every slot that occurs, in alphabetical order after the fixed ones.
[[nodiscard]] std::string leads_csv(const std::vector<LeadRecord>& leads);
[[nodiscard]] std::string messages_csv(const std::vector<MessageRecord>& messages);

// One cell, quoted where needed and made harmless.
[[nodiscard]] std::string csv_cell(std::string_view text);

}  // namespace al::store
