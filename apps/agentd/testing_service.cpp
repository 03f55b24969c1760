#include "agentd/testing_service.h"

#include <algorithm>
#include <utility>

#include "core/secret.h"
#include "core/settings.h"
#include "twilio/signature.h"

namespace al::agentd::test {

OtherService::OtherService(Script script)
    : script_(std::move(script)),
      server_([this](const providers::RawRequest& request, providers::RawConnection& connection) {
        serve(request, connection);
      }) {}

void OtherService::serve(const providers::RawRequest& request, providers::RawConnection& connection) {
  Answer answer;
  {
    const std::lock_guard lock(mutex_);
    answer = script_(request, requests_.size());
    requests_.push_back(request);
    came_.notify_all();
  }
  switch (answer.fate) {
    case Answer::Fate::kAnswered:
      providers::send_response(connection, answer.status, answer.headers, answer.body);
      break;
    case Answer::Fate::kReset:
      connection.reset();
      break;
    case Answer::Fate::kSilent:
      connection.wait(kServicePatience);
      connection.end();
      break;
  }
}

providers::RawRequest OtherService::request(std::size_t number) {
  std::unique_lock lock(mutex_);
  came_.wait_for(lock, kServicePatience, [&] { return requests_.size() > number; });
  return requests_.size() > number ? requests_[number] : providers::RawRequest{};
}

std::vector<providers::RawRequest> OtherService::requests() {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void OtherService::answer_with(Script script) {
  const std::lock_guard lock(mutex_);
  script_ = std::move(script);
}

std::map<std::string, std::string> form_of(std::string_view body) {
  std::map<std::string, std::string> fields;
  const auto form = twilio::parse_form(body);
  EXPECT_TRUE(form) << body;
  if (form) {
    for (const twilio::FormParam& param : form->entries()) fields[param.key] = param.value;
  }
  return fields;
}

void ServiceTest::TearDown() {
  if (HasFailure()) {
    for (const std::string& line : log_.lines()) std::cerr << line << '\n';
  }
  daemon_.reset();
}

void ServiceTest::start(const Changes& changes) {
  Changes all{{"port", "0"},
              {"admin_listener", "false"},
              {"threads", "2"},
              {"state_dir", folder_.path().string()},
              {"database_url", database_},
              {"public_base_url", std::string(kServiceBase)},
              {"twilio_auth_token", std::string(kServiceToken)},
              {"twilio_account_sid", std::string(kServiceAccount)},
              {"ws_mode", "echo"},
              {"vad_engine", "energy"},
              {"api_key", std::string(kServiceKey)},
              {"api_rate_per_min", "100000"},
              {"persona", "en-real-estate"},
              {"stt", "whisper"},
              {"llm", "scripted"},
              {"tts", "openai"},
              {"openai_api_key", "unused"},
              {"openai_tts_model", "tts-1"},
              {"whisper_model", "whisper-1"},
              {"openai_base_url", "http://127.0.0.1:1"},
              {"whisper_base_url", "http://127.0.0.1:1"},
              {"whatsapp_from", std::string(kUs)}};
  for (const auto& [key, value] : changes) all[key] = value;
  Settings settings;
  for (const auto& [key, value] : all) {
    const auto set = settings.set(key, value);
    ASSERT_TRUE(set) << to_string(set.error());
  }
  auto made = Daemon::make(settings);
  ASSERT_TRUE(made) << to_string(made.error());
  daemon_ = std::move(*made);
}

net::ClientResponse ServiceTest::ask(std::string_view method, std::string_view path, std::string body,
                                     net::HttpHeaders headers) {
  net::ClientRequest request;
  request.method = method;
  request.url = "http://127.0.0.1:" + std::to_string(daemon_->port()) + std::string(path);
  request.body = std::move(body);
  request.headers = std::move(headers);
  auto response = http_.fetch(std::move(request));
  EXPECT_TRUE(response) << to_string(response.error());
  return response.value_or(net::ClientResponse{});
}

net::ClientResponse ServiceTest::api(std::string_view method, std::string_view path, std::string body,
                                     net::HttpHeaders headers) {
  headers.push_back({"Authorization", "Bearer " + std::string(kServiceKey)});
  if (!body.empty() && !net::find_header(headers, "Content-Type"))
    headers.push_back({"Content-Type", "application/json"});
  return ask(method, path, std::move(body), std::move(headers));
}

nlohmann::json ServiceTest::get(std::string_view path) {
  const auto answer = api("GET", path);
  EXPECT_EQ(answer.status, 200) << path << ": " << answer.body;
  return answer.status == 200 ? nlohmann::json::parse(answer.body, nullptr, false) : nlohmann::json();
}

net::ClientResponse ServiceTest::post_signed(std::string_view path, const twilio::FormParams& form, bool good) {
  const std::string url = std::string(kServiceBase) + std::string(path);
  std::string signature = twilio::compute_signature(kServiceToken, url, &form);
  if (!good) signature[3] = signature[3] == 'A' ? 'B' : 'A';
  return ask("POST", path, twilio::encode_form(form),
             {{"Content-Type", "application/x-www-form-urlencoded"}, {"X-Twilio-Signature", signature}});
}

twilio::FormParams ServiceTest::message_form(const std::string& text, const std::string& sid, std::string_view from) {
  return {{"MessageSid", sid},
          {"SmsSid", sid},
          {"SmsMessageSid", sid},
          {"AccountSid", std::string(kServiceAccount)},
          {"Body", text},
          {"From", "whatsapp:" + std::string(from)},
          {"NumMedia", "0"},
          {"To", "whatsapp:" + std::string(kUs)},
          {"ProfileName", "Dana"},
          {"WaId", std::string(from.substr(1))},
          {"SmsStatus", "received"},
          {"ApiVersion", "2010-04-01"},
          {"MessageType", "text"}};
}

std::string ServiceTest::message_sid(int number) {
  std::string sid = "SM" + std::string(32, '0');
  const std::string digits = std::to_string(number);
  return sid.replace(sid.size() - digits.size(), digits.size(), digits);
}

net::ClientResponse ServiceTest::writes(const std::string& text, std::string sid, std::string_view from) {
  if (sid.empty()) sid = message_sid(++written_);
  return post_signed("/webhook/whatsapp/incoming", message_form(text, sid, from));
}

std::unique_ptr<store::Store> ServiceTest::store() {
  store::StoreOptions options;
  options.url = database_.empty() ? "sqlite:" + folder_.file("agentd.sqlite") : database_;
  options.ballast_bytes = 0;
  options.lock_wait = seconds{10};
  auto opened = store::open_store(options);
  EXPECT_TRUE(opened) << to_string(opened.error());
  return opened ? *std::move(opened) : nullptr;
}

bool ServiceTest::eventually(const std::function<bool()>& condition) {
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  const auto until = std::chrono::steady_clock::now() + kServicePatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    never.wait_for(lock, milliseconds{10});
  }
  return true;
}

std::vector<nlohmann::json> ServiceTest::messages(std::string_view direction) {
  const nlohmann::json page = get("/api/whatsapp/messages?limit=1000&direction=" + std::string(direction));
  std::vector<nlohmann::json> list;
  if (page.is_object()) list.assign(page["messages"].begin(), page["messages"].end());
  std::reverse(list.begin(), list.end());
  return list;
}

bool ServiceTest::logged(std::string_view part) {
  const auto lines = log_.lines();
  return std::any_of(lines.begin(), lines.end(),
                     [&](const std::string& line) { return line.find(part) != std::string::npos; });
}

OtherService::Answer twilio_takes(const providers::RawRequest&, std::size_t number) {
  const nlohmann::json body = {{"sid", "SM" + std::string(31, 'e') + std::to_string(number % 10)},
                               {"status", "queued"}};
  return {201, body.dump(), {{"Content-Type", "application/json"}}};
}

void WhatsAppTest::start_with_twilio(Changes changes) {
  changes["whatsapp_provider"] = "twilio";
  changes["twilio_api_base_url"] = network_.url();
  start(changes);
}

}  // namespace al::agentd::test
