#include "dialog/virtual_call.h"

#include <algorithm>
#include <stdexcept>

#include "audio/g711.h"

namespace al::dialog::testing {
namespace {

constexpr Duration kFrame = audio::kFrameDuration;
constexpr std::uint8_t kFirstCode = 0x90;  // a loud positive µ-law code; each text gets the next one, a little softer

std::int16_t amplitude(std::uint8_t code) {
  return audio::decode_ulaw(code);
}

}  // namespace

CallOptions VirtualCall::options() {
  CallOptions options;
  options.persona = Persona::built_in("en-real-estate").value();
  options.call_sid = "CA00000000000000000000000000000001";
  options.voice.language = options.persona->language;
  return options;
}

namespace {

// Clips whose sound says which text they are: the codes are handed out in the order of the map.
CallOptions with_clips(CallOptions options, std::map<std::string, std::uint8_t>& codes) {
  const Phrases& p = options.persona->phrases;
  std::vector<std::string> phrases = {p.greeting, p.fallback,   p.filler,     p.goodbye,
                                      p.apology,  p.idle_first, p.idle_second};
  for (std::string& text : options.persona->fixed_phrases()) phrases.push_back(std::move(text));
  for (const std::string& text : phrases) {
    if (text.empty() || codes.contains(text) || codes.size() > 40) continue;
    if (options.clips.contains(text)) continue;
    const auto code = static_cast<std::uint8_t>(kFirstCode + codes.size());
    codes.emplace(text, code);
    Pcm pcm(MediaTime::from_ms(1200).samples);
    for (std::size_t i = 0; i < pcm.size(); ++i)
      pcm[i] = static_cast<std::int16_t>(i % 8 < 4 ? amplitude(code) : -amplitude(code));
    options.clips.emplace(text, std::make_shared<const Pcm>(std::move(pcm)));
  }
  for (auto it = options.clips.begin(); it != options.clips.end();) {  // a null clip means: without this one
    it = it->second ? std::next(it) : options.clips.erase(it);
  }
  return options;
}

}  // namespace

VirtualCall::VirtualCall(CallOptions options, std::uint64_t seed, LineModel line)
    : start_(seconds{1000}),
      now_(start_),
      random_(seed * 77 + 5),
      line_(line),
      options_(with_clips(std::move(options), codes_)),
      engine_(options_, start_, seed),
      next_frame_(start_ + kFrame),
      delayed_until_(start_),
      last_voice_(start_) {
  stt_default = [] {
    SttScript script;
    script.text = "I am looking for a flat in Haifa";
    return script;
  };
  model_default = [] {
    return ModelScript{
        {{milliseconds{200}, "Very well, Haifa is lovely. "}, {milliseconds{60}, "How many rooms do you need?"}},
        {},
        false,
        false};
  };
  tts_default = [] { return TtsScript{}; };
  drain();
}

void VirtualCall::say(Duration length) {
  mouth_.emplace_back(true, length);
}
void VirtualCall::say(std::string text, Duration length) {
  said_.push_back(std::move(text));
  say(length);
}
void VirtualCall::pause(Duration length) {
  mouth_.emplace_back(false, length);
}
void VirtualCall::advance(Duration time) {
  step_to(now_ + time);
}
void VirtualCall::press(char digit) {
  last_voice_ = std::max(last_voice_, now_ + options_.turn.dtmf_timeout);  // more digits may follow until then
  owed_since_ = std::max(owed_since_, now_);  // who presses a key is not waiting just then: the clock starts anew
  feed(in::Dtmf{digit});
}
void VirtualCall::hang_up() {
  feed(in::Hangup{"caller"});
}
void VirtualCall::input(const Input& what) {
  feed(what);
}

void VirtualCall::advance_until_quiet(Duration limit) {
  const Timestamp end = now_ + limit;
  do {
    advance(kFrame);
  } while (now_ < end && (agent_state_ != "LISTENING" || !mouth_.empty() || !buffer_.empty()));
}

void VirtualCall::step_to(Timestamp when) {
  while (true) {
    Timestamp next = std::min(when, next_frame_);
    if (!pending_.empty()) next = std::min(next, pending_.begin()->first);
    const auto deadline = engine_.deadline();
    const bool due = deadline && deadline->when <= next;
    if (due) next = std::max(now_, deadline->when);
    now_ = std::max(now_, next);
    if (due) {
      feed(in::DeadlineReached{});
    } else if (!pending_.empty() && pending_.begin()->first <= now_) {
      Pending item = std::move(pending_.begin()->second);
      pending_.erase(pending_.begin());
      if (!cancelled_.contains(item.turn) || deliver_cancelled || !item.turn) feed(item.input);
    } else if (next_frame_ <= now_) {
      caller_frame();
      line_frame();
      next_frame_ += kFrame;
    } else {
      return;
    }
  }
}

void VirtualCall::feed(const Input& what) {
  if (on_input) on_input(what, now_);
  if (const auto* done = std::get_if<in::ModelDone>(&what)) open_models_.erase(done->turn);
  if (const auto* failed = std::get_if<in::ProviderFailed>(&what);
      failed != nullptr && failed->stage == Stage::kModel) {
    open_models_.erase(failed->turn);
  }
  engine_.handle(what, now_);
  drain();
}

void VirtualCall::drain() {
  while (auto output = engine_.poll_output()) {
    perform(*output);
    outputs_.emplace_back(now_, std::move(*output));
  }
}

void VirtualCall::schedule(Timestamp when, Input what, TurnId turn, SpeechId speech) {
  pending_.emplace(when, Pending{std::move(what), turn, speech});
}

void VirtualCall::perform(const Output& output) {
  if (const auto* start = std::get_if<out::StartStt>(&output)) {
    SttScript script;
    if (!stt.empty()) {
      script = stt.front();
      stt.pop_front();
    } else if (!said_.empty()) {
      script = stt_default();
      script.text = said_.front();
      said_.pop_front();
    } else {
      script = stt_default();
    }
    for (const auto& [after, text] : script.partials) {
      schedule(now_ + after, in::SttPartial{start->turn, text, 0.9F}, start->turn);
    }
    hearing_[start->turn] = script;
  } else if (const auto* finish = std::get_if<out::FinishStt>(&output)) {
    const SttScript& script = hearing_[finish->turn];
    if (script.hang) return;
    for (int i = 0; i < script.copies; ++i) {
      Input result = in::SttFinal{finish->turn, script.text, 0.9F};
      if (script.fail) result = in::ProviderFailed{Stage::kStt, finish->turn, {}, {Errc::kTimeout, "scripted"}};
      schedule(now_ + script.delay, result, finish->turn);
    }
  } else if (const auto* cancel_stt = std::get_if<out::CancelStt>(&output)) {
    cancelled_.insert(cancel_stt->turn);
  } else if (const auto* ask = std::get_if<out::AskModel>(&output)) {
    start_model(ask->request);
  } else if (const auto* synthesize = std::get_if<out::Synthesize>(&output)) {
    start_tts(synthesize->request);
  } else if (const auto* cancel = std::get_if<out::CancelTurn>(&output)) {
    cancelled_.insert(cancel->turn);
    open_models_.erase(cancel->turn);
  } else if (const auto* tool = std::get_if<out::RunTool>(&output)) {
    if (!tool_answer) return;
    const std::string result = tool_answer(*tool);
    if (!result.empty()) schedule(now_ + milliseconds{300}, in::ToolResult{tool->turn, tool->id, tool->name, result});
  } else if (const auto* media = std::get_if<out::SendMedia>(&output)) {
    on_the_way_.emplace(now_ + line_.down, Buffered{false, {}, media->ulaw});
  } else if (const auto* mark = std::get_if<out::SendMark>(&output)) {
    on_the_way_.emplace(now_ + line_.down, Buffered{true, mark->name, {}});
  } else if (std::holds_alternative<out::ClearPlayback>(output)) {
    ++clears_;
    on_the_way_.emplace(now_ + line_.down, Buffered{true, "\x01", {}});
  } else if (const auto* end = std::get_if<out::EndCall>(&output)) {
    ++ends_;
    end_reason_ = end->reason;
    schedule(now_ + milliseconds{200}, in::Hangup{"completed"});
  } else if (const auto* event = std::get_if<out::Event>(&output)) {
    if (event->event.name != "STATE_CHANGE") return;
    const auto fact = [&](const char* key) {
      for (const Fact& f : event->event.facts) {
        if (f.key == key) return std::get<std::string>(f.value);
      }
      return std::string();
    };
    if (fact("machine") == "agent") agent_state_ = fact("to");
  }
}

void VirtualCall::start_model(const ModelRequest& request) {
  model_requests_.push_back(request);
  open_models_.insert(request.turn);
  most_open_models_ = std::max(most_open_models_, static_cast<int>(open_models_.size()));
  ModelScript script;
  if (!model.empty()) {
    script = model.front();
    model.pop_front();
  } else {
    script = model_default();
  }
  Timestamp when = now_ + milliseconds{1};
  for (const auto& [after, text] : script.deltas) {
    when += after;
    schedule(when, in::ModelDelta{request.turn, text}, request.turn);
  }
  for (in::ModelToolCall tool : script.tools) {
    tool.turn = request.turn;
    schedule(when, tool, request.turn);
  }
  if (script.hang) return;
  if (script.fail) {
    schedule(when, in::ProviderFailed{Stage::kModel, request.turn, {}, {Errc::kInternal, "scripted"}}, request.turn);
  } else {
    schedule(when, in::ModelDone{request.turn}, request.turn);
  }
}

void VirtualCall::start_tts(const TtsRequest& request) {
  TtsScript script;
  if (!tts.empty()) {
    script = tts.front();
    tts.pop_front();
  } else {
    script = tts_default();
  }
  if (script.hang) return;
  Timestamp when = now_ + script.first;
  if (script.fail) {
    schedule(when, in::ProviderFailed{Stage::kTts, {}, request.speech, {Errc::kInternal, "scripted"}}, request.turn);
    return;
  }
  const Pcm pcm =
      script.empty ? Pcm{} : sound_of(request.text, script.per_char * static_cast<std::int64_t>(request.text.size()));
  for (std::size_t at = 0; at < pcm.size();) {
    const std::size_t count = std::min<std::size_t>(900, pcm.size() - at);  // not a multiple of a frame, on purpose
    if (script.breaks_after && MediaTime{static_cast<std::int64_t>(at)}.duration() >= *script.breaks_after) return;
    const auto begin = pcm.begin() + static_cast<std::ptrdiff_t>(at);
    schedule(when, in::TtsAudio{request.speech, Pcm(begin, begin + static_cast<std::ptrdiff_t>(count))}, request.turn);
    at += count;
    when += Duration{static_cast<std::int64_t>(static_cast<double>(count) * 125.0 / script.speed)};
  }
  schedule(when, in::TtsDone{request.speech}, request.turn);
}

std::uint8_t VirtualCall::code_of(const std::string& text) {
  const auto [it, added] = codes_.emplace(text, static_cast<std::uint8_t>(kFirstCode + codes_.size()));
  if (it->second > 0xDF) throw std::runtime_error("too many different texts in one test");
  return it->second;
}

Pcm VirtualCall::sound_of(const std::string& text, Duration length) {
  const std::int16_t level = amplitude(code_of(text));
  Pcm pcm(static_cast<std::size_t>(length.count() * 8 / 1000));
  for (std::size_t i = 0; i < pcm.size(); ++i) pcm[i] = static_cast<std::int16_t>(i % 8 < 4 ? level : -level);
  return pcm;
}

std::string VirtualCall::story() const {
  std::string all;
  for (const auto& [when, output] : outputs_) {
    const std::string time = std::to_string(to_ms(when - start_)) + "ms ";
    if (const auto* ask = std::get_if<out::AskModel>(&output)) {
      all += time + "AskModel turn=" + std::to_string(ask->request.turn.value) + "\n";
    } else if (const auto* text = std::get_if<out::Synthesize>(&output)) {
      all += time + "Synthesize '" + text->request.text + "'\n";
    } else if (std::holds_alternative<out::ClearPlayback>(output)) {
      all += time + "Clear\n";
    }
    const auto* event = std::get_if<out::Event>(&output);
    if (event == nullptr) continue;
    all += time + event->event.name + " turn=" + std::to_string(event->event.turn.value);
    for (const Fact& fact : event->event.facts) {
      all += ' ' + fact.key + '=';
      if (const auto* whole = std::get_if<std::int64_t>(&fact.value)) all += std::to_string(*whole);
      if (const auto* real = std::get_if<double>(&fact.value)) all += std::to_string(*real);
      if (const auto* words = std::get_if<std::string>(&fact.value)) all += '\'' + *words + '\'';
    }
    all += '\n';
  }
  return all;
}

std::vector<CallEvent> VirtualCall::events(std::string_view name) const {
  std::vector<CallEvent> result;
  for (const auto& [when, output] : outputs_) {
    const auto* event = std::get_if<out::Event>(&output);
    if (event != nullptr && event->event.name == name) result.push_back(event->event);
  }
  return result;
}

}  // namespace al::dialog::testing
