// Writes calls down for `alctl replay` (CALL_RECORD_EVERY): everything that went into a call's engine, and what came
// out as a digest. A recording may be lost, a call may not: on the call's loop a line is put into memory, one thread of
// its own writes, and when that thread falls behind the recording ends there, counted. Files: store/call_files.h.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <set>
#include <string>

#include "core/error.h"
#include "core/settings.h"
#include "core/time.h"
#include "dialog/call_record.h"
#include "dialog/engine_io.h"
#include "net/loop.h"
#include "store/call_files.h"

namespace al::agentd {

struct CallRecorderOptions {
  std::string folder;
  int every = 0;  // every Nth call; 0 = none
  store::CallFilePolicy keep;
  std::size_t max_waiting = 32U << 20;  // bytes that the disk has not taken yet, of all calls
  Duration sweep_every = std::chrono::minutes{10};

  static CallRecorderOptions from(const Settings& settings);
};

class CallRecorder;

// One stream's recording. On the call's loop; its end (the destructor) closes the file.
class CallTape {
 public:
  ~CallTape();
  CallTape(const CallTape&) = delete;
  CallTape& operator=(const CallTape&) = delete;

  // Before the engine sees it, with the time it is told.
  void input(const dialog::Input& input, Timestamp now);
  void output(const dialog::Output& output);

 private:
  friend class CallRecorder;
  struct File;
  CallTape(CallRecorder& recorder, std::shared_ptr<File> file, Timestamp start);
  void hand_over();

  CallRecorder& recorder_;
  const std::shared_ptr<File> file_;
  const Timestamp start_;
  Timestamp now_;
  dialog::OutputDigest digest_;
  std::string lines_;
};

// The folder, its limits and the thread that writes. start() from any thread; must outlive its tapes.
class CallRecorder {
 public:
  // kRejected: the folder cannot be made.
  static Result<std::unique_ptr<CallRecorder>> open(CallRecorderOptions options);
  ~CallRecorder();  // waits until what was handed over is on disk, two seconds at most

  // The tape of the `number`th stream of this node; null when it is not to be recorded.
  [[nodiscard]] std::unique_ptr<CallTape> start(std::uint64_t number, dialog::CallRecordHeader header, Timestamp start);

  struct Stats {
    std::uint64_t recorded = 0;   // files begun
    std::uint64_t cut_short = 0;  // that lack their end: a slow or a full disk
    std::uint64_t bytes = 0;      // written since start
    std::uint64_t waiting = 0;    // bytes not written yet
  };
  [[nodiscard]] Stats stats() const;
  [[nodiscard]] const std::string& folder() const { return options_.folder; }

 private:
  friend class CallTape;
  explicit CallRecorder(CallRecorderOptions options);
  // False: too much waits already.
  bool reserve(std::size_t bytes);
  void write_later(const std::shared_ptr<CallTape::File>& file, std::string text);
  void close_later(const std::shared_ptr<CallTape::File>& file);
  // On the writer's thread.
  void begin(CallTape::File& file, const dialog::CallRecordHeader& header);
  void write(CallTape::File& file, const std::string& text);
  void cut(CallTape::File& file, const std::string& why);
  void sweep(std::uint64_t room);  // for so many bytes more
  void tidy();

  const CallRecorderOptions options_;
  std::atomic<std::uint64_t> recorded_{0};
  std::atomic<std::uint64_t> cut_short_{0};
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::uint64_t> waiting_{0};
  std::uint64_t folder_bytes_ = 0;  // the writer's own, like open_
  std::set<std::string> open_;
  net::LoopThread thread_{"records"};
  std::unique_ptr<net::Timer> timer_;
};

}  // namespace al::agentd
