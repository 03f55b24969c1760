#include "store/call_files.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace al::store {
namespace {

namespace fs = std::filesystem;

const CallSid kCall("CA0123456789abcdef0123456789abcdef");
const CallSid kOther("CAffffffffffffffffffffffffffffffff");
const WallTime kNow{std::chrono::milliseconds{1'800'000'000'000}};

class CallFiles : public ::testing::Test {
 protected:
  CallFiles() { EXPECT_TRUE(make_call_folder(folder_)); }
  ~CallFiles() override { fs::remove_all(folder_); }

  std::string put(const CallSid& call, const std::string& text, std::chrono::hours age = {}) {
    auto file = create_call_file(folder_, call);
    EXPECT_TRUE(file) << to_string(file.error());
    EXPECT_EQ(write(file->descriptor, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    close(file->descriptor);
    fs::last_write_time(file->path, std::chrono::file_clock::from_sys(kNow) - age);
    return file->path;
  }

  const std::string folder_ =
      (fs::temp_directory_path() / ("al-call-files-" + std::to_string(::getpid())) / "calls").string();
};

TEST_F(CallFiles, AreReadableByTheirOwnerOnly) {
  const std::string path = put(kCall, "x");
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  ASSERT_EQ(stat(folder_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);
}

TEST_F(CallFiles, EachStreamOfACallHasItsOwn) {
  EXPECT_TRUE(put(kCall, "x").ends_with(kCall.str() + ".jsonl"));
  EXPECT_TRUE(put(kCall, "x").ends_with(kCall.str() + "-2.jsonl"));
  EXPECT_TRUE(put(kCall, "x").ends_with(kCall.str() + "-3.jsonl"));
}

TEST_F(CallFiles, ANameThatIsNoCallLeadsNowhere) {
  for (const char* name : {"", "../../etc/passwd", "CA0123", "CA0123456789abcdef0123456789abcde/"}) {
    const auto file = create_call_file(folder_, CallSid(name));
    ASSERT_FALSE(file) << name;
    EXPECT_EQ(file.error().code, Errc::kMalformed);
  }
}

TEST_F(CallFiles, TheOldGoThenTheOldestUntilTheSizeIsKept) {
  const std::string old = put(kOther, std::string(10, 'x'), std::chrono::hours{50});
  const std::string first = put(kCall, std::string(100, 'x'), std::chrono::hours{3});
  const std::string second = put(kCall, std::string(100, 'x'), std::chrono::hours{2});
  const std::string third = put(kCall, std::string(100, 'x'), std::chrono::hours{1});
  std::ofstream(folder_ + "/notes.txt") << std::string(10'000, 'x');
  const auto sweep = sweep_call_files(folder_, {std::chrono::hours{48}, 250}, kNow);
  ASSERT_TRUE(sweep) << to_string(sweep.error());
  EXPECT_EQ(sweep->removed, 2U);
  EXPECT_EQ(sweep->kept, 2U);
  EXPECT_EQ(sweep->bytes, 200U);
  EXPECT_FALSE(fs::exists(old));
  EXPECT_FALSE(fs::exists(first));
  EXPECT_TRUE(fs::exists(second) && fs::exists(third) && fs::exists(folder_ + "/notes.txt"));
}

TEST_F(CallFiles, WhatIsBeingWrittenStays) {
  const std::string writing = put(kCall, std::string(100, 'x'), std::chrono::hours{100});
  const auto sweep = sweep_call_files(folder_, {std::chrono::hours{1}, 10}, kNow, {writing});
  ASSERT_TRUE(sweep);
  EXPECT_TRUE(fs::exists(writing));
}

TEST_F(CallFiles, AreErasedByCallAndByCaller) {
  put(kCall, R"({"call_sid":"CA1","caller":"+972501234567","clips":{}})");
  put(kCall, R"({"call_sid":"CA1","caller":"+972501234567","clips":{}})");
  const std::string other = put(kOther, R"({"call_sid":"CA2","caller":"+972500000000","clips":{}})");
  EXPECT_EQ(erase_call_files_of(folder_, "+972 50-123-4567").value(), 2U);
  EXPECT_TRUE(fs::exists(other));
  EXPECT_EQ(erase_call_files(folder_, std::vector<CallSid>{kCall}).value(), 0U);
  EXPECT_EQ(erase_call_files(folder_, std::vector<CallSid>{kCall, kOther}).value(), 1U);
  EXPECT_FALSE(erase_call_files_of(folder_, "anonymous"));  // would be everybody without a number
  EXPECT_EQ(erase_call_files(folder_ + "/none", std::vector<CallSid>{kCall}).value(), 0U);
}

}  // namespace
}  // namespace al::store
