// `alctl chat`: the agent's dialogue in the terminal. The same Conversation as on the telephone, with text for speech.
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "alctl/chat_model.h"
#include "alctl/commands.h"
#include "alctl/fake_providers.h"
#include "alctl/terminal.h"
#include "bridge/call_settings.h"
#include "bridge/local_time.h"
#include "bridge/persona_settings.h"
#include "core/json.h"
#include "core/settings.h"
#include "core/time.h"
#include "dialog/chat_driver.h"
#include "providers/fakes/fake_world.h"

namespace al::alctl {
namespace {

constexpr std::size_t kMaxTurns = 1000;

struct Timed {
  dialog::ChatTurn turn;
  double first_ms = 0;
  double total_ms = 0;
  std::string problem;  // of the model; empty = none
};

nlohmann::json to_json(const Timed& timed, const dialog::Conversation& conversation) {
  nlohmann::json tools = nlohmann::json::array();
  for (const dialog::ChatTool& tool : timed.turn.tools) {
    tools.push_back({{"name", tool.name},
                     {"arguments", parse_json(tool.arguments_json).value_or(nlohmann::json::object())},
                     {"idempotency_key", tool.idempotency_key},
                     {"ok", tool.ok}});
  }
  return {{"caller", timed.turn.caller},   {"agent", timed.turn.agent},
          {"slots", conversation.slots()}, {"tools", std::move(tools)},
          {"refused", timed.turn.refused}, {"ignored", timed.turn.ignored},
          {"ends", timed.turn.ends},       {"first_ms", timed.first_ms},
          {"total_ms", timed.total_ms},    {"complete", conversation.complete()},
          {"problem", timed.problem}};
}

void print_turn(Io& io, const Timed& timed, const dialog::Conversation& conversation) {
  if (timed.turn.ignored) {
    io.out << io.dim("  (the same again: ignored)") << "\n";
    return;
  }
  io.out << io.bold("agent: ") << timed.turn.agent << "\n";
  std::string slots;
  for (const auto& [name, value] : conversation.slots()) slots += (slots.empty() ? "" : ", ") + name + " = " + value;
  if (!slots.empty())
    io.out << io.dim("  slots: " + slots) << (conversation.complete() ? io.green("  complete") : "") << "\n";
  for (const dialog::ChatTool& tool : timed.turn.tools) {
    io.out << io.dim(fmt::format("  tool:  {} {} ({})", tool.name, tool.arguments_json, tool.idempotency_key)) << "\n";
  }
  for (const std::string& refused : timed.turn.refused) io.out << io.yellow("  refused: " + refused) << "\n";
  io.out << io.dim(
                fmt::format("  time:  first words {:.1f} ms, whole answer {:.1f} ms", timed.first_ms, timed.total_ms))
         << "\n";
}

dialog::ConversationOptions conversation_options(const Settings& settings, const Arguments& arguments) {
  dialog::ConversationOptions options = bridge::conversation_options(settings);
  options.spoken = !arguments.flag("written");
  options.caller_number = arguments.text("caller");
  options.whatsapp = arguments.flag("whatsapp");
  options.conversation_id = "chat";
  options.local_time = bridge::to_local(wall_now());
  return options;
}

void say_hello(Io& io, const dialog::Persona& persona, const ChatModel& model) {
  io.out << io.dim(fmt::format("{} of {}, answers by {}. An empty line or Ctrl-D ends.", persona.agent_name,
                               persona.business, model.name()))
         << "\n"
         << io.bold("agent: ") << persona.phrases.greeting << "\n";
}

ExitCode run_chat(const Arguments& arguments, Io& io) {
  auto settings = Settings::load(process_sources(arguments.text("config")));
  if (!settings) return io.fail(ExitCode::kConfig, settings.error().detail);
  const std::string which = arguments.given("persona") ? arguments.text("persona") : settings->string("persona");
  auto persona = bridge::open_persona(which, *settings);
  if (!persona)
    return io.fail(persona.error().code == Errc::kNotFound ? ExitCode::kNotFound : ExitCode::kConfig,
                   persona.error().detail);
  auto fakes = start_fakes(arguments, *settings, *persona);
  if (!fakes) return io.fail(ExitCode::kUsage, fakes.error().detail);
  if (arguments.given("llm")) {
    if (auto set = settings->set("llm", arguments.text("llm"), "--llm"); !set)
      return io.fail(ExitCode::kUsage, set.error().detail);
  }
  auto model = make_chat_model(*settings, *persona);
  if (!model) return io.fail(ExitCode::kConfig, model.error().detail);
  for (const std::string& warning : (*model)->warnings()) io.err << io.yellow("warning: ") << warning << "\n";

  double first_ms = 0;
  std::string problem;
  dialog::ChatDriver chat(*persona, conversation_options(*settings, arguments),
                          static_cast<std::uint64_t>(arguments.integer("seed")),
                          [&](const dialog::ModelRequest& request) {
                            ChatAnswer answer = (*model)->answer(request);
                            if (first_ms == 0) first_ms = answer.first_ms;
                            if (!answer.problem.empty()) {
                              io.err << io.yellow("warning: ") << (*model)->name() << ": " << answer.problem << "\n";
                              problem = answer.problem;
                            }
                            return std::move(answer.answer);
                          });
  chat.greet();
  const bool person = isatty(STDIN_FILENO) == 1 && !io.json;
  if (!io.json) say_hello(io, **persona, **model);

  nlohmann::json turns = nlohmann::json::array();
  std::string line;
  std::size_t count = 0;
  bool ended = false;
  while (!ended && count++ < kMaxTurns && !interrupted()) {
    if (person) io.err << "you: " << std::flush;
    if (!std::getline(std::cin, line) || (person && line.empty())) break;
    if (line.empty()) continue;
    if (!io.json && !person) io.out << io.bold("you: ") << line << "\n";
    first_ms = 0;
    problem.clear();
    const Timestamp began = monotonic_now();
    Timed timed{chat.say(line, began), 0, 0, {}};
    timed.problem = problem;
    timed.total_ms = static_cast<double>((monotonic_now() - began).count()) / 1000.0;
    timed.first_ms = first_ms == 0 ? timed.total_ms : first_ms;
    ended = timed.turn.ends;
    if (io.json) {
      turns.push_back(to_json(timed, chat.conversation()));
    } else {
      print_turn(io, timed, chat.conversation());
    }
  }
  if (io.json) {
    const nlohmann::json report = {{"schema", 1},
                                   {"persona", (*persona)->id},
                                   {"model", (*model)->name()},
                                   {"greeting", (*persona)->phrases.greeting},
                                   {"turns", std::move(turns)},
                                   {"lead", chat.conversation().slots()},
                                   {"complete", chat.conversation().complete()},
                                   {"confirmed", chat.conversation().stage() == dialog::DialogueStage::kConfirmed}};
    io.out << dump_json(report, 2) << "\n";
  } else if (!chat.conversation().slots().empty()) {
    io.out << "\n"
           << io.bold(chat.conversation().complete() ? "The lead:" : "The lead so far:") << "\n"
           << chat.conversation().summary_text() << "\n";
  }
  return ExitCode::kOk;
}

}  // namespace

CommandSpec chat_command() {
  CommandSpec spec;
  spec.name = "chat";
  spec.summary = "talk to the agent in the terminal";
  spec.description =
      "The dialogue of a telephone call with text for speech: the same persona, slots, anti-loop rules and tool "
      "policy. "
      "Lines come from the keyboard or from a pipe, one caller turn a line. After each answer come the slots, the "
      "tools "
      "that ran or were refused, and the times.\n\n"
      "Without a key the scripted agent answers, offline; otherwise the models of the setting LLM (or --llm), in "
      "order, "
      "with the deadlines, the second attempts and the fallbacks of a call. --fake puts stand-ins on this machine in "
      "their place, which are asked over the real protocol.\n\n"
      "The exit code is 0 when the lines are used up or the agent said goodbye, 4 when the persona is not there, 78 "
      "when "
      "it has mistakes (each with its line) or a setting is wrong.";
  spec.options = {
      {"persona",
       ValueKind::kText,
       "FILE",
       "a persona file, or he-real-estate or en-real-estate; default: the setting PERSONA",
       "",
       false,
       {},
       {},
       {}},
      {"llm",
       ValueKind::kText,
       "NAME,…",
       "who answers: openai, anthropic, scripted; default: the setting LLM",
       "",
       false,
       {},
       {},
       {}},
      {"caller", ValueKind::kText, "NUMBER", "the caller's number, as +972541234567", "", false, {}, {}, {}},
      {"whatsapp", ValueKind::kFlag, "", "as if a WhatsApp provider were configured", "", false, {}, {}, {}},
      {"written", ValueKind::kFlag, "", "a written chat: figures stay figures", "", false, {}, {}, {}},
      {"seed", ValueKind::kInteger, "N", "which of the equivalent sentences are used", "0", false, {}, 0, 1e9},
      {"config",
       ValueKind::kFile,
       "FILE",
       "configuration file; default: /etc/agentd/agentd.toml",
       "",
       false,
       {},
       {},
       {}}};
  for (OptionSpec& option : fake_options()) spec.options.push_back(std::move(option));
  spec.examples = {{"alctl chat --persona en-real-estate", "a conversation at the keyboard"},
                   {"alctl chat --fake google", "with a language model that needs no network"},
                   {"alctl chat --persona my.toml --json < lines.txt", "a scripted one, for tests"}};
  spec.run = run_chat;
  return spec;
}

}  // namespace al::alctl
