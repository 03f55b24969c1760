#include "store/export.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/json.h"
#include "store/store_fixture.h"

namespace al::store {
namespace {

using testing::at;
using testing::call_sid;

TEST(Csv, CellsAreQuotedAndFormulasMadeHarmless) {
  EXPECT_EQ(csv_cell(""), "");
  EXPECT_EQ(csv_cell("plain"), "plain");
  EXPECT_EQ(csv_cell("a,b"), "\"a,b\"");
  EXPECT_EQ(csv_cell("say \"x\""), "\"say \"\"x\"\"\"");
  EXPECT_EQ(csv_cell("two\nlines"), "\"two\nlines\"");
  EXPECT_EQ(csv_cell("=HYPERLINK(\"http://x\")"), "\"'=HYPERLINK(\"\"http://x\"\")\"");
  EXPECT_EQ(csv_cell("+972501234567"), "'+972501234567");
  EXPECT_EQ(csv_cell("-1"), "'-1");
  EXPECT_EQ(csv_cell("@SUM(A1)"), "'@SUM(A1)");
  EXPECT_EQ(csv_cell("\t=1"), "'\t=1");
  EXPECT_EQ(csv_cell("a=b"), "a=b");
}

TEST(Csv, LeadsHaveAColumnForEverySlotThatOccurs) {
  LeadRecord one;
  one.id = "L1";
  one.call = call_sid(1);
  one.created = at(0);
  one.phone = "+972501234567";
  one.slots = {{"area", "=cmd|' /C calc'!A0"}};
  LeadRecord two = one;
  two.id = "L2";
  two.slots = {{"budget", "2,500,000"}};
  const std::string csv = leads_csv({one, two});
  EXPECT_EQ(csv.substr(0, csv.find("\r\n")), "id,call_sid,created,phone,name,confirmed,summary,hand_over,area,budget");
  EXPECT_NE(csv.find(",'=cmd|' /C calc'!A0,\r\n"), std::string::npos) << csv;
  EXPECT_NE(csv.find(",,\"2,500,000\"\r\n"), std::string::npos) << csv;
  EXPECT_NE(csv.find("2027-01-15T08:00:00.000Z,'+972501234567"), std::string::npos) << csv;
}

TEST(Csv, AnEmptyListIsItsHeader) {
  EXPECT_EQ(calls_csv({}).find("\r\n") + 2, calls_csv({}).size());
  EXPECT_EQ(messages_csv({}).find("\r\n") + 2, messages_csv({}).size());
}

TEST(Json, ACallIsCompleteAndNeverThrowsOnBadText) {
  CallDetails details;
  details.call.sid = call_sid(1);
  details.call.from = "a\xFF";
  details.call.status = CallStatus::kCompleted;
  details.call.started = at(0);
  TurnRecord turn;
  turn.turn = TurnId{1};
  turn.caller_text = "שלום";
  details.turns.push_back(turn);
  details.slots["area"] = "חיפה";
  const auto parsed = parse_json(dump_json(to_json(details)));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(json_string(*parsed, "status"), "completed");
  EXPECT_TRUE(parsed->at("ended").is_null());
  EXPECT_EQ(parsed->at("turns").at(0).at("caller_text"), "שלום");
  EXPECT_EQ(parsed->at("slots").at("area"), "חיפה");
}

}  // namespace
}  // namespace al::store
