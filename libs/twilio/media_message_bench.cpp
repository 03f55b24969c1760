// The cost of one frame: parsing, and filling the outbound template, each against the plain way.
#include <benchmark/benchmark.h>
#include <nlohmann/json.hpp>

#include "twilio/media_message.h"

namespace al::twilio {
namespace {

const StreamSid kStream("MZ0123456789abcdef0123456789abcdef");

std::string inbound_text() {
  MediaTemplate frame(kStream);
  std::array<std::uint8_t, kFrameBytes> ulaw{};
  for (std::size_t i = 0; i < ulaw.size(); ++i) ulaw[i] = static_cast<std::uint8_t>(i * 7);
  const std::string payload(frame.fill(ulaw).substr(frame.size() - 3 - 216, 216));
  return "{\"event\":\"media\",\"sequenceNumber\":\"412\",\"streamSid\":\"" + kStream.str() +
         "\",\"media\":{\"track\":\"inbound\",\"chunk\":\"411\",\"timestamp\":\"8220\",\"payload\":\"" + payload +
         "\"}}";
}

void BM_ParseByScanner(benchmark::State& state) {
  const std::string text = inbound_text();
  for (auto _ : state) benchmark::DoNotOptimize(parse_media_message(text));
}
BENCHMARK(BM_ParseByScanner);

void BM_ParseByFullParser(benchmark::State& state) {
  const std::string text = inbound_text();
  for (auto _ : state) benchmark::DoNotOptimize(detail::parse_with_json(text));
}
BENCHMARK(BM_ParseByFullParser);

void BM_FillTemplate(benchmark::State& state) {
  MediaTemplate frame(kStream);
  const std::array<std::uint8_t, kFrameBytes> ulaw{};
  for (auto _ : state) benchmark::DoNotOptimize(frame.fill(ulaw));
}
BENCHMARK(BM_FillTemplate);

void BM_BuildMessage(benchmark::State& state) {
  const std::array<std::uint8_t, kFrameBytes> ulaw{};
  for (auto _ : state) benchmark::DoNotOptimize(media_message(kStream, ulaw));
}
BENCHMARK(BM_BuildMessage);

}  // namespace
}  // namespace al::twilio
