#include "store/call_files.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace al::store {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEnding = ".jsonl";
constexpr std::size_t kSidLength = 34;
constexpr int kMaxStreams = 1000;  // of one call; MAX_RESUMES is far below

std::string reason(int error) {
  return std::generic_category().message(error);
}

// "CA….jsonl" and "CA…-2.jsonl"; others are not ours.
bool is_call_file(const std::string& name) {
  if (name.size() < kSidLength + kEnding.size() || !name.ends_with(kEnding)) return false;
  if (!is_twilio_sid(std::string_view(name).substr(0, kSidLength), "CA")) return false;
  const std::string_view rest(name.data() + kSidLength, name.size() - kSidLength - kEnding.size());
  return rest.empty() || (rest.size() > 1 && rest[0] == '-' &&
                          std::all_of(rest.begin() + 1, rest.end(), [](char c) { return c >= '0' && c <= '9'; }));
}

struct Found {
  fs::path path;
  fs::file_time_type written;
  std::uint64_t bytes = 0;
};

Result<std::vector<Found>> list_files(const std::string& folder) {
  std::vector<Found> files;
  std::error_code fault;
  fs::directory_iterator entries(folder, fault);
  if (fault == std::errc::no_such_file_or_directory) return files;
  if (fault) return fail(Errc::kRejected, folder + ": " + fault.message());
  for (const fs::directory_iterator end; entries != end; entries.increment(fault)) {
    if (fault) return fail(Errc::kRejected, folder + ": " + fault.message());
    std::error_code gone;  // removed meanwhile: no fault
    if (!is_call_file(entries->path().filename().string()) || !entries->is_regular_file(gone)) continue;
    const auto written = entries->last_write_time(gone);
    const auto bytes = entries->file_size(gone);
    if (!gone) files.push_back({entries->path(), written, bytes});
  }
  std::sort(files.begin(), files.end(), [](const Found& a, const Found& b) {
    return a.written != b.written ? a.written < b.written : a.path < b.path;
  });
  return files;
}

Result<std::size_t> erase_where(const std::string& folder, const std::function<bool(const fs::path&)>& wanted) {
  const auto files = list_files(folder);
  if (!files) return fail(files.error());
  std::size_t removed = 0;
  std::string failed;
  for (const Found& file : *files) {
    if (!wanted(file.path)) continue;
    std::error_code fault;
    if (fs::remove(file.path, fault)) ++removed;
    if (fault) failed = file.path.string() + ": " + fault.message();
  }
  if (!failed.empty()) return fail(Errc::kRejected, failed);
  return removed;
}

std::string digits_of(std::string_view text) {
  std::string digits;
  std::copy_if(text.begin(), text.end(), std::back_inserter(digits), [](char c) { return c >= '0' && c <= '9'; });
  return digits;
}

// The caller's number stands near the beginning of a record, before everything that is long.
std::string caller_of(const fs::path& path) {
  std::array<char, 512> head{};
  std::ifstream in(path, std::ios::binary);
  in.read(head.data(), head.size());
  const std::string_view text(head.data(), static_cast<std::size_t>(in.gcount()));
  constexpr std::string_view kMember = "\"caller\":\"";
  const std::size_t at = text.find(kMember);
  if (at == std::string_view::npos) return {};
  const std::string_view value = text.substr(at + kMember.size());
  return digits_of(value.substr(0, value.find('"')));
}

}  // namespace

Result<void> make_call_folder(const std::string& folder) {
  std::error_code fault;
  const fs::path path(folder);
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), fault);
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return fail(Errc::kRejected, folder + ": " + reason(errno));
  if (!fs::is_directory(path, fault)) return fail(Errc::kRejected, folder + ": is no folder");
  return {};
}

Result<CallFile> create_call_file(const std::string& folder, const CallSid& call) {
  if (!is_twilio_sid(call.str(), "CA")) return fail(Errc::kMalformed, "no call identifier of Twilio's");
  for (int stream = 1; stream <= kMaxStreams; ++stream) {
    std::string name = call.str() + (stream == 1 ? "" : "-" + std::to_string(stream)) + std::string(kEnding);
    const std::string path = (fs::path(folder) / name).string();
    const int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW | O_APPEND, 0600);
    if (descriptor >= 0) return CallFile{descriptor, path};
    if (errno != EEXIST) return fail(Errc::kRejected, path + ": " + reason(errno));
  }
  return fail(Errc::kRejected, call.str() + ": too many streams of one call");
}

Result<CallFileSweep> sweep_call_files(const std::string& folder, const CallFilePolicy& policy, WallTime now,
                                       const std::set<std::string>& open) {
  const auto files = list_files(folder);
  if (!files) return fail(files.error());
  CallFileSweep sweep;
  for (const Found& file : *files) sweep.bytes += file.bytes;
  const auto oldest = std::chrono::file_clock::from_sys(now) - policy.max_age;
  for (const Found& file : *files) {  // the oldest first
    const bool leave = open.contains(file.path.string());
    if (!leave && (file.written < oldest || sweep.bytes > policy.max_bytes)) {
      std::error_code fault;
      fs::remove(file.path, fault);
      if (fault) return fail(Errc::kRejected, file.path.string() + ": " + fault.message());
      ++sweep.removed;
      sweep.bytes -= file.bytes;
    } else {
      ++sweep.kept;
    }
  }
  return sweep;
}

Result<std::size_t> erase_call_files(const std::string& folder, std::span<const CallSid> calls) {
  return erase_where(folder, [calls](const fs::path& path) {
    const std::string sid = path.filename().string().substr(0, kSidLength);
    return std::any_of(calls.begin(), calls.end(), [&](const CallSid& call) { return call.str() == sid; });
  });
}

Result<std::size_t> erase_call_files_of(const std::string& folder, std::string_view phone) {
  const std::string digits = digits_of(phone);
  if (digits.empty()) return fail(Errc::kMalformed, "'" + std::string(phone) + "' holds no telephone number");
  return erase_where(folder, [&](const fs::path& path) { return caller_of(path) == digits; });
}

}  // namespace al::store
