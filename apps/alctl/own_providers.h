// The providers of the settings with the threads they need, for a command that waits for each answer.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "core/settings.h"
#include "core/time.h"
#include "dialog/persona.h"
#include "net/http_client.h"
#include "net/loop.h"
#include "providers/factory.h"
#include "providers/local_speech.h"
#include "providers/scheduler.h"

namespace al::alctl {

struct OwnProviders {
  // Errors as make_providers().
  static Result<std::unique_ptr<OwnProviders>> open(const Settings& settings,
                                                    std::shared_ptr<const dialog::Persona> persona,
                                                    providers::FactoryWants wants) {
    auto own = std::make_unique<OwnProviders>();
    auto made = providers::make_providers(settings, std::move(persona),
                                          {own->http, own->thread.loop(), *own->scheduler, nullptr}, wants);
    if (!made) return fail(made.error());
    own->set = std::move(*made);
    return own;
  }

  net::LoopThread thread{"providers"};
  net::HttpClient http;
  std::unique_ptr<providers::Scheduler> scheduler = providers::make_timer_thread();
  providers::ProviderSet set;  // last: it uses the rest
};

// What one request brings, collected on the providers' threads for one waiting reader.
template <typename Value>
class Collected {
 public:
  static constexpr seconds kLongest{30};

  template <typename Change>
  void change(Change apply) {
    const std::lock_guard lock(mutex_);
    apply(value_);
  }
  void finish(std::string problem) {
    const std::lock_guard lock(mutex_);
    problem_ = std::move(problem);
    done_ = true;
    ready_.notify_one();
  }
  // The value, and what went wrong; empty = nothing.
  std::pair<Value, std::string> wait() {
    std::unique_lock lock(mutex_);
    if (!ready_.wait_for(lock, kLongest, [this] { return done_; })) problem_ = "no answer within 30 seconds";
    return {std::exchange(value_, {}), problem_};
  }

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  Value value_{};
  std::string problem_;
  bool done_ = false;
};

}  // namespace al::alctl
