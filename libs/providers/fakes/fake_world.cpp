#include "providers/fakes/fake_world.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "providers/fakes/fake_http.h"
#include "providers/fakes/test_keys.h"
#if AL_GRPC
#include "providers/fakes/fake_google_speech.h"
#endif

namespace al::providers {
namespace {

struct Cast {
  std::string_view name;
  std::string_view stt;
  std::string_view llm;
  std::string_view tts;
};
constexpr Cast kCasts[] = {
    {"google", "google", "openai", "google"},        {"openai", "whisper", "openai", "openai"},
    {"anthropic", "whisper", "anthropic", "google"}, {"azure", "whisper", "openai", "azure"},
    {"deepgram", "deepgram", "openai", "google"},    {"elevenlabs", "deepgram", "anthropic", "elevenlabs"},
    {"whisper", "whisper", "scripted", "google"}};
constexpr std::string_view kKey = "fake-key";

std::string with_token_uri(const std::string& account_json, const std::string& uri) {
  auto account = parse_json(account_json);
  if (!account) return account_json;
  (*account)["token_uri"] = uri;
  return dump_json(*account);
}

// A folder of this object's own, readable by its user only.
class OwnFolder {
 public:
  ~OwnFolder() {
    std::error_code fault;
    if (!path_.empty()) std::filesystem::remove_all(path_, fault);
  }
  Result<std::string> write(std::string_view name, const std::string& text) {
    std::error_code fault;
    std::string pattern = (std::filesystem::temp_directory_path(fault) / "al-fakes-XXXXXX").string();
    if (fault || mkdtemp(pattern.data()) == nullptr)
      return fail(Errc::kInternal, "no temporary folder for the fakes' certificate");
    path_ = pattern;
    const std::filesystem::path file = path_ / name;
    std::ofstream out(file, std::ios::binary);
    out << text;
    out.close();
    if (!out) return fail(Errc::kInternal, file.string() + " cannot be written");
    return file.string();
  }

 private:
  std::filesystem::path path_;
};

}  // namespace

struct FakeWorld::Impl {
  Impl() : http(script, {.api_key = std::string(kKey), .service_account_public_key = account.public_key_pem}) {}

  FakeScript script;
  TestServiceAccount account = make_test_service_account();
  FakeHttp http;
#if AL_GRPC
  FakeGoogleSpeech speech{script, {.api_key = std::string(kKey), .service_account_public_key = account.public_key_pem}};
#endif
  OwnFolder folder;
  std::vector<std::pair<std::string, std::string>> settings;
};

std::vector<std::string> fake_world_names() {
  std::vector<std::string> names;
  for (const Cast& cast : kCasts) names.emplace_back(cast.name);
  return names;
}

Result<std::unique_ptr<FakeWorld>> FakeWorld::start(std::string_view name) {
  const Cast* chosen = nullptr;
  std::string known;
  for (const Cast& cast : kCasts) {
    if (cast.name == name) chosen = &cast;
    known.append(known.empty() ? "" : ", ").append(cast.name);
  }
  if (chosen == nullptr)
    return fail(Errc::kNotFound, "no fake called '" + std::string(name) + "' (there are: " + known + ")");
#if !AL_GRPC
  if (chosen->stt == "google") return fail(Errc::kUnsupported, "this build has no gRPC, so no Google recogniser");
#endif
  auto impl = std::make_unique<Impl>();
  const std::string origin = impl->http.http_origin();
  const std::string key(kKey);
  // For GOOGLE_AUTH=exchange: the fakes' own token service.
  const std::string account = with_token_uri(impl->account.json, origin + "/token");
  impl->settings = {{"stt", std::string(chosen->stt)},
                    {"llm", std::string(chosen->llm)},
                    {"tts", std::string(chosen->tts)},
                    {"google_cloud_service_account_json", account},
                    {"google_tts_sa_json", account},
                    {"google_tts_base_url", origin},
                    {"openai_base_url", origin + "/v1"},
                    {"openai_api_key", key},
                    {"llm_model", "fake"},
                    {"whisper_base_url", origin + "/v1"},
                    {"whisper_api_key", key},
                    {"whisper_model", "fake"},
                    {"openai_tts_base_url", origin + "/v1"},
                    {"openai_tts_model", "fake"},
                    {"anthropic_base_url", origin},
                    {"anthropic_api_key", key},
                    {"anthropic_model", "fake"},
                    {"azure_tts_base_url", origin},
                    {"azure_speech_key", key},
                    {"elevenlabs_base_url", origin},
                    {"elevenlabs_api_key", key},
                    {"elevenlabs_voice_id", "fake-voice"},
                    {"deepgram_url", impl->http.ws_origin() + "/v1/listen"},
                    {"deepgram_api_key", key}};
#if AL_GRPC
  auto authority = impl->folder.write("google-stt.pem", impl->speech.certificate_pem());
  if (!authority) return fail(authority.error());
  // By its address, which the certificate names as well: no name has to be looked up on a machine without a network.
  const std::string named = impl->speech.tls_endpoint();
  impl->settings.emplace_back("google_stt_endpoint", "https://127.0.0.1" + named.substr(named.find(':')));
  impl->settings.emplace_back("google_stt_ca_file", *authority);
#endif
  return std::unique_ptr<FakeWorld>(new FakeWorld(std::move(impl)));
}

FakeWorld::FakeWorld(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FakeWorld::~FakeWorld() = default;
const std::vector<std::pair<std::string, std::string>>& FakeWorld::settings() const {
  return impl_->settings;
}
FakeScript& FakeWorld::script() {
  return impl_->script;
}

}  // namespace al::providers
