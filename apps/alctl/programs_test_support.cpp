#include "alctl/programs_test_support.h"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace al::alctl::test {
namespace {

constexpr std::chrono::seconds kPatience{120};  // a sanitised build on a busy machine; nothing that works comes near it
constexpr std::chrono::milliseconds kLook{10};

}  // namespace

Folder::Folder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "al-programs-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
  path_ = pattern;
}
Folder::~Folder() {
  std::error_code fault;
  std::filesystem::remove_all(path_, fault);
}
std::string Folder::write(const std::string& name, const std::string& text) const {
  std::ofstream(file(name), std::ios::binary) << text;
  return file(name);
}
std::string Folder::read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Program::Program(const Folder& folder, std::vector<std::string> words, const Environment& environment,
                 const std::string& input) {
  static int count = 0;
  const std::string name = folder.file("run-" + std::to_string(++count));
  out_path_ = name + ".out";
  err_path_ = name + ".err";
  const std::string input_path = folder.write("run-" + std::to_string(count) + ".in", input);
  std::vector<std::string> variables = {"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC"};
  for (const auto& [key, value] : environment) variables.push_back(key + "=" + value);
  std::vector<char*> argv;
  std::vector<char*> envp;
  for (std::string& word : words) argv.push_back(word.data());
  for (std::string& variable : variables) envp.push_back(variable.data());
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  // A pipe, as from another program, and not a file: `cat FILE | program`.
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, ends[0], STDIN_FILENO);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, out_path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, err_path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const int failed = posix_spawn(&pid_, argv[0], &files, nullptr, argv.data(), envp.data());
  posix_spawn_file_actions_destroy(&files);
  close(ends[0]);
  if (failed != 0) pid_ = -1;
  if (static_cast<std::size_t>(write(ends[1], input.data(), input.size())) != input.size()) signal(SIGKILL);
  close(ends[1]);
}

Program::~Program() {
  if (!running()) return;
  signal(SIGTERM);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (running() && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(kLook);
  if (running()) {
    signal(SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
}

bool Program::running() {
  if (pid_ < 0) return false;
  if (waitpid(pid_, &status_, WNOHANG) != pid_) return true;
  pid_ = -1;
  return false;
}

int Program::wait() {
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (running()) {
    if (std::chrono::steady_clock::now() > until) return -1;
    std::this_thread::sleep_for(kLook);
  }
  return WIFEXITED(status_) ? WEXITSTATUS(status_) : -1;
}

void Program::signal(int number) const {
  if (pid_ > 0) kill(pid_, number);
}

std::string Program::out() const {
  return Folder::read(out_path_);
}
std::string Program::err() const {
  return Folder::read(err_path_);
}

std::string Program::line_of(const std::string& path) {
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < until) {
    const bool alive = running();
    const std::string text = Folder::read(path);
    if (const std::size_t end = text.find('\n'); end != std::string::npos) return text.substr(0, end);
    if (!alive) return {};
    std::this_thread::sleep_for(kLook);
  }
  return {};
}

}  // namespace al::alctl::test
