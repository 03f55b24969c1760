#include "providers/fakes/fault.h"

#include <utility>

namespace al::providers {
namespace {

constexpr std::pair<Fault, std::string_view> kNames[] = {{Fault::kNone, "none"},
                                                         {Fault::kHang, "hang"},
                                                         {Fault::kSlowDrip, "slow-drip"},
                                                         {Fault::kReset, "reset"},
                                                         {Fault::kUnauthorized, "401"},
                                                         {Fault::kRateLimited, "429"},
                                                         {Fault::kServerError, "503"},
                                                         {Fault::kHtmlBody, "html"},
                                                         {Fault::kTruncated, "truncated"},
                                                         {Fault::kMalformed, "malformed"},
                                                         {Fault::kEmpty, "empty"},
                                                         {Fault::kWrongShape, "wrong-shape"},
                                                         {Fault::kHeaderInside, "header-inside"},
                                                         {Fault::kEndless, "endless"},
                                                         {Fault::kMidStreamError, "mid-stream-error"},
                                                         {Fault::kOddSplit, "odd-split"},
                                                         {Fault::kLate, "late"}};
constexpr std::size_t kMaxRecorded = 256;
constexpr std::size_t kMaxProblems = 256;

}  // namespace

std::string_view to_string(Fault fault) {
  for (const auto& [value, name] : kNames) {
    if (value == fault) return name;
  }
  return "unknown";
}

Result<Fault> parse_fault(std::string_view name) {
  std::string known;
  for (const auto& [value, text] : kNames) {
    if (text == name) return value;
    known.append(known.empty() ? "" : ", ").append(text);
  }
  return fail(Errc::kMalformed, "unknown fault '" + std::string(name) + "' (there are: " + known + ")");
}

void FakeScript::set_transcripts(std::vector<std::string> texts) {
  const std::lock_guard lock(mutex_);
  transcripts_ = std::move(texts);
  transcripts_given_ = 0;
}
void FakeScript::set_answers(std::vector<FakeAnswer> answers) {
  const std::lock_guard lock(mutex_);
  answers_ = std::move(answers);
  answers_given_ = 0;
}
void FakeScript::set_latencies(FakeLatencies latencies) {
  const std::lock_guard lock(mutex_);
  latencies_ = latencies;
}
void FakeScript::set_fault(FakeStage stage, Fault fault, int count) {
  const std::lock_guard lock(mutex_);
  faults_[stage] = {.fault = fault, .left = count};
}

std::string FakeScript::next_transcript() {
  const std::lock_guard lock(mutex_);
  return transcripts_.empty() ? std::string() : transcripts_[transcripts_given_++ % transcripts_.size()];
}
void FakeScript::set_answerer(std::function<FakeAnswer(std::string_view body)> answerer) {
  const std::lock_guard lock(mutex_);
  answerer_ = std::move(answerer);
}
FakeAnswer FakeScript::next_answer(std::string_view body) {
  const std::lock_guard lock(mutex_);
  if (answerer_) return answerer_(body);
  return answers_.empty() ? FakeAnswer{} : answers_[answers_given_++ % answers_.size()];
}
FakeLatencies FakeScript::latencies() const {
  const std::lock_guard lock(mutex_);
  return latencies_;
}
Fault FakeScript::take_fault(FakeStage stage) {
  const std::lock_guard lock(mutex_);
  ++requests_[stage];
  Planned& planned = faults_[stage];
  if (planned.left == 0) return Fault::kNone;
  if (planned.left > 0) --planned.left;
  return planned.fault;
}

int FakeScript::requests(FakeStage stage) const {
  const std::lock_guard lock(mutex_);
  const auto found = requests_.find(stage);
  return found == requests_.end() ? 0 : found->second;
}
void FakeScript::record(RecordedRequest request) {
  const std::lock_guard lock(mutex_);
  recorded_.push_back(std::move(request));
  if (recorded_.size() > kMaxRecorded) recorded_.pop_front();
}
std::vector<RecordedRequest> FakeScript::recorded() const {
  const std::lock_guard lock(mutex_);
  return {recorded_.begin(), recorded_.end()};
}
void FakeScript::note_problem(std::string problem) {
  const std::lock_guard lock(mutex_);
  if (problems_.size() < kMaxProblems) problems_.push_back(std::move(problem));
}
std::vector<std::string> FakeScript::problems() const {
  const std::lock_guard lock(mutex_);
  return problems_;
}

}  // namespace al::providers
