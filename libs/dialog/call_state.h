// The three small machines of a call. Their product is never written down; the rules that tie them together are in
// CallEngine::Impl::check_invariants.
#pragma once

#include <string_view>

namespace al::dialog {

enum class CallerState { kQuiet, kSpeaking, kDialling };

enum class AgentState {
  kStarting,    // the first moments: the greeting waits for silence
  kListening,   // nothing of ours sounds, nothing is owed
  kProcessing,  // the caller's turn is over and an answer is owed
  kSpeaking,    // from the first frame to the last mark
  kHeld,        // speaking, but the caller's voice made us stop; the rest is kept
  kEnding,      // EndCall is out, the stream is not closed yet
  kEnded,
};

enum class WorkState { kNone, kRecognising, kThinking, kRunningTool, kSynthesising };

[[nodiscard]] constexpr std::string_view to_string(CallerState state) {
  switch (state) {
    case CallerState::kQuiet:
      return "QUIET";
    case CallerState::kSpeaking:
      return "SPEAKING";
    case CallerState::kDialling:
      return "DIALLING";
  }
  return "?";
}
[[nodiscard]] constexpr std::string_view to_string(AgentState state) {
  switch (state) {
    case AgentState::kStarting:
      return "STARTING";
    case AgentState::kListening:
      return "LISTENING";
    case AgentState::kProcessing:
      return "PROCESSING";
    case AgentState::kSpeaking:
      return "SPEAKING";
    case AgentState::kHeld:
      return "HELD";
    case AgentState::kEnding:
      return "ENDING";
    case AgentState::kEnded:
      return "ENDED";
  }
  return "?";
}
[[nodiscard]] constexpr std::string_view to_string(WorkState state) {
  switch (state) {
    case WorkState::kNone:
      return "NONE";
    case WorkState::kRecognising:
      return "RECOGNISING";
    case WorkState::kThinking:
      return "THINKING";
    case WorkState::kRunningTool:
      return "RUNNING_TOOL";
    case WorkState::kSynthesising:
      return "SYNTHESISING";
  }
  return "?";
}

}  // namespace al::dialog
