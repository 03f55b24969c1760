#include "agentd/phone_call.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <utility>
#include <vector>

#include "audio/wav_file.h"
#include "bridge/local_time.h"
#include "core/log.h"
#include "core/secret.h"
#include "dialog/conversation.h"

namespace al::agentd {

using dialog::CallEvent;

namespace {

// 2.5 s of what recognition heard (DEBUG_WAV_EVERY).
constexpr std::size_t kSampleLength = audio::kSampleRateHz * 5 / 2;

// Events of many a second; the rest are the key events of SPEC 15.
// What our own TwiML said of the call so far, see CallPages::StreamCall; 0 = nothing.
std::uint64_t number_in(const twilio::msg::Start& start, std::string_view name) {
  const auto found = start.parameters.find(std::string(name));
  if (found == start.parameters.end()) return 0;
  const std::string& text = found->second;
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return std::min<std::uint64_t>(number, 1'000'000);
}

// Turns of earlier streams keep their numbers. Where a process died nobody counted them: a stream has fewer than this.
std::uint64_t turns_behind(const twilio::msg::Start& start, const StreamGrant& grant) {
  constexpr std::uint64_t kMostTurns = 1'000;
  return std::max(number_in(start, "turns"), kMostTurns * static_cast<std::uint64_t>(std::max(0, grant.resumes)));
}

bool is_chatty(std::string_view name) {
  return name == "STATE_CHANGE" || name == "MARK_SENT" || name == "MARK_ACK";
}

}  // namespace

// The first seconds of what recognition was fed, written when there is enough or the call ends.
class PhoneCall::Sample {
 public:
  explicit Sample(std::filesystem::path path) : path_(std::move(path)) { pcm_.reserve(kSampleLength); }
  ~Sample() { write(); }

  void feed(const audio::PcmFrame& frame) {
    if (written_) return;
    pcm_.insert(pcm_.end(), frame.begin(), frame.end());
    if (pcm_.size() + frame.size() > kSampleLength) write();
  }

 private:
  void write() {
    if (written_ || pcm_.empty()) return;
    written_ = true;
    if (const auto done = audio::write_wav(path_.string(), pcm_, audio::kSampleRateHz); !done) {
      log::warn("DEBUG_WAV_FAILED", {{"file", path_.string()}, {"why", done.error().detail}});
    } else {
      log::info("DEBUG_WAV", {{"file", path_.string()}});
    }
  }

