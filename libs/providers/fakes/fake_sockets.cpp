// The fakes of Deepgram's live transcription and ElevenLabs' text-to-dialogue, over WebSockets.
#include <utility>

#include <nlohmann/json.hpp>

#include "audio/g711.h"
#include "core/json.h"
#include "core/secret.h"
#include "providers/fakes/fake_handlers.h"
#include "providers/fakes/raw_websocket.h"

namespace al::providers {
namespace {

using nlohmann::json;

// Counts a WebSocket while it lives.
class OpenStream {
 public:
  explicit OpenStream(FakeScript& script) : script_(script) { ++script_.open_streams; }
  ~OpenStream() { --script_.open_streams; }
  OpenStream(const OpenStream&) = delete;
  OpenStream& operator=(const OpenStream&) = delete;

 private:
  FakeScript& script_;
};

// The refusals that come instead of an upgrade; true if the request was answered so.
bool refuse_upgrade(RawConnection& connection, Fault fault) {
  const auto answer = [&](int status, const char* type, const char* body, const net::HttpHeaders& extra = {}) {
    net::HttpHeaders headers{{"Content-Type", type}};
    headers.insert(headers.end(), extra.begin(), extra.end());
    send_response(connection, status, headers, body);
    connection.end();
    return true;
  };
  switch (fault) {
    case Fault::kUnauthorized:
      return answer(401, "application/json", R"({"err_code":"INVALID_AUTH","err_msg":"Invalid credentials."})");
    case Fault::kRateLimited:
      return answer(429, "application/json", R"({"err_code":"TOO_MANY_REQUESTS","err_msg":"Too many requests"})",
                    {{"Retry-After", "1"}});
    case Fault::kServerError:
      return answer(503, "application/json", R"({"err_msg":"unavailable"})");
    case Fault::kHtmlBody:
      return answer(200, "text/html", "<html>Sign in</html>");
    case Fault::kHang:
      connection.wait(seconds{3600});
      connection.end();
      return true;
    case Fault::kReset:
      connection.reset();
      return true;
    default:
      return false;
  }
}

// One connection to Deepgram: counts the audio, and finalises when asked to.
class DeepgramPeer {
 public:
  DeepgramPeer(const FakeContext& context, RawWebSocket& socket, Fault fault)
      : context_(context),
        socket_(socket),
        fault_(fault),
        late_(fault == Fault::kLate ? Duration(seconds{3}) : Duration::zero()) {}

  void run() {
    constexpr Duration kPatience = seconds{10};  // then NET-0001
    RawWebSocket::Message message;
    while (true) {
      switch (socket_.next(kPatience, message)) {
        case RawWebSocket::Wait::kOver:
          return;
        case RawWebSocket::Wait::kTimeout:
          return socket_.close(1011, "NET-0001");
        case RawWebSocket::Wait::kMessage:
          break;
      }
      if (message.opcode == net::WsOpcode::kBinary) {
        if (!take_audio(message.payload)) return;
        continue;
      }
      const auto control = parse_json(message.payload);
      const std::string type = control ? json_string(*control, "type") : "";
      if (type == "CloseStream") return socket_.close(1000, "");
      if (type == "Finalize" && !finalize()) return;
      if (type != "Finalize" && type != "KeepAlive")
        context_.script.note_problem("deepgram: unknown message " + message.payload);
    }
  }

 private:
  bool take_audio(const std::string& ulaw) {
    samples_ += ulaw.size();
    if (fault_ == Fault::kMidStreamError)
      return socket_.send_text(R"({"type":"Error","description":"internal server error"})"), false;
    if (fault_ == Fault::kTruncated && samples_ > 1600) return socket_.send_raw(std::string("\x81\x7E\x01", 3)), false;
    if (text_.empty()) text_ = context_.script.next_transcript();
    // An interim result every second of audio.
    if (samples_ - reported_ < 8000 || fault_ == Fault::kEmpty) return true;
    reported_ = samples_;
    if (fault_ == Fault::kEndless) {
      while (socket_.connection().wait(milliseconds{5}) && socket_.send_text(results(text_, false, false, false))) {
      }
      return false;
    }
    return socket_.send_text(results(text_.substr(0, text_.find(' ')), false, false, false));
  }

  bool finalize() {
    if (!socket_.connection().wait(context_.script.latencies().stt_final + late_)) return false;
    if (text_.empty()) text_ = context_.script.next_transcript();
    if (fault_ == Fault::kMalformed) return socket_.send_text(R"({"type":"Results","start":"x")");
    const std::string text = fault_ == Fault::kEmpty ? "" : text_;
    bool sent = true;
    if (fault_ == Fault::kHeaderInside) {
      sent = socket_.send_text(R"({"type":"Metadata","request_id":"1"})") &&
             socket_.send_text(R"({"type":"SpeechStarted","channel":[0],"timestamp":0.1})");
    }
    if (fault_ == Fault::kSlowDrip) {
      for (int i = 0; i < 100 && sent; ++i)
        sent = socket_.connection().wait(milliseconds{200}) && socket_.send_text(R"({"type":"SpeechStarted"})");
      return sent;
    }
    const std::string final = results(text, true, true, true);
    sent = sent && (fault_ == Fault::kOddSplit ? socket_.send_text_in_bytes(final) : socket_.send_text(final));
    start_ = samples_;
    text_.clear();
    return sent;
  }

