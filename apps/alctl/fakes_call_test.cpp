// A newcomer's whole way without a network, with the built programs: `alctl fakes`, a real agentd on Google's and
// OpenAI's protocols, `alctl call`; then the record of the call through `alctl replay`. Real time: about a minute and a
// half.
#include <cctype>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <thread>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alctl/programs_test_support.h"
#include "audio/wav_file.h"
#include "providers/fakes/fake_reply.h"

namespace al::alctl {
namespace {

using nlohmann::json;
using test::Folder;
using test::Program;

constexpr const char* kParts[] = {"endpointing", "stt", "model", "clause", "tts", "playout"};

json parse(const std::string& text) {
  json value = json::parse(text, nullptr, false);
  EXPECT_FALSE(value.is_discarded()) << text;
  return value;
}

std::string http_get(int port, const std::string& path, const std::string& key = {}) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  std::string answer;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
    std::string request = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    if (!key.empty()) request += "Authorization: Bearer " + key + "\r\n";
    request += "\r\n";
    (void)send(fd, request.data(), request.size(), MSG_NOSIGNAL);
    char bytes[65536];
    for (ssize_t count = 0; (count = recv(fd, bytes, sizeof bytes, 0)) > 0;)
      answer.append(bytes, static_cast<std::size_t>(count));
  }
  close(fd);
  const std::size_t body = answer.find("\r\n\r\n");
  return body == std::string::npos ? std::string() : answer.substr(body + 4);
}

// "key=17" in a log line.
long value_in(const std::string& line, const std::string& key) {
  const std::size_t at = line.find(" " + key + "=");
  return at == std::string::npos ? -1 : std::stol(line.substr(at + key.size() + 2));
}
std::vector<std::string> lines_with(const std::string& text, const std::string& word) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (const std::string line = text.substr(at, end - at); line.find(word) != std::string::npos) lines.push_back(line);
    at = end + 1;
  }
  return lines;
}

// `agentd_turn_latency_seconds_sum{stage="stt"} 0.05` by stage.
std::map<std::string, double> latency_sums(const std::string& metrics) {
  std::map<std::string, double> sums;
  for (const std::string& line : lines_with(metrics, "agentd_turn_latency_seconds_sum{")) {
    const std::size_t from = line.find("stage=\"") + 7;
    sums[line.substr(from, line.find('"', from) - from)] = std::stod(line.substr(line.find("} ") + 2));
  }
  return sums;
}

// The fakes, an agentd that talks to them, and a caller.
class Demo {
 public:
  static constexpr const char* kKey = "demo-api-key";

  Demo() {
    // Something with the rhythm of speech: the fake recogniser knows what it means.
    const auto pcm = providers::fake_speech("a sentence of the caller", 8000);
    line_ = folder_.file("line.wav");
    EXPECT_TRUE(audio::write_wav(line_, pcm, 8000));
  }

  // `llm`: time until the first word.
  void start_fakes(const std::string& cast = AL_GRPC ? "google" : "openai", const std::string& llm = "llm=350") {
    fakes_ = std::make_unique<Program>(folder_,
                                       std::vector<std::string>{AL_ALCTL_PROGRAM, "fakes", cast, "--json", "--latency",
                                                                "stt=150", "--latency", llm, "--latency", "tts=100"},
                                       Program::Environment{});
    const json head = parse(fakes_->line_of(fakes_->out_path()));
    for (const auto& [name, value] : head.at("environment").items())
      fakes_environment_[name] = value.get<std::string>();
  }

