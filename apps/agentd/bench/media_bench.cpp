// The media path of agentd under load: N lines on one loop. Prints CPU time, allocations and pacing.
//
//   al_agentd_media_bench [lines=300] [seconds=10] [echo|talk] [server_core=0]
//
// echo: the caller hears himself. talk: the real engine listens and speaks a long greeting; no provider is asked.
// The server is the real one (HttpServer, MediaSession, Twilio's messages); only what is around a call is replaced by
// a host that lets everybody in. The lines run on the main thread.
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <string>

#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agentd/bench/allocation_count.h"
#include "agentd/bench/line_load.h"
#include "agentd/bench/talking_call.h"
#include "agentd/media_session.h"
#include "net/http_server.h"

namespace {

using namespace al;

// Lets every line in.
class OpenHost final : public agentd::MediaHost {
 public:
  explicit OpenHost(bool talk) : talk_(talk) {}
  std::optional<twilio::StreamFault> check_start(const twilio::msg::Start&) override { return std::nullopt; }
  void stream_started(const twilio::msg::Start&, std::function<void(Result<agentd::StreamGrant>)> granted,
                      std::function<void()>) override {
    granted(agentd::StreamGrant{});
  }
  void session_opened(const CallSid&, const StreamSid&, std::weak_ptr<agentd::MediaSession>) override {}
  void stream_alive(const CallSid&, const StreamSid&) override {}
  void stream_ended(const CallSid&, const StreamSid&, const agentd::StreamEnd&) override {}
  void count_fault(twilio::StreamFault, bool) override { ++faults; }
  std::unique_ptr<agentd::CallSession> new_call(const twilio::msg::Start&, const agentd::StreamGrant&) override {
    return talk_ ? calls_.make() : nullptr;
  }
  int faults = 0;

 private:
  bool talk_;
  bench::TalkingCalls calls_;
};

struct ThreadFacts {
  pthread_t handle{};
  pid_t id = 0;
};

// Runs `work` on the loop and waits for it.
void on_loop(net::Loop& loop, const std::function<void()>& work) {
  std::mutex mutex;
  std::condition_variable changed;
  bool done = false;
  loop.post([&] {
    work();
    const std::lock_guard lock(mutex);
    done = true;
    changed.notify_one();
  });
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return done; });
}

void pin_to(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(core), &set);
  (void)pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

double cpu_us(pthread_t thread) {
  clockid_t clock = 0;
  timespec time{};
  pthread_getcpuclockid(thread, &clock);
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

long resident_kib() {
  std::ifstream statm("/proc/self/statm");
  long total = 0;
  long resident = 0;
  statm >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE) / 1024;
}

net::ListenSpec listener(agentd::MediaHost& host) {
  net::ListenSpec spec;
  net::WsRoute route;
  route.pattern = "/ws/twilio-media";
  route.accept = [&host](const net::HttpRequest&) {
    net::WsDecision decision;
    decision.handler = std::make_shared<agentd::MediaSession>(host);
    return decision;
  };
  spec.websockets.push_back(std::move(route));
  return spec;
}

}  // namespace

int main(int argc, char** argv) {
  const int lines = argc > 1 ? std::atoi(argv[1]) : 300;
  const int duration_s = argc > 2 ? std::atoi(argv[2]) : 10;
  const bool talk = argc > 3 && std::string_view(argv[3]) == "talk";
  const int core = argc > 4 ? std::atoi(argv[4]) : 0;
  OpenHost host(talk);
  net::LoopThread thread("server");
  net::HttpServer server({&thread.loop()});
  if (const auto listening = server.listen(listener(host)); !listening) {
    std::fprintf(stderr, "%s\n", to_string(listening.error()).c_str());
    return 1;
  }
  ThreadFacts facts;
  on_loop(thread.loop(), [&] {
    pin_to(core);
    facts = {pthread_self(), static_cast<pid_t>(syscall(SYS_gettid))};
  });
  pin_to(1 - core);
  std::printf("server_thread=%d port=%d\n", facts.id, server.port_of("public"));
  std::fflush(stdout);

  const long resident_before = resident_kib();
  bench::LineLoadOptions options;
  options.port = server.port_of("public");
  options.lines = lines;
  options.quiet = talk;
  bench::LineLoad load(options);
  if (const auto connected = load.connect(); !connected) {
    std::fprintf(stderr, "%s\n", to_string(connected.error()).c_str());
    return 1;
  }
  (void)load.run(milliseconds{1'500}, milliseconds{0});
  const long resident_after = resident_kib();
  on_loop(thread.loop(), [] { bench::count_this_thread(true); });
  const std::uint64_t allocations_before = bench::allocations();
  const double cpu_before = cpu_us(facts.handle);
  const bench::LineLoadReport report = load.run(milliseconds{0}, seconds{duration_s});
  const double cpu = cpu_us(facts.handle) - cpu_before;
  const std::uint64_t allocations = bench::allocations() - allocations_before;
  on_loop(thread.loop(), [] { bench::count_this_thread(false); });

  const auto frames = static_cast<double>(report.received);
  const net::LoopStats loop = thread.loop().stats();
  std::printf("lines=%d frames_sent=%llu frames_received=%llu lines_lost=%d faults=%d\n", lines,
              static_cast<unsigned long long>(report.sent), static_cast<unsigned long long>(report.received),
              report.lines_lost, host.faults);
  std::printf("cpu_us_per_frame=%.2f core_share=%.3f\n", cpu / frames, cpu / 1e6 / duration_s);
  std::printf("allocations=%llu per_frame=%.5f\n", static_cast<unsigned long long>(allocations),
              static_cast<double>(allocations) / frames);
  std::printf("deviation_us p50=%d p99=%d p999=%d\n", bench::percentile(report.deviation_us, 0.5),
              bench::percentile(report.deviation_us, 0.99), bench::percentile(report.deviation_us, 0.999));
  if (!talk)
    std::printf("echo_us p50=%d p99=%d p999=%d\n", bench::percentile(report.echo_us, 0.5),
                bench::percentile(report.echo_us, 0.99), bench::percentile(report.echo_us, 0.999));
  std::printf("send_lag_us p99=%d\n", bench::percentile(report.send_lag_us, 0.99));
  std::printf("resident_kib_per_line=%.1f (with the line's own side)\n",
              static_cast<double>(resident_after - resident_before) / lines);
  std::printf("wakeups=%llu\n", static_cast<unsigned long long>(loop.media_wakeups));
  std::fflush(stdout);
  std::_Exit(report.lines_lost == 0 && host.faults == 0 ? 0 : 1);  // the lines are still connected: no farewell
}
