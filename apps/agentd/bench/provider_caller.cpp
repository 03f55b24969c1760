#include "agentd/bench/provider_caller.h"

#include <utility>

#include <fmt/format.h>

namespace al::agentd::bench {
namespace {

std::string told(const dialog::CallEvent& event, Timestamp start) {
  std::string line = fmt::format("{:>6} {} turn={}", to_ms(event.at - start), event.name, event.turn.value);
  for (const dialog::Fact& fact : event.facts) {
    line += ' ' + fact.key + '=';
    if (const auto* number = std::get_if<std::int64_t>(&fact.value)) line += std::to_string(*number);
    if (const auto* text = std::get_if<std::string>(&fact.value)) line += *text;
  }
  return line;
}

}  // namespace

Caller::Caller(Program& program, const dialog::CallOptions& options, dialog::testing::CallerPlan plan,
               std::uint64_t seed, Tell tell)
    : tell_(std::move(tell)),
      start_(monotonic_now()),
      person_(std::move(plan), start_, seed),
      timer_(program.loop.loop(), [this](Timestamp now) { tick(now); }) {
  driver_ = CallDriver::start(program.loop.loop(), options, {*program.stt, *program.llm, *program.tts}, *this, *this,
                              start_, seed);
  alive_ = driver_;
  timer_.arm(start_);
}

Caller::~Caller() {
  stop();
}

void Caller::on_input(const dialog::Input& input, Timestamp now) {
  const auto* partial = std::get_if<dialog::in::SttPartial>(&input);
  if (partial == nullptr || !tell_) return;
  tell_(fmt::format("{:>6} partial turn={} text={}", to_ms(now - start_), partial->turn.value, partial->text));
}

void Caller::on_event(const dialog::CallEvent& event) {
  if (tell_) tell_(told(event, start_));
  person_.on_event(event);
}

void Caller::tick(Timestamp now) {
  if (finished) return;
  driver_->handle(person_.speak(now), now);
  for (const std::string& mark : person_.listen(now)) driver_->handle(dialog::in::MarkPlayed{mark}, now);
  if (!person_.go_on(now)) return stop();
  timer_.arm(start_ + ++ticks_ * audio::kFrameDuration);
}

void Caller::stop() {
  if (finished.exchange(true)) return;
  driver_->handle(dialog::in::Hangup{"end of the trial"}, monotonic_now());
  driver_->close();
  driver_.reset();
  timer_.cancel();
}

}  // namespace al::agentd::bench
