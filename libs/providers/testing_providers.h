// Providers that do what a test tells them, at virtual times; and an observer that remembers. For tests only.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dialog/ports.h"
#include "providers/provider_events.h"
#include "providers/scheduler.h"

namespace al::providers::testing {

struct EventLog final : ProviderObserver {
  void on_provider_event(const ProviderEvent& event) override {
    lines.push_back(event.provider + " " + std::string(to_string(event.outcome)));
    events.push_back(event);
  }
  [[nodiscard]] std::size_t count(const std::string& line) const {
    return static_cast<std::size_t>(std::count(lines.begin(), lines.end(), line));
  }
  std::vector<std::string> lines;  // "google timeout"
  std::vector<ProviderEvent> events;
};

// What a fake does with one request: at each offset from its start, one event.
template <typename Sink>
struct Script {
  std::vector<std::pair<Duration, std::function<void(Sink&)>>> events;
};

// Sessions of fakes are counted, so that tests see leaks and late cancellations.
struct Census {
  int started = 0;
  int alive = 0;
};

template <typename Base>
class FakeSession final : public Base {
 public:
  explicit FakeSession(std::shared_ptr<Census> census) : census_(std::move(census)) { ++census_->alive; }
  ~FakeSession() override {
    --census_->alive;
    *open_ = false;
  }
  [[nodiscard]] std::shared_ptr<bool> open() const { return open_; }

 private:
  std::shared_ptr<Census> census_;
  std::shared_ptr<bool> open_ = std::make_shared<bool>(true);
};

template <typename Port, typename Session, typename Sink, typename Request>
class FakePort : public Port {
 public:
  FakePort(std::string name, Scheduler& scheduler) : name_(std::move(name)), scheduler_(scheduler) {}

  std::unique_ptr<Session> start(Request request, std::shared_ptr<Sink> sink) override {
    ++census->started;
    requests.push_back(request);
    auto session = std::make_unique<FakeSession<Session>>(census);
    for (auto& [offset, event] : script(request).events) {
      scheduler_.at(scheduler_.now() + offset, [open = session->open(), sink, event = event] {
        if (*open) event(*sink);
      });
    }
    return session;
  }
  [[nodiscard]] std::string name() const override { return name_; }

  std::function<Script<Sink>(const Request&)> script = [](const Request&) { return Script<Sink>{}; };  // silence
  std::shared_ptr<Census> census = std::make_shared<Census>();
  std::vector<Request> requests;

 private:
  std::string name_;
  Scheduler& scheduler_;
};

using FakeModel = FakePort<dialog::LanguageModel, dialog::ModelSession, dialog::ModelSink, dialog::ModelRequest>;
using FakeTts = FakePort<dialog::TextToSpeech, dialog::TtsSession, dialog::TtsSink, dialog::TtsRequest>;

// A recogniser that answers `delay` after the end of a turn with what it was fed: "<name> heard <samples>".
class FakeStt final : public dialog::SpeechToText {
 public:
  FakeStt(std::string name, Scheduler& scheduler) : name_(std::move(name)), scheduler_(scheduler) {}

  std::unique_ptr<dialog::SttSession> open(const dialog::SttOptions&, std::shared_ptr<dialog::SttSink> sink) override {
    ++opened;
    return std::make_unique<Session>(*this, std::move(sink));
  }
  [[nodiscard]] std::string name() const override { return name_; }

  std::optional<Duration> delay = milliseconds{100};  // nullopt: never answers
  std::optional<Error> error;                         // answers with it instead
  std::optional<Error> error_on_start;                // fails as soon as a turn begins
  std::string partial;                                // sent with the first audio
  bool empty = false;                                 // hears no words
  int opened = 0;
  int alive = 0;
  std::vector<std::string> calls;  // "start 1", "finish 1", "cancel 1"

 private:
  class Session final : public dialog::SttSession {
   public:
    Session(FakeStt& owner, std::shared_ptr<dialog::SttSink> sink) : owner_(owner), sink_(std::move(sink)) {
      ++owner_.alive;
    }
    ~Session() override {
      --owner_.alive;
      *open_ = false;
    }
    void start_turn(TurnId turn) override {
      note("start", turn);
      samples_ = 0;
      if (owner_.error_on_start) {
        later({}, [turn, error = *owner_.error_on_start](dialog::SttSink& sink) { sink.on_failed(turn, error); });
      }
    }
    void feed(TurnId turn, std::span<const std::int16_t> pcm) override {
      if (samples_ == 0 && !owner_.partial.empty()) {
        later({}, [turn, text = owner_.partial](dialog::SttSink& sink) { sink.on_partial(turn, text, 0.5F); });
      }
      samples_ += pcm.size();
    }
    void finish_turn(TurnId turn) override {
      note("finish", turn);
      if (!owner_.delay) return;
      const std::string text = owner_.empty ? "" : owner_.name_ + " heard " + std::to_string(samples_);
      later(*owner_.delay, [turn, text, error = owner_.error](dialog::SttSink& sink) {
        if (error) {
          sink.on_failed(turn, *error);
        } else {
          sink.on_final(turn, text, 0.9F);
        }
      });
    }
    void cancel_turn(TurnId turn) override { note("cancel", turn); }

   private:
    void note(const char* what, TurnId turn) {
      owner_.calls.push_back(std::string(what) + " " + std::to_string(turn.value));
    }
    void later(Duration delay, std::function<void(dialog::SttSink&)> event) {
      owner_.scheduler_.at(owner_.scheduler_.now() + delay, [open = open_, sink = sink_, event = std::move(event)] {
        if (*open) event(*sink);
      });
    }
    FakeStt& owner_;
    std::shared_ptr<dialog::SttSink> sink_;
    std::shared_ptr<bool> open_ = std::make_shared<bool>(true);
    std::size_t samples_ = 0;
  };

  std::string name_;
  Scheduler& scheduler_;
};

}  // namespace al::providers::testing