  [[nodiscard]] std::string results(const std::string& text, bool is_final, bool speech_final,
                                    bool from_finalize) const {
    constexpr double kRate = 8000.0;
    const json alternative = {
        {"transcript", text}, {"confidence", text.empty() ? 0.0 : 0.97}, {"words", json::array()}};
    json message = {{"type", "Results"},
                    {"channel_index", {0, 1}},
                    {"start", static_cast<double>(start_) / kRate},
                    {"duration", static_cast<double>(samples_ - start_) / kRate},
                    {"is_final", is_final},
                    {"speech_final", speech_final},
                    {"from_finalize", from_finalize},
                    {"channel", {{"alternatives", json::array({alternative})}}}};
    if (fault_ == Fault::kWrongShape) message["channel"]["alternatives"][0]["words"] = nullptr;
    return dump_json(message);
  }

  const FakeContext& context_;
  RawWebSocket& socket_;
  const Fault fault_;
  const Duration late_;
  std::string text_;  // of the utterance under way
  std::size_t samples_ = 0;
  std::size_t reported_ = 0;
  std::size_t start_ = 0;  // of the utterance
};

// µ-law of a speech in messages of a fifth of a second, as the real service sends them.
std::vector<std::string> audio_messages(const std::string& text) {
  constexpr std::size_t kPiece = 1600;
  const auto pcm = fake_speech(text, 8000);
  std::vector<std::string> messages;
  for (std::size_t at = 0; at < pcm.size(); at += kPiece) {
    std::string ulaw;
    for (std::size_t i = at; i < std::min(pcm.size(), at + kPiece); ++i)
      ulaw.push_back(static_cast<char>(audio::encode_ulaw(pcm[i])));
    messages.push_back(dump_json({{"audio", base64_encode(ulaw)}, {"alignment", nullptr}}));
  }
  return messages;
}

bool speak(const FakeContext& context, RawWebSocket& socket, const std::string& text, Fault fault) {
  RawConnection& connection = socket.connection();
  if (!connection.wait(fault == Fault::kLate ? Duration(seconds{3}) : context.script.latencies().first_audio))
    return false;
  const auto messages = audio_messages(text);
  switch (fault) {
    case Fault::kMalformed:
      return socket.send_text(R"({"audio":"***"})");
    case Fault::kTruncated:
      return socket.send_raw(std::string("\x81\x7E\x10\x00{\"audio", 11)), false;
    case Fault::kEmpty:
      return socket.send_text(R"({"audio":null,"is_final_audio_for_turn":true})");
    case Fault::kMidStreamError:
      return socket.send_text(messages.front()) &&
             socket.send_text(R"({"message":"boom","error":"internal_error","code":1011})");
    case Fault::kEndless:
      while (connection.wait(milliseconds{2}) && socket.send_text(messages.front())) {
      }
      return false;
    case Fault::kSlowDrip:
      for (const auto& message : messages) {
        if (!connection.wait(seconds{4}) || !socket.send_text(message)) return false;
      }
      break;
    default:
      for (const auto& message : messages) {
        if (!(fault == Fault::kOddSplit ? socket.send_text_in_bytes(message) : socket.send_text(message))) return false;
      }
  }
  return socket.send_text(R"({"is_final_audio_for_turn":true})");
}

}  // namespace

void serve_deepgram(const FakeContext& context, const RawRequest& request, RawConnection& connection) {
  const Fault fault = context.script.take_fault(FakeStage::kStt);
  if (!check_key(request, connection, "authorization", "Token " + context.keys.api_key,
                 R"({"err_code":"INVALID_AUTH","err_msg":"Invalid credentials."})"))
    return connection.end();
  for (const auto& [name, value] :
       {std::pair{"encoding", "mulaw"}, {"sample_rate", "8000"}, {"channels", "1"}, {"interim_results", "true"}}) {
    if (request.query(name) != value)
      context.script.note_problem(std::string("deepgram: ") + name + " is not " + value);
  }
  if (refuse_upgrade(connection, fault)) return;
  RawWebSocket socket(request, connection);
  if (!socket.accept()) return;
  const OpenStream open(context.script);
  DeepgramPeer(context, socket, fault).run();
}

void serve_elevenlabs_ws(const FakeContext& context, const RawRequest& request, RawConnection& connection) {
  constexpr Duration kIdle = seconds{20};
  if (!check_key(request, connection, "xi-api-key", context.keys.api_key,
                 R"({"detail":{"status":"invalid_api_key","message":"Invalid API key"}})"))
    return connection.end();
  const Fault fault = context.script.take_fault(FakeStage::kTts);
  if (refuse_upgrade(connection, fault)) return;
  RawWebSocket socket(request, connection);
  if (!socket.accept()) return;
  const OpenStream open(context.script);
  bool opened = false;
  RawWebSocket::Message message;
  while (socket.next(kIdle, message) == RawWebSocket::Wait::kMessage) {
    const auto body = parse_json(message.payload);
    if (!body || !body->is_object()) {
      context.script.note_problem("elevenlabs: a message is not a JSON object");
      return socket.close(1008, "invalid message");
    }
    if (json_member(*body, "voices") != nullptr) {
      opened = true;
    } else if (const json* inputs = json_member(*body, "inputs"); inputs != nullptr && !inputs->empty()) {
      if (!opened || !json_bool(*body, "flush").value_or(false))
        context.script.note_problem("elevenlabs: inputs before voices, or without flush");
      if (!speak(context, socket, json_string(inputs->front(), "text"), fault)) return;
    } else if (json_member(*body, "close_socket") != nullptr) {
      socket.send_text(R"({"is_final":true})");
      return socket.close(1000, "");
    } else if (json_member(*body, "keep_alive") == nullptr) {
      context.script.note_problem("elevenlabs: unknown message");
    }
  }
}

}  // namespace al::providers
