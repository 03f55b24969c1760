#include "store/export.h"

#include <set>

#include <nlohmann/json.hpp>

namespace al::store {
namespace {

nlohmann::json time_json(const std::optional<WallTime>& time) {
  if (!time || time->time_since_epoch().count() == 0) return nullptr;
  return to_iso8601(*time);
}

std::string time_text(const std::optional<WallTime>& time) {
  return !time || time->time_since_epoch().count() == 0 ? "" : to_iso8601(*time);
}

std::string csv_row(const std::vector<std::string>& cells) {
  std::string out;
  for (const std::string& cell : cells) {
    if (!out.empty() || &cell != &cells.front()) out += ',';
    out += csv_cell(cell);
  }
  return out + "\r\n";
}

template <typename Records>
nlohmann::json list_json(const Records& records) {
  nlohmann::json out = nlohmann::json::array();
  for (const auto& record : records) out.push_back(to_json(record));
  return out;
}

}  // namespace

nlohmann::json to_json(const CallRecord& call) {
  return {{"call_sid", call.sid.str()},
          {"channel", call.channel},
          {"from", call.from},
          {"to", call.to},
          {"status", to_string(call.status)},
          {"persona", call.persona},
          {"language", call.language},
          {"node", call.node},
          {"started", time_json(call.started)},
          {"ended", time_json(call.ended)},
          {"end_reason", call.end_reason},
          {"recording_url", call.recording_url},
          {"summary", call.summary}};
}

nlohmann::json to_json(const TurnRecord& turn) {
  return {{"turn", turn.turn.value},          {"at", time_json(turn.at)},        {"caller_text", turn.caller_text},
          {"agent_text", turn.agent_text},    {"agent_heard", turn.agent_heard}, {"interrupted", turn.interrupted},
          {"latencies_ms", turn.latencies_ms}};
}

nlohmann::json to_json(const LeadRecord& lead) {
  return {{"id", lead.id},
          {"call_sid", lead.call.str()},
          {"key", lead.key},
          {"phone", lead.phone},
          {"name", lead.name},
          {"slots", lead.slots},
          {"summary", lead.summary},
          {"confirmed", lead.confirmed},
          {"created", time_json(lead.created)},
          {"updated", time_json(lead.updated)},
          {"hand_over", lead.hand_over}};
}

nlohmann::json to_json(const MessageRecord& message) {
  return {{"id", message.id},
          {"provider", message.provider},
          {"provider_id", message.provider_id},
          {"direction", message.inbound ? "in" : "out"},
          {"from", message.from},
          {"to", message.to},
          {"body", message.body},
          {"media", message.media},
          {"status", to_string(message.status)},
          {"error", message.error},
          {"call_sid", message.call.str()},
          {"at", time_json(message.at)}};
}

nlohmann::json to_json(const CallDetails& details) {
  nlohmann::json out = to_json(details.call);
  out["turns"] = list_json(details.turns);
  out["slots"] = details.slots;
  out["leads"] = list_json(details.leads);
  return out;
}

std::string csv_cell(std::string_view text) {
  constexpr std::string_view kFormulaStarts = "=+-@\t\r";
  std::string cell;
  if (!text.empty() && kFormulaStarts.find(text.front()) != std::string_view::npos) cell += '\'';
  cell += text;
  if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
  std::string quoted = "\"";
  for (const char c : cell) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string calls_csv(const std::vector<CallRecord>& calls) {
  std::string out = csv_row(
      {"call_sid", "channel", "from", "to", "status", "started", "ended", "end_reason", "recording_url", "summary"});
  for (const CallRecord& call : calls) {
    out += csv_row({call.sid.str(), call.channel, call.from, call.to, std::string(to_string(call.status)),
                    time_text(call.started), time_text(call.ended), call.end_reason, call.recording_url, call.summary});
  }
  return out;
}

std::string leads_csv(const std::vector<LeadRecord>& leads) {
  std::set<std::string> names;
  for (const LeadRecord& lead : leads) {
    for (const auto& [name, value] : lead.slots) names.insert(name);
  }
  std::vector<std::string> header = {"id", "call_sid", "created", "phone", "name", "confirmed", "summary", "hand_over"};
  header.insert(header.end(), names.begin(), names.end());
  std::string out = csv_row(header);
  for (const LeadRecord& lead : leads) {
    std::vector<std::string> cells = {lead.id,      lead.call.str(), time_text(lead.created),
                                      lead.phone,   lead.name,       lead.confirmed ? "true" : "false",
                                      lead.summary, lead.hand_over};
    for (const std::string& name : names) {
      const auto found = lead.slots.find(name);
      cells.push_back(found == lead.slots.end() ? "" : found->second);
    }
    out += csv_row(cells);
  }
  return out;
}

std::string messages_csv(const std::vector<MessageRecord>& messages) {
  std::string out = csv_row(
      {"id", "at", "direction", "from", "to", "body", "status", "error", "provider", "provider_id", "call_sid"});
  for (const MessageRecord& message : messages) {
    out += csv_row({message.id, time_text(message.at), message.inbound ? "in" : "out", message.from, message.to,
                    message.body, std::string(to_string(message.status)), message.error, message.provider,
                    message.provider_id, message.call.str()});
  }
  return out;
}

}  // namespace al::store
