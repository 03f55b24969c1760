#include "bridge/persona_settings.h"

#include <algorithm>
#include <functional>
#include <string>
#include <utility>

#include "core/text.h"
#include "core/utf8.h"

namespace al::bridge {
namespace {

using dialog::Persona;

constexpr std::size_t kLongestName = 100;  // as in a persona file

Result<void> check_name(const Settings& settings, std::string_view key) {
  const std::string& name = settings.string(key);
  const bool plain = std::none_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; });
  if (plain && is_valid_utf8(name) && count_codepoints(name) <= kLongestName && name.find_first_of("{}") == name.npos)
    return {};
  return fail(Errc::kMalformed, std::string(key) + ": a name of at most 100 characters, in one line, without braces");
}

void each_text(Persona& persona, const std::function<void(std::string&)>& change) {
  const auto all = [&](std::vector<std::string>& texts) { std::for_each(texts.begin(), texts.end(), change); };
  dialog::Phrases& phrases = persona.phrases;
  for (std::string* text :
       {&persona.business, &persona.agent_name, &persona.system_prompt, &phrases.greeting, &phrases.fallback,
        &phrases.filler, &phrases.goodbye, &phrases.idle_first, &phrases.idle_second, &phrases.apology,
        &phrases.rephrase, &phrases.summary_prefix, &phrases.confirm_offer}) {
    change(*text);
  }
  for (auto& [moment, variants] : persona.lines) all(variants);
  for (dialog::SlotSpec& slot : persona.slots) {
    all(slot.questions);
    all(slot.joint_questions);
  }
  for (auto* texts : {&persona.hints, &persona.facts, &persona.examples, &persona.rules, &persona.intro_markers})
    all(*texts);
}

Result<void> add_target(Persona& persona, const std::string& entry) {
  const std::size_t equals = entry.find('=');
  const std::string name(trim(entry.substr(0, equals)));
  const std::string number(equals == std::string::npos ? std::string_view()
                                                       : trim(std::string_view(entry).substr(equals + 1)));
  const auto among = [](const std::string& text, std::size_t from, const char* legal) {
    return text.size() > from && text.find_first_not_of(legal, from) == std::string::npos;
  };
  if (!among(name, 0, "abcdefghijklmnopqrstuvwxyz0123456789_") || number.size() < 9 || number.size() > 16 ||
      number[0] != '+' || !among(number, 1, "0123456789")) {
    return fail(Errc::kMalformed,
                "transfer_targets: '" + entry + "' must be a name (a-z, 0-9, _) with a number, as sales=+972541234567");
  }
  persona.transfer_targets[name] = number;
  return {};
}

}  // namespace

Result<std::shared_ptr<const Persona>> with_settings(std::shared_ptr<const Persona> persona, const Settings& settings) {
  const bool names = settings.has("business_name") || settings.has("agent_name");
  const std::vector<std::string> hints = settings.list("hints");
  const std::vector<std::string> targets = settings.list("transfer_targets");
  if (!names && hints.empty() && targets.empty()) return persona;
  auto changed = std::make_shared<Persona>(*persona);
  for (const auto& [key, old] :
       {std::pair{"business_name", persona->business}, std::pair{"agent_name", persona->agent_name}}) {
    if (!settings.has(key) || old.empty()) continue;
    if (auto checked = check_name(settings, key); !checked) return fail(checked.error());
    const std::string& name = settings.string(key);
    each_text(*changed, [&](std::string& text) { text = replace_all(text, old, name); });
  }
  changed->hints.insert(changed->hints.end(), hints.begin(), hints.end());
  for (const std::string& target : targets) {
    if (auto added = add_target(*changed, target); !added) return fail(added.error());
  }
  return std::shared_ptr<const Persona>(std::move(changed));
}

Result<std::shared_ptr<const Persona>> open_persona(const std::string& path_or_id, const Settings& settings) {
  auto persona = Persona::open(path_or_id);
  if (!persona) return persona;
  return with_settings(std::move(*persona), settings);
}

}  // namespace al::bridge
