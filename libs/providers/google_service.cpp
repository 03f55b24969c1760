// What all sessions of the Google recogniser share.
#include <algorithm>
#include <utility>

#include "core/log.h"
#include "providers/google_turn.h"

namespace al::providers {
namespace {

constexpr std::string_view kPlain = "http://";
constexpr std::string_view kTls = "https://";

std::string_view host_of(std::string_view endpoint) {
  for (const std::string_view scheme : {kPlain, kTls}) {
    if (endpoint.starts_with(scheme)) endpoint.remove_prefix(scheme.size());
  }
  return endpoint;
}

// A bearer token never crosses a network in the clear.
GoogleSttOptions without_leaks(GoogleSttOptions options) {
  const std::string_view host = host_of(options.endpoint);
  const bool loopback = host.starts_with("127.") || host.starts_with("localhost:") || host.starts_with("[::1]");
  if (options.endpoint.starts_with(kPlain) && !loopback) options.tokens.reset();
  return options;
}

}  // namespace

GoogleSttService::GoogleSttService(GoogleSttOptions o, Scheduler& s)
    : options(without_leaks(std::move(o))),
      scheduler(s),
      channel_(GoogleSpeechChannel::create({.endpoint = std::string(host_of(options.endpoint)),
                                            .insecure = options.endpoint.starts_with(kPlain),
                                            .root_certificates_pem = options.root_certificates_pem,
                                            .server_name = options.server_name})),
      model_(options.model) {}

std::shared_ptr<GoogleStream> GoogleSttService::start(const GoogleStreamConfig& config, GoogleStreamEvents events) {
  const std::lock_guard lock(mutex_);
  return channel_ ? channel_->start(config, std::move(events)) : nullptr;
}

void GoogleSttService::warm_up() {
  const std::lock_guard lock(mutex_);
  if (channel_) channel_->warm_up();
}

bool GoogleSttService::enter() {
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  ++running_;
  return true;
}

void GoogleSttService::leave() {
  const std::lock_guard lock(mutex_);
  if (--running_ == 0) idle_.notify_all();
}

void GoogleSttService::shut_down() {
  std::unique_ptr<GoogleSpeechChannel> doomed;
  std::unique_lock lock(mutex_);
  closed_ = true;
  idle_.wait(lock, [this] { return running_ == 0; });
  doomed = std::move(channel_);
  lock.unlock();
}

std::string GoogleSttService::language(const std::string& wanted) const {
  const std::lock_guard lock(mutex_);
  if (!refused_.contains(wanted)) return wanted;
  for (const std::string& other : options.alternative_languages) {
    if (!refused_.contains(other)) return other;
  }
  return wanted;
}

std::string GoogleSttService::model() const {
  const std::lock_guard lock(mutex_);
  return model_;
}

bool GoogleSttService::learn(const GoogleStatus& status, const std::string& language, const std::string& model) {
  const std::lock_guard lock(mutex_);
  if (!model.empty() && status.message.find("model") != std::string::npos) {
    if (model_ == model) {
      log::warn("STT_MODEL_REFUSED", {{"provider", "google"}, {"model", model}, {"language", language}});
      model_.clear();
    }
    return true;
  }
  if (status.message.find("anguage") == std::string::npos) return false;
  const auto& others = options.alternative_languages;
  const auto usable = [&](const std::string& other) { return other != language && !refused_.contains(other); };
  if (std::none_of(others.begin(), others.end(), usable)) return false;
  refused_.insert(language);
  return true;
}

}  // namespace al::providers
