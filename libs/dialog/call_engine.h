// Decides one call's turns: what the caller is doing, what we are doing, which provider work is open.
// Sans-I/O: reads no clock, does no I/O, throws nothing. Not thread-safe: used from one strand.
// After each handle(), drain poll_output() to nullopt before the next handle(); then arm one timer for deadline().
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "audio/turn_listener.h"
#include "core/time.h"
#include "dialog/call_options.h"
#include "dialog/engine_io.h"

namespace al::dialog {

class Conversation;

class CallEngine {
 public:
  // `now` is the moment of Twilio's `start` message. The same options, seed and inputs give the same outputs.
  CallEngine(const CallOptions& options, Timestamp now, std::uint64_t seed);
  ~CallEngine();
  CallEngine(CallEngine&&) noexcept;
  CallEngine& operator=(CallEngine&&) noexcept;

  void handle(const Input& input, Timestamp now);  // an earlier `now` than the last one counts as the last one
  [[nodiscard]] std::optional<Output> poll_output();
  [[nodiscard]] std::optional<Deadline> deadline() const;  // nullopt = nothing pending: only after Hangup
  [[nodiscard]] bool ended() const;
  [[nodiscard]] const Conversation& conversation() const;
  // What the ear made of the last in::Media, for reports that draw levels, thresholds and decisions.
  [[nodiscard]] const audio::Heard& last_heard() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace al::dialog
