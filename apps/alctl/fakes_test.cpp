// `alctl fakes` as a shell meets it: lines to source, an end by itself or by a signal, a verdict.
#include <csignal>
#include <filesystem>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <unistd.h>

#include "alctl/programs_test_support.h"

namespace al::alctl {
namespace {

using nlohmann::json;
using test::Folder;
using test::Program;

constexpr const char* kName = AL_GRPC ? "google" : "openai";

void post_rubbish(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  const std::string request =
      "POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer fake-key\r\nContent-Length: 2\r\n"
      "Connection: close\r\n\r\n[]";
  ASSERT_EQ(send(fd, request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
  char bytes[1024];
  EXPECT_GT(recv(fd, bytes, sizeof bytes, 0), 0);
  close(fd);
}

TEST(Fakes, PrintWhatAShellCanSource) {
  const Folder folder;
  Program fakes(folder, {AL_ALCTL_PROGRAM, "fakes", kName, "--seconds", "1"}, {});
  ASSERT_EQ(fakes.wait(), 0) << fakes.err();
  Program shell(
      folder, {"/bin/sh", "-c", ". \"$1\"; printf '%s' \"$GOOGLE_CLOUD_SERVICE_ACCOUNT_JSON\"", "sh", fakes.out_path()},
      {});
  ASSERT_EQ(shell.wait(), 0) << shell.err();
  const json account = json::parse(shell.out(), nullptr, false);
  ASSERT_TRUE(account.is_object()) << shell.out();
  EXPECT_NE(account.at("private_key").get<std::string>().find("-----BEGIN PRIVATE KEY-----\n"), std::string::npos);
  EXPECT_NE(fakes.err().find("0 turns recognised, 0 answers, 0 texts spoken"), std::string::npos) << fakes.err();
}

TEST(Fakes, SayWhatTheRealServiceWouldHaveRefused) {
  const Folder folder;
  Program fakes(folder, {AL_ALCTL_PROGRAM, "fakes", kName, "--json", "--seconds", "4"}, {});
  const json head = json::parse(fakes.line_of(fakes.out_path()), nullptr, false);
  ASSERT_TRUE(head.is_object()) << fakes.err();
  const std::string url = head.at("environment").at("OPENAI_BASE_URL").get<std::string>();
  const std::size_t colon = url.rfind(':');
  post_rubbish(std::stoi(url.substr(colon + 1)));
  EXPECT_EQ(fakes.wait(), 1) << fakes.err();
  EXPECT_NE(fakes.err().find("a real service would refuse"), std::string::npos) << fakes.err();
}

TEST(Fakes, LeaveNothingBehindWhenTheyAreStopped) {
  const Folder folder;
  Program fakes(folder, {AL_ALCTL_PROGRAM, "fakes", kName, "--json"}, {});
  const json head = json::parse(fakes.line_of(fakes.out_path()), nullptr, false);
  ASSERT_TRUE(head.is_object()) << fakes.err();
  std::string file;
  if (AL_GRPC != 0) {
    file = head.at("environment").at("GOOGLE_STT_CA_FILE").get<std::string>();
    EXPECT_TRUE(std::filesystem::exists(file));
  }
  fakes.signal(SIGTERM);
  EXPECT_EQ(fakes.wait(), 130);
  EXPECT_FALSE(!file.empty() && std::filesystem::exists(file));
}

TEST(Fakes, AnUnknownNameOrFaultIsAnsweredWithTheKnownOnes) {
  const Folder folder;
  Program name(folder, {AL_ALCTL_PROGRAM, "fakes", "gogle"}, {});
  EXPECT_EQ(name.wait(), 2);
  EXPECT_NE(name.err().find("elevenlabs"), std::string::npos) << name.err();
  Program fault(folder, {AL_ALCTL_PROGRAM, "fakes", kName, "--fault", "stt=500"}, {});
  EXPECT_EQ(fault.wait(), 2);
  EXPECT_NE(fault.err().find("slow-drip"), std::string::npos) << fault.err();
}

TEST(Fakes, WithoutANameAllOfThemAreThere) {
  const Folder folder;
  Program fakes(folder, {AL_ALCTL_PROGRAM, "fakes", "--json", "--seconds", "1"}, {});
  EXPECT_EQ(fakes.wait(), 0) << fakes.err();
}

}  // namespace
}  // namespace al::alctl
