#include "agentd/call_recorder.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

namespace al::agentd {
namespace {

namespace fs = std::filesystem;

const std::string kCall = "CA0123456789abcdef0123456789abcdef";

class CallRecords : public ::testing::Test {
 protected:
  ~CallRecords() override { fs::remove_all(folder_); }

  CallRecorderOptions options() const {
    CallRecorderOptions options;
    options.folder = folder_;
    options.every = 1;
    return options;
  }
  std::unique_ptr<CallRecorder> open(CallRecorderOptions options) {
    auto opened = CallRecorder::open(std::move(options));
    EXPECT_TRUE(opened) << to_string(opened.error());
    return std::move(*opened);
  }
  static dialog::CallRecordHeader header(const std::string& call = kCall) {
    dialog::CallRecordHeader header;
    header.call_sid = call;
    header.seed = 7;
    return header;
  }
  // A call of `frames` frames with one output each.
  static void speak(CallTape& tape, int frames) {
    for (int i = 0; i < frames; ++i) {
      const Timestamp now = Timestamp{} + i * milliseconds{20};
      dialog::in::Media media;
      media.sequence = static_cast<std::uint64_t>(i);
      tape.input(media, now);
      tape.output(dialog::out::SendMark{"s" + std::to_string(i)});
    }
  }
  [[nodiscard]] Result<dialog::CallRecord> read(const std::string& name) const {
    std::ifstream in(fs::path(folder_) / name, std::ios::binary);
    return dialog::parse_call_record(std::string(std::istreambuf_iterator<char>(in), {}));
  }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), {}));
  }

  const std::string folder_ =
      (fs::temp_directory_path() / ("al-records-" + std::to_string(::getpid())) / "calls").string();
};

TEST_F(CallRecords, HoldEveryInputAndWhatCameOfIt) {
  {
    const auto recorder = open(options());
    const auto tape = recorder->start(1, header(), Timestamp{});
    ASSERT_NE(tape, nullptr);
    speak(*tape, 500);
  }
  const auto record = read(kCall + ".jsonl");
  ASSERT_TRUE(record) << to_string(record.error());
  EXPECT_EQ(record->header.seed, 7U);
  EXPECT_EQ(record->inputs.size(), 500U);
  EXPECT_TRUE(record->whole);
  ASSERT_GE(record->digests.size(), 2U);
  EXPECT_EQ(record->digests.back().outputs, 500U);
  EXPECT_EQ(record->inputs.back().at, 499 * milliseconds{20});
}

TEST_F(CallRecords, AreOfEveryNthCall) {
  CallRecorderOptions third = options();
  third.every = 3;
  const auto recorder = open(third);
  int recorded = 0;
  for (std::uint64_t number = 1; number <= 9; ++number)
    recorded += recorder->start(number, header(), Timestamp{}) != nullptr ? 1 : 0;
  EXPECT_EQ(recorded, 3);
}

TEST_F(CallRecords, ASecondStreamOfACallHasAFileOfItsOwn) {
  {
    const auto recorder = open(options());
    speak(*recorder->start(1, header(), Timestamp{}), 5);
    speak(*recorder->start(2, header(), Timestamp{}), 7);
  }
  EXPECT_EQ(read(kCall + ".jsonl")->inputs.size(), 5U);
  EXPECT_EQ(read(kCall + "-2.jsonl")->inputs.size(), 7U);
}

TEST_F(CallRecords, AFullFolderCutsTheRecordAndWhatIsThereStaysReadable) {
  CallRecorderOptions small = options();
  small.keep.max_bytes = 200U << 10;
  {
    const auto recorder = open(small);
    auto tape = recorder->start(1, header(), Timestamp{});
    speak(*tape, 2000);  // about 800 KiB
    tape.reset();
    for (int i = 0; i < 500 && recorder->stats().waiting > 0; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_EQ(recorder->stats().cut_short, 1U);
    EXPECT_LE(recorder->stats().bytes, small.keep.max_bytes);
  }
  const auto record = read(kCall + ".jsonl");
  ASSERT_TRUE(record) << to_string(record.error());
  EXPECT_FALSE(record->whole);
  EXPECT_GT(record->inputs.size(), 100U);
}

TEST_F(CallRecords, OldOnesMakeRoomForNewOnes) {
  CallRecorderOptions small = options();
  small.keep.max_bytes = 400U << 10;
  {
    const auto recorder = open(small);
    for (int call = 0; call < 6; ++call) {
      std::string sid = kCall;
      sid.back() = static_cast<char>('0' + call);
      speak(*recorder->start(1, header(sid), Timestamp{}), 300);  // about 120 KiB each
    }
  }
  std::uint64_t bytes = 0;
  for (const auto& file : fs::directory_iterator(folder_)) bytes += file.file_size();
  EXPECT_LE(bytes, small.keep.max_bytes);
  EXPECT_GE(files(), 2U);
  std::string last = kCall;
  last.back() = '5';
  EXPECT_TRUE(read(last + ".jsonl")->whole);
}

TEST_F(CallRecords, ADiskThatTakesNothingCostsTheRecordAndNotTheCall) {
  CallRecorderOptions slow = options();
  slow.max_waiting = 0;  // as if it had not taken a byte for minutes
  const auto recorder = open(slow);
  const auto tape = recorder->start(1, header(), Timestamp{});
  speak(*tape, 5000);
  EXPECT_EQ(recorder->stats().cut_short, 1U);
  EXPECT_EQ(recorder->stats().waiting, 0U);
}

TEST_F(CallRecords, WhatIsTooOldGoesWhenTheDaemonStarts) {
  { speak(*open(options())->start(1, header(), Timestamp{}), 5); }
  ASSERT_EQ(files(), 1U);
  fs::last_write_time(fs::path(folder_) / (kCall + ".jsonl"),
                      fs::file_time_type::clock::now() - std::chrono::hours{24 * 30});
  {
    CallRecorderOptions off = options();
    off.every = 0;  // also where nothing is recorded any more
    const auto recorder = open(off);
    EXPECT_EQ(recorder->start(1, header(), Timestamp{}), nullptr);
  }
  EXPECT_EQ(files(), 0U);
}

TEST_F(CallRecords, AFolderThatCannotBeMadeIsNamed) {
  CallRecorderOptions wrong = options();
  wrong.folder = "/proc/none/calls";
  const auto opened = CallRecorder::open(wrong);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().detail.find("/proc/none/calls"), std::string::npos);
}

}  // namespace
}  // namespace al::agentd
