#include "twilio/error_catalogue.h"

#include <gtest/gtest.h>

namespace al::twilio {
namespace {

TEST(ErrorCatalogue, KnowsAtLeastNinetyCodesAndSaysSomethingAboutEach) {
  EXPECT_GE(error_catalogue().size(), 90U);
  for (const CatalogueEntry& entry : error_catalogue()) {
    EXPECT_EQ(find_error(entry.code), &entry);
    EXPECT_GT(entry.title.size(), 5U) << entry.code;
    EXPECT_GT(entry.cause.size(), 8U) << entry.code;
    EXPECT_GT(entry.cure.size(), 4U) << entry.code;
  }
  EXPECT_EQ(find_error(1), nullptr);
  EXPECT_EQ(find_error(99999), nullptr);
}

std::vector<std::string> ids_in(std::string_view log) {
  std::vector<std::string> ids;
  for (const SymptomHit& hit : symptoms_in(log)) ids.emplace_back(hit.symptom->id);
  return ids;
}

TEST(Symptoms, AreReadFromTheLog) {
  EXPECT_EQ(ids_in("2026-11-20T07:05:00.123Z INFO  WS_DONE call=CA1 rx=0 tx=0\n"), std::vector<std::string>{"rx_zero"});
  EXPECT_EQ(ids_in("WS_DONE call=CA1 rx=512 tx=0"), std::vector<std::string>{"tx_zero"});
  EXPECT_EQ(ids_in("WS_DONE call=CA1 rx=05 tx=10"), std::vector<std::string>{});
  EXPECT_EQ(ids_in("ASR_TEXT call=CA1 turn=2 chars=0 latency_ms=300"), std::vector<std::string>{"empty_text"});
  EXPECT_EQ(ids_in("TTS_END call=CA1 frames=100 underruns=2"), std::vector<std::string>{"underrun"});
  EXPECT_EQ(ids_in("TTS_END call=CA1 frames=100 underruns=0"), std::vector<std::string>{});
}

TEST(Symptoms, AreSaidOnceWithTheirLine) {
  const auto hits = symptoms_in("x\nWS_DONE rx=0 tx=0\nWS_DONE rx=0 tx=0\n");
  ASSERT_EQ(hits.size(), 1U);
  EXPECT_EQ(hits[0].line, 2U);
  EXPECT_EQ(hits[0].text, "WS_DONE rx=0 tx=0");
}

TEST(Symptoms, CodesAreFoundWhereAWordNamesThem) {
  EXPECT_EQ(codes_in("error_code=31920 then ErrorCode: 12300 and error 31920 again"), (std::vector<int>{31920, 12300}));
  EXPECT_TRUE(codes_in("port 31920, id 12300x, 1.11200").empty());
}

}  // namespace
}  // namespace al::twilio
