#include "agentd/call_recorder.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <future>
#include <system_error>
#include <utility>

#include <unistd.h>

#include "core/log.h"

namespace al::agentd {
namespace {

// A half second of a call, so that the disk sees few writes; a line of speech may be longer.
constexpr std::size_t kHandOver = 32U << 10;
constexpr std::size_t kRoom = 64U << 10;
constexpr std::chrono::seconds kLastWrites{2};

}  // namespace

struct CallTape::File {
  std::string call;
  int descriptor = -1;  // the writer's own, like path and bytes
  std::string path;
  std::atomic<bool> over{false};  // cut short: nothing more is taken
  ~File() {
    if (descriptor >= 0) ::close(descriptor);
  }
};

CallRecorderOptions CallRecorderOptions::from(const Settings& settings) {
  CallRecorderOptions options;
  options.every = static_cast<int>(settings.integer("call_record_every"));
  options.folder = settings.string("call_record_dir");
  if (options.folder.empty()) {
    const std::string& state = settings.string("state_dir");
    options.folder = (std::filesystem::path(state.empty() ? "." : state) / "calls").string();
  }
  options.keep.max_age = settings.duration("call_record_days");
  options.keep.max_bytes = static_cast<std::uint64_t>(settings.integer("call_record_mb")) << 20;
  return options;
}

// ---- one call -------------------------------------------------------------------------------------------------------

CallTape::CallTape(CallRecorder& recorder, std::shared_ptr<File> file, Timestamp start)
    : recorder_(recorder), file_(std::move(file)), start_(start), now_(start) {
  lines_.reserve(kRoom);
}

CallTape::~CallTape() {
  if (!file_->over) {
    dialog::append_digest_line(lines_, digest_, now_ - start_, true);
    recorder_.write_later(file_, std::move(lines_));
  }
  recorder_.close_later(file_);
}

void CallTape::input(const dialog::Input& input, Timestamp now) {
  if (file_->over) return;
  if (lines_.size() >= kHandOver) hand_over();  // between two steps: the digest stands after whole ones
  now_ = std::max(now_, now);                   // as the engine takes it
  dialog::append_record_line(lines_, input, now_ - start_);
}

void CallTape::output(const dialog::Output& output) {
  if (!file_->over) digest_.add(output, now_ - start_);
}

void CallTape::hand_over() {
  dialog::append_digest_line(lines_, digest_, now_ - start_, false);
  std::string full = std::move(lines_);
  lines_ = std::string();
  lines_.reserve(kRoom);
  recorder_.write_later(file_, std::move(full));
}

// ---- all calls ------------------------------------------------------------------------------------------------------

Result<std::unique_ptr<CallRecorder>> CallRecorder::open(CallRecorderOptions options) {
  if (auto made = store::make_call_folder(options.folder); !made) return fail(made.error());
  return std::unique_ptr<CallRecorder>(new CallRecorder(std::move(options)));
}

CallRecorder::CallRecorder(CallRecorderOptions options) : options_(std::move(options)) {
  thread_.loop().post([this] {
    timer_ = std::make_unique<net::Timer>(thread_.loop(), [this](Timestamp) { tidy(); });
    tidy();
  });
}

CallRecorder::~CallRecorder() {
  const auto last = std::make_shared<std::promise<void>>();
  thread_.loop().post([this, last] {
    timer_.reset();
    last->set_value();
  });
  last->get_future().wait_for(kLastWrites);
  thread_.stop_and_join();
}

std::unique_ptr<CallTape> CallRecorder::start(std::uint64_t number, dialog::CallRecordHeader header, Timestamp start) {
  if (options_.every <= 0 || number % static_cast<std::uint64_t>(options_.every) != 0) return nullptr;
  auto file = std::make_shared<CallTape::File>();
  file->call = header.call_sid;
  // The clips make the header long: it is put into words where nobody waits for it.
  thread_.loop().post([this, file, header = std::move(header)] { begin(*file, header); });
  return std::unique_ptr<CallTape>(new CallTape(*this, std::move(file), start));
}

CallRecorder::Stats CallRecorder::stats() const {
  return {recorded_, cut_short_, bytes_, waiting_};
}

bool CallRecorder::reserve(std::size_t bytes) {
  if (waiting_.fetch_add(bytes) + bytes <= options_.max_waiting) return true;
  waiting_ -= bytes;
  return false;
}

void CallRecorder::write_later(const std::shared_ptr<CallTape::File>& file, std::string text) {
  if (!reserve(text.size())) {
    if (!file->over.exchange(true)) {
      ++cut_short_;
      log::warn("CALL_RECORD_CUT", {{"call", file->call}, {"why", "the disk is slower than the calls"}});
    }
    return;
  }
  thread_.loop().post([this, file, text = std::move(text)] {
    write(*file, text);
    waiting_ -= text.size();
  });
}

void CallRecorder::close_later(const std::shared_ptr<CallTape::File>& file) {
  thread_.loop().post([this, file] {
    open_.erase(file->path);
    if (file->descriptor >= 0) ::close(std::exchange(file->descriptor, -1));
  });
}

void CallRecorder::begin(CallTape::File& file, const dialog::CallRecordHeader& header) {
  auto made = store::create_call_file(options_.folder, CallSid(header.call_sid));
  if (!made) return cut(file, made.error().detail);
  file.descriptor = made->descriptor;
  file.path = made->path;
  open_.insert(file.path);
  ++recorded_;
  log::info("CALL_RECORD", {{"call", file.call}, {"file", file.path}});
  write(file, dialog::record_header_line(header));
}

void CallRecorder::write(CallTape::File& file, const std::string& text) {
  if (file.descriptor < 0) return;
  // A sixteenth more than is needed: the folder is not read through for every write of a full one.
  if (folder_bytes_ + text.size() > options_.keep.max_bytes) sweep(text.size() + options_.keep.max_bytes / 16);
  if (folder_bytes_ + text.size() > options_.keep.max_bytes) return cut(file, "CALL_RECORD_MB is reached");
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t count = ::write(file.descriptor, rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return cut(file, std::generic_category().message(errno));
    rest.remove_prefix(static_cast<std::size_t>(count));
    folder_bytes_ += static_cast<std::uint64_t>(count);
    bytes_ += static_cast<std::uint64_t>(count);
  }
}

// What is there can still be replayed: up to its last whole line.
void CallRecorder::cut(CallTape::File& file, const std::string& why) {
  if (!file.over.exchange(true)) {
    ++cut_short_;
    log::warn("CALL_RECORD_CUT", {{"call", file.call}, {"why", why}});
  }
  open_.erase(file.path);
  if (file.descriptor >= 0) ::close(std::exchange(file.descriptor, -1));
}

void CallRecorder::sweep(std::uint64_t room) {
  store::CallFilePolicy policy = options_.keep;
  policy.max_bytes -= std::min(policy.max_bytes, room);
  const auto swept = store::sweep_call_files(options_.folder, policy, wall_now(), open_);
  if (!swept) {
    log::warn("CALL_RECORD_SWEEP", {{"why", swept.error().detail}});
    return;
  }
  folder_bytes_ = swept->bytes;
  if (swept->removed > 0) log::info("CALL_RECORD_SWEEP", {{"removed", swept->removed}, {"kept", swept->kept}});
}

void CallRecorder::tidy() {
  sweep(0);
  timer_->arm_after(options_.sweep_every);
}

}  // namespace al::agentd
