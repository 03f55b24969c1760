// Sinks that write down what they hear and let a test wait for the end. For tests only. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "dialog/ports.h"

namespace al::providers::testing {

// Waiting for real threads ends here even when they hang.
inline constexpr std::chrono::seconds kPatience{30};

class Recorder {
 public:
  // After this any call of the sink fails the test.
  void forbid() {
    const std::lock_guard lock(mutex_);
    forbidden_ = true;
  }

 protected:
  template <typename Change>
  void note(Change change) {
    {
      const std::lock_guard lock(mutex_);
      EXPECT_FALSE(forbidden_) << "the sink was called after its session had died";
      change();
    }
    changed_.notify_all();
  }
  template <typename Condition>
  bool wait_until(Condition condition) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, condition);
  }
  template <typename T>
  T read(const T& value) const {
    const std::lock_guard lock(mutex_);
    return value;
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  bool forbidden_ = false;
};

class TtsRecorder final : public dialog::TtsSink, public Recorder {
 public:
  void on_audio(SpeechId, std::vector<std::int16_t> pcm) override {
    note([&] {
      EXPECT_EQ(ends_, 0) << "audio after the end";
      ++pieces_;
      audio_.insert(audio_.end(), pcm.begin(), pcm.end());
    });
  }
  void on_done(SpeechId) override {
    note([&] { ++ends_; });
  }
  void on_failed(SpeechId, Error error) override {
    note([&] {
      ++ends_;
      error_ = std::move(error);
    });
  }

  bool wait() const {
    return wait_until([this] { return ends_ > 0; });
  }
  bool wait_for_pieces(std::size_t count) const {
    return wait_until([this, count] { return pieces_ >= count; });
  }
  std::size_t pieces() const { return read(pieces_); }
  int ends() const { return read(ends_); }
  std::vector<std::int16_t> audio() const { return read(audio_); }
  std::optional<Error> error() const { return read(error_); }

 private:
  std::size_t pieces_ = 0;
  int ends_ = 0;
  std::vector<std::int16_t> audio_;
  std::optional<Error> error_;
};

class SttRecorder final : public dialog::SttSink, public Recorder {
 public:
  struct End {
    TurnId turn;
    std::string text;
    float confidence = 0;
    std::optional<Error> error;
  };
  void on_partial(TurnId turn, std::string text, float) override {
    note([&] {
      for (const auto& end : ends_) EXPECT_NE(end.turn, turn) << "a partial after the final";
      partials_.push_back(std::move(text));
    });
  }
  void on_final(TurnId turn, std::string text, float confidence) override {
    note([&] { ends_.push_back({turn, std::move(text), confidence, {}}); });
  }
  void on_failed(TurnId turn, Error error) override {
    note([&] { ends_.push_back({turn, {}, 0, std::move(error)}); });
  }

  bool wait(std::size_t ends = 1) const {
    return wait_until([this, ends] { return ends_.size() >= ends; });
  }
  bool wait_for_partials(std::size_t count) const {
    return wait_until([this, count] { return partials_.size() >= count; });
  }
  std::vector<End> ends() const { return read(ends_); }
  std::vector<std::string> partials() const { return read(partials_); }

 private:
  std::vector<std::string> partials_;
  std::vector<End> ends_;
};

}  // namespace al::providers::testing
