#include "providers/local_espeak.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audio/format.h"
#include "audio/resampler.h"
#include "core/settings.h"
#include "core/text.h"

extern char** environ;  // POSIX: what a child gets

namespace al::providers {
namespace {

constexpr milliseconds kLook{20};                                 // how soon a cancellation is noticed
constexpr std::size_t kMostBytes = std::size_t{60} * 22'050 * 2;  // a minute of sound
constexpr int kNormalWordsPerMinute = 160;

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() { reset(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  void reset(int fd = -1) {
    if (fd_ >= 0) close(fd_);
    fd_ = fd;
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

Error system_error(const std::string& what) {
  return {Errc::kInternal, what + ": " + std::strerror(errno)};
}

// The text lies in memory as a file: neither an argument that everybody can read nor a pipe that can break.
Result<void> as_file(std::string_view text, Descriptor& file) {
  file.reset(memfd_create("espeak-text", MFD_CLOEXEC));
  if (file.get() < 0) return fail(system_error("memfd_create"));
  while (!text.empty()) {
    const ssize_t written = write(file.get(), text.data(), text.size());
    if (written < 0 && errno != EINTR) return fail(system_error("write"));
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
  if (lseek(file.get(), 0, SEEK_SET) < 0) return fail(system_error("lseek"));
  return {};
}

// A running child that is killed and reaped when this goes out of scope.
class Child {
 public:
  Child() = default;
  ~Child() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    wait_for_end();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  Result<void> start(const std::string& program, const std::vector<std::string>& arguments, int input, int output) {
    std::vector<char*> argv;
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    // Signals that the daemon blocks or ignores mean their usual thing to the child.
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigset_t usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    sigaddset(&usual, SIGTERM);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    const int error = posix_spawnp(&pid_, program.c_str(), &files, &attributes, argv.data(), environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    if (error == 0) return {};
    pid_ = -1;
    return fail(error == ENOENT ? Errc::kNotFound : Errc::kInternal, program + ": " + std::strerror(error));
  }

  int wait_for_end() {
    int status = 0;
    while (waitpid(std::exchange(pid_, -1), &status, 0) < 0 && errno == EINTR) {
    }
    return status;
  }

 private:
  pid_t pid_ = -1;
};

Result<std::string> read_all(int fd, Timestamp deadline, const std::atomic<bool>* cancelled) {
  std::string bytes;
  std::array<char, 16'384> buffer;
  for (;;) {
    if (cancelled != nullptr && cancelled->load()) return fail(Errc::kClosed, "the voice was cancelled");
    if (monotonic_now() >= deadline) return fail(Errc::kTimeout, "espeak-ng took too long");
    pollfd ready{fd, POLLIN, 0};
    if (poll(&ready, 1, static_cast<int>(kLook.count())) <= 0) continue;
    const ssize_t count = read(fd, buffer.data(), buffer.size());
    if (count == 0) return bytes;
    if (count < 0 && errno != EINTR) return fail(system_error("read"));
    if (count > 0) bytes.append(buffer.data(), static_cast<std::size_t>(count));
    if (bytes.size() > kMostBytes) return fail(Errc::kUnsupported, "more than a minute of speech at once");
  }
}

std::uint32_t little_endian(std::string_view bytes, std::size_t at, std::size_t count) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < count; ++i)
    value |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
  return value;
}

// What `--stdout` writes: a 44-byte header with made-up sizes, then 16-bit mono samples.
Result<std::vector<std::int16_t>> parse_output(std::string_view wav) {
  constexpr std::size_t kHeader = 44;
  if (wav.empty()) return std::vector<std::int16_t>{};
  if (wav.size() < kHeader || !wav.starts_with("RIFF") || wav.substr(36, 4) != "data") {
    return fail(Errc::kMalformed, "espeak-ng wrote no WAV");
  }
  const auto rate_hz = static_cast<int>(little_endian(wav, 24, 4));
  if (little_endian(wav, 22, 2) != 1 || little_endian(wav, 34, 2) != 16) {
    return fail(Errc::kUnsupported, "espeak-ng did not write 16-bit mono");
  }
  wav.remove_prefix(kHeader);
  std::vector<std::int16_t> pcm(wav.size() / 2);
  for (std::size_t i = 0; i < pcm.size(); ++i) pcm[i] = static_cast<std::int16_t>(little_endian(wav, 2 * i, 2));
  return audio::resample(pcm, rate_hz, audio::kSampleRateHz, audio::ResampleQuality::kFast);
}

}  // namespace

bool espeak_is_installed(const std::string& program) {
  if (program.find('/') != std::string::npos) return access(program.c_str(), X_OK) == 0;
  const std::string path = environment_variable("PATH").value_or("/usr/bin:/bin");
  const auto folders = split(path, ':');
  return std::any_of(folders.begin(), folders.end(), [&](std::string_view folder) {
    return access((std::string(folder) + "/" + program).c_str(), X_OK) == 0;
  });
}

Result<std::vector<std::int16_t>> espeak_speak(std::string_view text, const EspeakOptions& options,
                                               const std::atomic<bool>* cancelled) {
  const Timestamp deadline = monotonic_now() + options.timeout;
  Descriptor input;
  if (const auto written = as_file(text, input); !written) return fail(written.error());
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return fail(system_error("pipe2"));
  const Descriptor output(ends[0]);
  Descriptor child_end(ends[1]);

  const int speed = static_cast<int>(std::lround(kNormalWordsPerMinute * std::clamp(options.rate, 0.5, 2.0)));
  Child child;
  const auto started =
      child.start(options.program,
                  {"espeak-ng", "--stdin", "--stdout", "-v", options.language, "-s", std::to_string(speed), "-b", "1"},
                  input.get(), child_end.get());
  if (!started) return fail(started.error());
  child_end.reset();  // otherwise the pipe never ends

  auto bytes = read_all(output.get(), deadline, cancelled);
  if (!bytes) return fail(bytes.error());  // ~Child kills it
  const int status = child.wait_for_end();
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return fail(Errc::kUnsupported, "espeak-ng refused: does it have the language '" + options.language + "'?");
  }
  return parse_output(*bytes);
}

}  // namespace al::providers