  void start_agentd(Program::Environment environment, std::vector<std::string> flags) {
    const std::string port_file = folder_.file("port");
    flags.insert(flags.begin(),
                 {AL_AGENTD_PROGRAM, "--listen-host", "127.0.0.1", "--port", "0", "--admin-port", "0", "--port-file",
                  port_file, "--state-dir", folder_.file("state"), "--vad-engine", "energy", "--log-format", "text"});
    agentd_ = std::make_unique<Program>(folder_, flags, environment);
    const std::string port = agentd_->line_of(port_file);
    ASSERT_FALSE(port.empty()) << log();
    port_ = std::stoi(port);
    auto listening = lines_with(log(), "LISTENING");  // the log is written a moment later
    for (int i = 0; i < 500 && listening.empty(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      listening = lines_with(log(), "LISTENING");
    }
    ASSERT_FALSE(listening.empty()) << log();
    admin_port_ = static_cast<int>(value_in(listening.back(), "admin_port"));
  }
  [[nodiscard]] std::string log() const { return agentd_->out() + agentd_->err(); }

  void begin_call(int turns) {
    std::vector<std::string> words = {AL_ALCTL_PROGRAM,
                                      "call",
                                      "http://127.0.0.1:" + std::to_string(port_),
                                      "--json",
                                      "--no-transcript",
                                      "--greeting-wait-ms",
                                      "20000",
                                      "--patience-ms",
                                      "20000"};
    for (int i = 0; i < turns; ++i) words.insert(words.end(), {"--say", line_});
    call_ = std::make_unique<Program>(folder_, words,
                                      Program::Environment{{"TWILIO_AUTH_TOKEN", "demo-token"}, {"API_KEY", kKey}});
  }
  json finish_call() {
    EXPECT_EQ(call_->wait(), 0) << call_->out() << call_->err() << log();
    return parse(call_->out());
  }
  json call(int turns) {
    begin_call(turns);
    return finish_call();
  }
  void stop_agentd() {
    agentd_->signal(SIGTERM);
    EXPECT_EQ(agentd_->wait(), 0) << log();
  }
  // What a real service would have refused makes an exit code of 1.
  void stop_fakes() {
    fakes_->signal(SIGINT);
    fakes_->wait();
    EXPECT_EQ(fakes_->err().find("would refuse"), std::string::npos) << fakes_->err();
  }

  Folder folder_;
  std::string line_;
  Program::Environment fakes_environment_;
  std::unique_ptr<Program> fakes_;
  std::unique_ptr<Program> agentd_;
  std::unique_ptr<Program> call_;
  int port_ = 0;
  int admin_port_ = 0;
};

class FakesCall : public ::testing::Test, protected Demo {};

// The parts and the whole of a LATENCY line.
std::map<std::string, double> logged_parts(const std::string& line) {
  std::map<std::string, double> parts;
  for (const char* part : kParts) {
    if (const long ms = value_in(line, std::string(part) + "_ms"); ms >= 0) parts[part] = static_cast<double>(ms);
  }
  parts["total"] = static_cast<double>(value_in(line, "total_ms"));
  return parts;
}

void expect_ledger(const std::map<std::string, double>& parts, double tolerance, const std::string& where) {
  double sum = 0;
  for (const char* part : kParts) {
    const auto found = parts.find(part);
    if (found != parts.end()) sum += found->second;
  }
  ASSERT_TRUE(parts.contains("total")) << where;
  EXPECT_NEAR(sum, parts.at("total"), tolerance) << where;
  EXPECT_GT(parts.at("total"), 0) << where;
}

TEST_F(FakesCall, LeadsToALeadAndItsRecordReplaysFrameForFrame) {
  start_fakes();
  Program::Environment environment = fakes_environment_;
  environment["TWILIO_AUTH_TOKEN"] = "demo-token";
  environment["API_KEY"] = kKey;
  start_agentd(environment, {"--call-record-every", "1"});
  if (HasFatalFailure()) return;
  const json report = call(8);

  // The conversation: what the fake recogniser "heard" filled the slots, and the model asked on.
  ASSERT_EQ(report.at("turns").size(), 8U) << report.dump(1);
  EXPECT_EQ(report.at("turns").at(0).at("recognised_text"), "שלום, אני מחפש דירה בתל אביב");
  for (const json& turn : report.at("turns")) {
    EXPECT_FALSE(turn.at("agent_text").get<std::string>().empty()) << turn.dump();
    EXPECT_TRUE(turn.at("latency_ms").is_number()) << turn.dump();
  }
  const json slots = report.at("lead").at("slots");
  for (const auto& [slot, value] : {std::pair{"area", "תל אביב"},
                                    {"property_type", "דירה"},
                                    {"rooms", "4"},
                                    {"budget", "2500000 ILS"},
                                    {"name", "דנה כהן"},
                                    {"phone", "+972541234567"}})
    EXPECT_EQ(slots.value(slot, ""), value) << slots.dump();
  // The model called save_lead once the caller had agreed, and the call ended with the goodbye.
  EXPECT_NE(report.at("turns").at(6).at("agent_text").get<std::string>().find("נשמרו"), std::string::npos)
      << report.at("turns").at(6).dump();
  EXPECT_EQ(lines_with(log(), "CALL_COMPLETE").size(), 1U) << log();

  // The ledger: parts that add up to the whole, in the log, in Prometheus and in the store; fillers apart.
  const auto told = lines_with(log(), "LATENCY ");
  ASSERT_GE(told.size(), 8U) << log();
  std::map<std::string, double> logged;
  for (const std::string& line : told) {
    const auto parts = logged_parts(line);
    expect_ledger(parts, 0.01, line);
    for (const auto& [part, ms] : parts) logged[part] += ms;
  }
  auto sums = latency_sums(http_get(admin_port_, "/metrics"));
  expect_ledger(sums, 0.0005, "Prometheus");
  for (const auto& [part, ms] : logged) EXPECT_NEAR(sums[part] * 1000, ms, 0.5) << part;
  const std::string sid = report.at("call_sid").get<std::string>();
  const json details = parse(http_get(port_, "/api/calls/" + sid, kKey));
  std::size_t kept = 0;
  for (const json& turn : details.at("turns")) {
    const auto parts = turn.at("latencies_ms").get<std::map<std::string, double>>();
    if (parts.empty()) continue;
    expect_ledger(parts, 0.01, turn.dump());
    ++kept;
  }
  EXPECT_GE(kept, 8U) << details.dump(1);

  stop_agentd();
  stop_fakes();

  // The record: its owner's alone, and a replay puts out what the call put out.
  const std::string record = folder_.file("state") + "/calls/" + sid + ".jsonl";
  struct stat status {};
  ASSERT_EQ(stat(record.c_str(), &status), 0) << record;
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  Program replay(folder_, {AL_ALCTL_PROGRAM, "replay", record, "--verify", "--json"}, {});
  EXPECT_EQ(replay.wait(), 0) << replay.out() << replay.err();
  const json check = parse(replay.out()).at("files").at(0).at("record");
  EXPECT_TRUE(check.at("identical").get<bool>()) << check.dump();
  EXPECT_TRUE(check.at("whole").get<bool>());
  EXPECT_GE(check.at("compared").get<int>(), 10) << check.dump();
  EXPECT_GT(check.at("outputs").get<int>(), 500);
  Program other(folder_, {AL_ALCTL_PROGRAM, "replay", record, "--verify", "--set", "min_silence=700"}, {});
  EXPECT_EQ(other.wait(), 1) << other.out();  // the comparison can fail
}

// Every other protocol, three programs each, at once: recognition by upload and over a WebSocket, Anthropic's events,
// voices as raw µ-law, 24 kHz PCM and over a WebSocket.
TEST_F(FakesCall, HoldsAConversationOverEveryProtocol) {
  constexpr const char* kCasts[] = {"openai", "anthropic", "azure", "deepgram", "elevenlabs", "whisper"};
  std::vector<std::unique_ptr<Demo>> demos;
  for (const char* cast : kCasts) {
    SCOPED_TRACE(cast);
    Demo& demo = *demos.emplace_back(std::make_unique<Demo>());
    demo.start_fakes(cast);
    Program::Environment environment = demo.fakes_environment_;
    environment["TWILIO_AUTH_TOKEN"] = "demo-token";
    environment["API_KEY"] = kKey;
    demo.start_agentd(environment, {});
    if (HasFatalFailure()) return;
    demo.begin_call(2);
  }
  for (std::size_t i = 0; i < demos.size(); ++i) {
    SCOPED_TRACE(kCasts[i]);
    Demo& demo = *demos[i];
    const json report = demo.finish_call();
    const json slots = report.at("lead").at("slots");
    EXPECT_EQ(slots.value("area", ""), "תל אביב") << report.dump(1);
    EXPECT_EQ(slots.value("rooms", ""), "4") << report.dump(1);
    for (const json& turn : report.at("turns")) EXPECT_TRUE(turn.at("latency_ms").is_number()) << turn.dump();
    EXPECT_EQ(lines_with(demo.log(), "fell_back").size(), 0U) << demo.log();
    demo.stop_agentd();
    demo.stop_fakes();
  }
}

#if AL_GRPC
// The README's promise. The addresses of the fakes stand in a file, where a real installation has none.
TEST_F(FakesCall, ThreeVariablesMakeAHebrewAgentOnRealServices) {
  start_fakes("google", "llm=900");
  std::string addresses = "twilio_auth_token = \"demo-token\"\napi_key = \"" + std::string(kKey) + "\"\n";
  addresses += "llm_filler_ms = 700\n";  // so that there is one
  for (const char* name : {"GOOGLE_STT_ENDPOINT", "GOOGLE_STT_CA_FILE", "GOOGLE_TTS_BASE_URL", "OPENAI_BASE_URL"}) {
    std::string key = name;
    for (char& c : key) c = static_cast<char>(std::tolower(c));
    addresses += key + " = \"" + fakes_environment_.at(name) + "\"\n";
  }
  const std::string account = folder_.write("google.json", fakes_environment_.at("GOOGLE_CLOUD_SERVICE_ACCOUNT_JSON"));
  start_agentd({{"GOOGLE_APPLICATION_CREDENTIALS", account},
                {"OPENAI_API_KEY", fakes_environment_.at("OPENAI_API_KEY")},
                {"LLM_MODEL", "fake"}},
               {"--config", folder_.write("agentd.toml", addresses)});
  if (HasFatalFailure()) return;
  for (const char* says : {"Recognition (he-IL): google", "Answers: openai", "Voice (he-IL): google"})
    EXPECT_EQ(lines_with(log(), says).size(), 1U) << says << "\n" << log();
  const json report = call(1);
  EXPECT_EQ(report.at("lead").at("slots").at("area"), "תל אביב") << report.dump(1) << log();
  EXPECT_EQ(lines_with(log(), "fell_back").size(), 0U) << log();
  // The filler is told apart and shortens nothing.
  const auto told = lines_with(log(), "LATENCY ");
  ASSERT_EQ(told.size(), 1U) << log();
  const auto parts = logged_parts(told[0]);
  expect_ledger(parts, 0.01, told[0]);
  EXPECT_GE(value_in(told[0], "filler_ms"), 690) << told[0];
  EXPECT_GT(parts.at("total"), static_cast<double>(value_in(told[0], "filler_ms"))) << told[0];
  const auto sums = latency_sums(http_get(admin_port_, "/metrics"));
  expect_ledger(sums, 0.0005, "Prometheus");
  EXPECT_NEAR(sums.at("filler") * 1000, static_cast<double>(value_in(told[0], "filler_ms")), 0.5);
  stop_agentd();
  stop_fakes();
  EXPECT_FALSE(std::filesystem::exists(folder_.file("state") + "/calls"));  // nothing is recorded unless asked for
}
#endif

}  // namespace
}  // namespace al::alctl
