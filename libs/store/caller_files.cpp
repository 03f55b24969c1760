#include "store/caller_files.h"

#include <filesystem>
#include <system_error>

#include "store/call_files.h"

namespace al::store {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".wav";

bool is_sample(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.ends_with(kSuffix) && is_twilio_sid(std::string_view(name).substr(0, name.size() - kSuffix.size()), "CA");
}

}  // namespace

CallerFolders caller_folders(const Settings& settings) {
  CallerFolders folders{settings.string("call_record_dir"), settings.string("debug_wav_dir")};
  if (folders.records.empty()) {
    const std::string state = settings.string("state_dir");
    folders.records = (fs::path(state.empty() ? "." : state) / "calls").string();
  }
  return folders;
}

Result<std::size_t> erase_caller_files(const CallerFolders& folders, std::span<const CallSid> calls) {
  auto removed = erase_call_files(folders.records, calls);
  std::size_t samples = 0;
  std::string left;
  for (const CallSid& call : calls) {
    if (folders.samples.empty() || !is_twilio_sid(call.str(), "CA")) continue;
    std::error_code fault;
    const fs::path path = fs::path(folders.samples) / (call.str() + std::string(kSuffix));
    if (fs::remove(path, fault)) ++samples;
    if (fault) left = path.string() + ": " + fault.message();
  }
  if (!removed) return fail(removed.error());
  if (!left.empty()) return fail(Errc::kRejected, left);
  return *removed + samples;
}

Result<std::size_t> remove_old_samples(const CallerFolders& folders, WallTime before) {
  std::size_t removed = 0;
  if (folders.samples.empty()) return removed;
  std::error_code fault;
  const auto limit = fs::file_time_type::clock::from_sys(before);
  for (const auto& entry : fs::directory_iterator(folders.samples, fault)) {
    std::error_code ignored;
    if (!is_sample(entry.path()) || entry.last_write_time(ignored) >= limit || ignored) continue;
    if (fs::remove(entry.path(), fault)) ++removed;
  }
  if (fault && fault != std::errc::no_such_file_or_directory) {
    return fail(Errc::kRejected, folders.samples + ": " + fault.message());
  }
  return removed;
}

}  // namespace al::store