  std::filesystem::path path_;
  std::vector<std::int16_t> pcm_;
  bool written_ = false;
};

PhoneCall::PhoneCall(CallContext& context, const twilio::msg::Start& start, const StreamGrant& grant,
                     std::uint64_t number)
    : context_(context),
      call_(start.call_sid),
      stream_(start.stream_sid),
      grant_(grant),
      number_(number),
      recorder_(start.call_sid, turns_behind(start, grant)),
      account_(start.account_sid),
      idle_prompts_(static_cast<int>(number_in(start, "idle"))) {
  const int every = context_.debug_wav_every;
  if (every > 0 && !context_.debug_wav_dir.empty() && number % static_cast<std::uint64_t>(every) == 0) {
    sample_ = std::make_unique<Sample>(std::filesystem::path(context_.debug_wav_dir) / (call_.str() + ".wav"));
  }
}

PhoneCall::~PhoneCall() = default;

std::shared_ptr<CallDriver> PhoneCall::start(net::Loop& loop, MediaOut& out, Timestamp now) {
  dialog::CallOptions options = context_.options;
  options.call_sid = call_.str();
  options.resume_state = grant_.checkpoint;
  options.conversation.caller_number = grant_.caller;
  options.conversation.conversation_id = call_.str();
  options.conversation.local_time = bridge::to_local(wall_now());
  options.conversation.canary = random_token();
  options.clips = context_.clips.clips();
  const bool goes_on = !grant_.checkpoint.empty();
  if (goes_on && grant_.created) {
    const auto age = std::chrono::duration_cast<seconds>(wall_now() - *grant_.created);
    options.idle.max_call = std::max(seconds{1}, options.idle.max_call - age);  // MAX_CALL_SEC is of the whole call
  }
  options.idle.prompts_said = idle_prompts_;
  if (context_.playback != nullptr) open_playback(loop, out);
  MediaOut& line = playback_ != nullptr ? static_cast<MediaOut&>(*playback_) : out;
  context_.metrics.call_started();
  const std::uint64_t seed = std::hash<CallSid>{}(call_);
  begin_record(options, now, seed);
  auto driver = CallDriver::start(loop, options, context_.ports, line, *this, now, seed);
  driver_ = driver;
  return driver;
}

void PhoneCall::begin_record(const dialog::CallOptions& options, Timestamp now, std::uint64_t seed) {
  if (context_.recorder == nullptr) return;
  dialog::CallRecordHeader header = context_.record_header;
  describe_call(options, header);
  header.started = to_iso8601(wall_now());
  header.seed = seed;
  tape_ = context_.recorder->start(number_, std::move(header), now);
}

void PhoneCall::on_input(const dialog::Input& input, Timestamp now) {
  if (const auto* mark = std::get_if<dialog::in::MarkPlayed>(&input); mark != nullptr && playback_ != nullptr) {
    playback_->mark_back(mark->name);
  }
  if (tape_ != nullptr) tape_->input(input, now);
}

void PhoneCall::on_output(const dialog::Output& output) {
  if (tape_ != nullptr) tape_->output(output);
}

// ---- PLAYBACK=redirect ----------------------------------------------------------------------------------------------

void PhoneCall::open_playback(net::Loop& loop, MediaOut& line) {
  context_.playback->forget(call_);
  RedirectPlayback::Hooks hooks;
  hooks.played = [this](const std::vector<std::string>& marks) {
    const auto driver = driver_.lock();
    for (const std::string& mark : marks) {
      if (driver) driver->handle(dialog::in::MarkPlayed{mark}, monotonic_now());
    }
  };
  hooks.hand_over = [this, &loop](std::vector<std::uint8_t> ulaw) { play_as_clip(loop, std::move(ulaw)); };
  hooks.spoken = [this] {
    if (finished_) context_.on_finished(call_);
  };
  playback_ = RedirectPlayback::make(loop, line, std::move(hooks));
}

void PhoneCall::play_as_clip(net::Loop& loop, std::vector<std::uint8_t> ulaw) {
  PlaybackService::Answer answer;
  answer.call.call = call_;
  answer.call.account = account_;
  answer.call.stream = stream_;
  answer.call.grant = grant_;
  if (const auto driver = driver_.lock()) answer.call.checkpoint = driver->engine().conversation().save();
  answer.ulaw = std::move(ulaw);
  answer.ends_call = finished_;
  answer.turns = recorder_.turns();
  answer.idle_prompts = idle_prompts_;
  context_.playback->play(std::move(answer), [&loop, weak = std::weak_ptr(playback_)](bool taken) {
    loop.post([weak, taken] {
      const auto playback = weak.lock();
      if (!playback) return;  // the stream has ended already
      taken ? playback->taken() : playback->refused();
    });
  });
}

// Each stream has an engine of its own; how patient it is with a silent caller depends on what the last ones said.
void PhoneCall::count_idle_prompt(const CallEvent& spoken) {
  const dialog::Phrases& phrases = context_.options.persona->phrases;
  std::string text;
  for (const dialog::Fact& fact : spoken.facts) {
    if (const auto* value = std::get_if<std::string>(&fact.value); value != nullptr && fact.key == "text")
      text = *value;
  }
  idle_prompts_ = text == phrases.idle_first ? 1 : text == phrases.idle_second ? 2 : 0;
}

void PhoneCall::feed_stt_copy(const audio::PcmFrame& pcm) {
  if (sample_ != nullptr) sample_->feed(pcm);
}

void PhoneCall::log_event(const CallEvent& event) const {
  // The facts are known only at run time, so the line is put together here; words of people stay personal.
  const log::Level level = is_chatty(event.name) ? log::Level::kDebug : log::Level::kInfo;
  if (!log::enabled(level)) return;
  std::vector<log::Fact> facts;
  facts.reserve(event.facts.size() + 3);
  facts.emplace_back("call", call_.str());
  if (event.turn) facts.emplace_back("turn", event.turn.value);
  facts.emplace_back("media_ms", event.media_time.ms());
  for (const dialog::Fact& fact : event.facts) {
    if (const auto* text = std::get_if<std::string>(&fact.value)) {
      if (fact.personal) {
        facts.emplace_back(fact.key, log::personal(*text));
      } else {
        facts.emplace_back(fact.key, *text);
      }
    } else if (const auto* whole = std::get_if<std::int64_t>(&fact.value)) {
      facts.emplace_back(fact.key, *whole);
    } else {
      facts.emplace_back(fact.key, std::get<double>(fact.value));
    }
  }
  log::event(level, event.name, facts);
}

std::string PhoneCall::last_agent_words() const {
  const auto driver = driver_.lock();
  if (!driver) return {};
  const auto& history = driver->engine().conversation().history();
  const auto last = std::find_if(history.rbegin(), history.rend(),
                                 [](const dialog::Message& message) { return message.role == dialog::Role::kAgent; });
  return last == history.rend() ? std::string() : last->text;
}

void PhoneCall::on_event(const CallEvent& event) {
  log_event(event);
  context_.metrics.on_event(event);
  if (playback_ != nullptr && event.name == "TTS_START") {
    playback_->begin();
    count_idle_prompt(event);
  }
  const bool ends_speech = event.name == "TTS_END" || event.name == "INTERRUPTED";
  if (auto record = recorder_.on_event(event, ends_speech ? last_agent_words() : std::string(), wall_now())) {
    (void)context_.store.write(
        "turn", [record = std::move(*record)](store::Store& store) { return store.records().put_turn(record); });
  }
  if (ends_speech) keep_checkpoint();
}

void PhoneCall::keep_checkpoint() {
  if (const auto driver = driver_.lock()) {
    context_.desk.checkpoint(call_, stream_, driver->engine().conversation().save());
  }
}

void PhoneCall::save_lead(const dialog::out::SaveLead& lead) {
  LeadService::Lead record;
  record.call = call_;
  record.caller = grant_.caller;
  record.slots = lead.slots;
  record.complete = lead.complete;
  if (const auto driver = driver_.lock()) {
    const dialog::Conversation& conversation = driver->engine().conversation();
    record.summary = conversation.summary_text();
    record.confirmed = conversation.stage() == dialog::DialogueStage::kConfirmed;
  }
  context_.leads.save(record);
}

void PhoneCall::run_tool(const dialog::out::RunTool& tool, std::function<void(std::string result)> answer) {
  LeadService::Lead lead;
  lead.call = call_;
  lead.caller = grant_.caller;
  if (const auto driver = driver_.lock()) {
    lead.slots = driver->engine().conversation().slots();
    lead.summary = driver->engine().conversation().summary_text();
    lead.complete = driver->engine().conversation().complete();
  }
  context_.tools.run(tool, lead, std::move(answer));
}

void PhoneCall::end_call(const std::string& reason) {
  finished_ = true;
  log::info("CALL_COMPLETE", {{"call", call_.str()}, {"reason", reason}});
  (void)context_.store.write("end_reason", [call = call_, reason](store::Store& store) {
    store::CallRecord record;
    record.sid = call;
    record.end_reason = reason;
    return store.records().put_call(record);
  });
  // Its last sentence is still to be played as a clip, after which Twilio hangs up; or it is spoken after all.
  if (playback_ != nullptr && !playback_->listening()) return;
  context_.on_finished(call_);
}

}  // namespace al::agentd
