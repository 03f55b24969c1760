#include "agentd/testing_process.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/settings.h"

namespace al::agentd::test {
namespace {

namespace fs = std::filesystem;

// A sanitised build on a busy machine takes its time.
constexpr auto kStartPatience = std::chrono::seconds{40};
constexpr auto kLook = std::chrono::milliseconds{20};
constexpr int kInherited = 3;

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

template <typename Condition>
bool wait_until(Condition condition) {
  const auto until = std::chrono::steady_clock::now() + kStartPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(kLook);
  }
  return true;
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

}  // namespace

// ---- processes
// -------------------------------------------------------------------------------------------------------

Process::~Process() {
  kill();
}
Process::Process(Process&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
Process& Process::operator=(Process&& other) noexcept {
  kill();
  pid_ = std::exchange(other.pid_, -1);
  return *this;
}

Process Process::start(const std::vector<std::string>& command, const std::vector<std::string>& environment,
                       const std::string& log, int inherit) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  if (inherit >= 0) posix_spawn_file_actions_adddup2(&actions, inherit, kInherited);
  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  std::vector<char*> variables;
  for (const std::string& entry : environment) variables.push_back(const_cast<char*>(entry.c_str()));
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view name = std::string_view(*entry).substr(0, std::string_view(*entry).find('=') + 1);
    const bool ours = std::any_of(environment.begin(), environment.end(),
                                  [&](const std::string& own) { return own.starts_with(name); });
    if (!ours) variables.push_back(*entry);
  }
  variables.push_back(nullptr);
  Process process;
  const int failed = posix_spawnp(&process.pid_, arguments[0], &actions, nullptr, arguments.data(), variables.data());
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw std::runtime_error(command[0] + " cannot be started");
  return process;
}

bool Process::running() {
  if (pid_ < 0) return false;
  if (waitpid(pid_, nullptr, WNOHANG) == 0) return true;
  pid_ = -1;
  return false;
}

void Process::signal(int number) {
  if (pid_ > 0) ::kill(pid_, number);
}

int Process::wait() {
  if (pid_ < 0) return -1;
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void Process::kill() {
  signal(SIGKILL);
  (void)wait();
}

// ---- a node
// ----------------------------------------------------------------------------------------------------------

Node::Node(std::string program, std::string folder, std::vector<std::pair<std::string, std::string>> settings)
    : program_(std::move(program)), folder_(std::move(folder)) {
  fs::create_directories(folder_);
  const auto put = [&](const std::string& key, const std::string& value) {
    environment_.push_back(environment_name(key) + "=" + value);
  };
  for (const auto& [key, value] : settings) {
    if (key != "port" && key != "port_file" && key != "state_dir") put(key, value);
  }
  put("state_dir", folder_ + "/state");
}

bool Node::start() {
  // Its first port is a free one; later lives keep it, as a service does.
  const std::string port_file = fmt::format("{}/port-{}", folder_, ++lives_);
  std::vector<std::string> environment = environment_;
  environment.push_back("PORT=" + std::to_string(port_));
  environment.push_back("PORT_FILE=" + port_file);
  process_ = Process::start({program_}, environment, folder_ + "/log");
  const bool ready = wait_until([&] { return !read_file(port_file).empty() || !process_.running(); });
  const std::string port = read_file(port_file);
  if (!ready || port.empty()) return false;
  port_ = static_cast<std::uint16_t>(std::stoi(port));
  return true;
}

void Node::pause() {
  process_.signal(SIGSTOP);
}
void Node::go_on() {
  process_.signal(SIGCONT);
}
std::string Node::log() const {
  return read_file(folder_ + "/log");
}

int Node::logged(std::string_view part) const {
  const std::string text = log();
  int count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// ---- the balancer
// ----------------------------------------------------------------------------------------------------

bool Balancer::installed() {
  for (const char* path : {"/usr/sbin/haproxy", "/usr/bin/haproxy", "/usr/local/sbin/haproxy"}) {
    if (access(path, X_OK) == 0) return true;
  }
  return false;
}

Balancer::Balancer(const std::string& folder, const std::vector<std::uint16_t>& nodes) : folder_(folder) {
  fs::create_directories(folder_);
  // The port is taken before HAProxy starts, and handed to it: nobody else can have it.
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 128) != 0) return;
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  std::string config =
      "global\n    maxconn 500\ndefaults\n    mode http\n    timeout connect 500ms\n    timeout client 20s\n"
      "    timeout server 5s\n    timeout tunnel 1h\n    timeout check 400ms\n    option redispatch\n    retries 3\n"
      "frontend public\n    bind fd@3\n    default_backend nodes\n"
      "backend nodes\n    balance leastconn\n    option httpchk GET /readyz\n    http-check expect status 200\n"
      "    retry-on conn-failure empty-response response-timeout 503\n"
      "    default-server check inter 200ms fall 2 rise 1\n";
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    config += fmt::format("    server node{} 127.0.0.1:{}\n", i + 1, nodes[i]);
  }
  const std::string file = folder_ + "/haproxy.cfg";
  std::ofstream(file) << config;
  process_ = Process::start({"/usr/sbin/haproxy", "-db", "-f", file}, {}, folder_ + "/log", listener_);
}

Balancer::~Balancer() {
  process_.kill();
  if (listener_ >= 0) close(listener_);
}

std::string Balancer::log() const {
  return read_file(folder_ + "/log");
}

}  // namespace al::agentd::test
