#include "twilio/twiml_rules.h"

#include <algorithm>
#include <array>

#include "core/text.h"

namespace al::twilio {
namespace {

constexpr std::array<TwimlRule, 28> kRules = {{
    {"Response", "",
     "Connect Dial Enqueue Gather Hangup Leave Message Pause Pay Play Record Redirect Refer Reject Say Start Stop Sms",
     "", false},
    {"Connect", "action method", "Stream ConversationRelay Conversation Room VirtualAgent", "Response", false},
    {"Start", "action method", "Stream Recording Siprec Transcription", "Response", false},
    {"Stop", "", "Stream Recording Siprec Transcription", "Response", false},
    {"Stream", "url name track statusCallback statusCallbackMethod audioFormat sampleRate connectorName", "Parameter",
     "Connect Start Stop", false},
    {"ConversationRelay",
     "url welcomeGreeting welcomeGreetingInterruptible language ttsLanguage ttsProvider voice transcriptionLanguage "
     "transcriptionProvider speechModel interruptible interruptSensitivity dtmfDetection reportInputDuringAgentSpeech "
     "preemptible hints debug elevenlabsTextNormalization",
     "Language Parameter", "Connect", false},
    {"Language", "code ttsProvider voice transcriptionProvider speechModel", "", "ConversationRelay", false},
    {"Recording",
     "name channels track trim recordingStatusCallback recordingStatusCallbackMethod recordingStatusCallbackEvent", "",
     "Start Stop", false},
    {"Parameter", "name value", "", "Stream ConversationRelay Siprec", false},
    {"Play", "loop digits", "", "Response Gather", true},
    {"Say", "voice language loop", "break emphasis lang p phoneme prosody s say-as sub w", "Response Gather", true},
    {"Pause", "length", "", "Response Gather", false},
    {"Record",
     "action method timeout finishOnKey maxLength playBeep trim recordingStatusCallback recordingStatusCallbackMethod "
     "recordingStatusCallbackEvent recordingTrack recordingConfigurationId storageUrl storageUrlMethod transcribe "
     "transcribeCallback",
     "", "Response", false},
    {"Gather",
     "action method input numDigits finishOnKey timeout actionOnEmptyResult language hints speechModel speechTimeout "
     "maxSpeechTime enhanced profanityFilter bargeIn debug partialResultCallback partialResultCallbackMethod",
     "Say Play Pause", "Response", false},
    {"Redirect", "method", "", "Response", true},
    {"Dial",
     "action method timeout timeLimit callerId answerOnBridge hangupOnStar record recordingStatusCallback "
     "recordingStatusCallbackMethod recordingStatusCallbackEvent recordingTrack ringTone trim referUrl referMethod "
     "sequential callReason recordingConfigurationId events",
     "Number Sip Client Conference Queue Sim", "Response", true},
    {"Number",
     "url method statusCallback statusCallbackMethod statusCallbackEvent sendDigits byoc phoneNumber amdStatusCallback "
     "machineDetection",
     "", "Dial", true},
    {"Sip", "username password url method statusCallback statusCallbackMethod statusCallbackEvent", "", "Dial", true},
    {"Client", "url method statusCallback statusCallbackMethod statusCallbackEvent", "Identity Parameter", "Dial",
     true},
    {"Conference",
     "muted beep startConferenceOnEnter endConferenceOnExit waitUrl waitMethod maxParticipants record region coach "
     "trim "
     "statusCallback statusCallbackMethod statusCallbackEvent recordingStatusCallback recordingStatusCallbackMethod "
     "recordingStatusCallbackEvent eventCallbackUrl jitterBufferSize participantLabel",
     "", "Dial", true},
    {"Queue", "url method reservationSid postWorkActivitySid", "", "Dial", true},
    {"Hangup", "", "Parameter", "Response", false},
    {"Reject", "reason", "Parameter", "Response", false},
    {"Leave", "", "", "Response", false},
    {"Enqueue", "action method maxQueueSize waitUrl waitUrlMethod workflowSid", "Task", "Response", true},
    {"Message", "to from action method statusCallback", "Body Media", "Response", true},
    {"Body", "", "", "Message", true},
    {"Media", "", "", "Message", true},
}};

template <typename Visit>
std::string_view find_word(std::string_view list, const Visit& matches) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(' '), list.size());
    const std::string_view word = list.substr(0, end);
    if (matches(word)) return word;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return {};
}

}  // namespace

std::span<const TwimlRule> twiml_rules() {
  return kRules;
}

const TwimlRule* find_twiml_rule(std::string_view name) {
  const auto found =
      std::find_if(kRules.begin(), kRules.end(), [&](const TwimlRule& rule) { return rule.name == name; });
  return found == kRules.end() ? nullptr : &*found;
}

std::string_view twiml_name_ignoring_case(std::string_view name) {
  const auto found = std::find_if(kRules.begin(), kRules.end(),
                                  [&](const TwimlRule& rule) { return equal_ignore_case(rule.name, name); });
  return found == kRules.end() ? std::string_view{} : found->name;
}

bool in_word_list(std::string_view list, std::string_view word) {
  return !word.empty() && !find_word(list, [&](std::string_view one) { return one == word; }).empty();
}

std::string_view word_ignoring_case(std::string_view list, std::string_view word) {
  return find_word(list, [&](std::string_view one) { return equal_ignore_case(one, word); });
}

}  // namespace al::twilio
