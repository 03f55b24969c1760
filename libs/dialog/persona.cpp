#include "dialog/persona.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "core/utf8.h"
#include "dialog/persona_built_in.h"
#include "dialog/persona_reader.h"
#include "dialog/words.h"

namespace al::dialog {
namespace {

constexpr std::size_t kMaxFileBytes = 512 * 1024;

struct TypeName {
  std::string_view name;
  SlotType type;
};
constexpr TypeName kTypes[] = {
    {"text", SlotType::kText},   {"area", SlotType::kArea},     {"property_type", SlotType::kPropertyType},
    {"money", SlotType::kMoney}, {"timing", SlotType::kTiming}, {"name", SlotType::kName},
    {"phone", SlotType::kPhone}, {"rooms", SlotType::kRooms},   {"datetime", SlotType::kDateTime},
    {"yes_no", SlotType::kYesNo}};

bool is_identifier(std::string_view text) {
  return !text.empty() && text.size() <= 40 &&
         std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

void read_type(TableReader& reader, SlotSpec& slot) {
  const std::string name = reader.text("type", true, 40);
  if (name.empty()) return;
  const auto* hit = std::ranges::find_if(kTypes, [&](const TypeName& type) { return type.name == name; });
  if (hit != std::end(kTypes)) {
    slot.type = hit->type;
    return;
  }
  std::vector<std::string_view> names;
  for (const TypeName& type : kTypes) names.push_back(type.name);
  const std::string near = nearest_key(name, names);
  std::string list;
  for (const std::string_view known : names) list += (list.empty() ? "" : ", ") + std::string(known);
  reader.mistakes().add(reader.line_of("type"), "unknown slot type '" + name + "'" +
                                                    (near.empty() ? "" : " (did you mean '" + near + "'?)") +
                                                    "; one of " + list);
}

void read_choices(TableReader& reader, SlotSpec& slot) {
  for (const std::string& line : slot.values) {
    SlotSpec::Choice choice;
    std::size_t begin = 0;
    while (begin <= line.size()) {
      const std::size_t end = std::min(line.find('=', begin), line.size());
      const std::string part = clean_text(std::string_view(line).substr(begin, end - begin));
      if (begin == 0) choice.value = part;
      if (std::string form = normal_form(part); !form.empty()) choice.forms.push_back(std::move(form));
      begin = end + 1;
    }
    if (choice.value.empty() || choice.forms.empty()) {
      reader.mistakes().add(reader.line_of("values"),
                            "'values' of slot '" + slot.name + "': '" + line + "' has no words");
      continue;
    }
    slot.choices.push_back(std::move(choice));
  }
}

SlotSpec read_slot(const toml::table& table, Mistakes& mistakes) {
  const auto* name_node = table.get_as<std::string>("name");
  TableReader reader(table, "slot '" + (name_node == nullptr ? std::string("?") : name_node->get()) + "'", mistakes);
  SlotSpec slot;
  slot.name = reader.text("name", true, 40);
  if (!slot.name.empty() && !is_identifier(slot.name)) {
    mistakes.add(reader.line_of("name"), "slot name '" + slot.name + "' may only have a-z, 0-9 and _");
  }
  read_type(reader, slot);
  slot.required = reader.boolean("required", true);
  slot.open = reader.boolean("open", true);
  slot.label = reader.text("label", false, 200);
  if (slot.label.empty()) slot.label = slot.name;
  slot.questions = reader.texts("questions", true, 40);
  slot.joint_with = reader.text("joint_with", false, 40);
  slot.joint_questions = reader.texts("joint_questions", !slot.joint_with.empty(), 40);
  slot.not_for = reader.texts("not_for", false, 40);
  slot.values = reader.texts("values", false);
  slot.min = reader.integer("min");
  slot.max = reader.integer("max");
  if (slot.max != 0 && slot.max < slot.min)
    mistakes.add(reader.line_of("max"), "'max' of slot '" + slot.name + "' is below 'min'");
  read_choices(reader, slot);
  reader.finish();
  return slot;
}

// References between slots, once all are known.
void check_slots(const Persona& persona, std::size_t line, Mistakes& mistakes) {
  for (std::size_t i = 0; i < persona.slots.size(); ++i) {
    const SlotSpec& slot = persona.slots[i];
    for (std::size_t j = 0; j < i; ++j) {
      if (persona.slots[j].name == slot.name) mistakes.add(line, "slot '" + slot.name + "' is there twice");
    }
    if (!slot.joint_with.empty() && (persona.slot(slot.joint_with) == nullptr || slot.joint_with == slot.name)) {
      mistakes.add(line, "'joint_with' of slot '" + slot.name + "' names no other slot: '" + slot.joint_with + "'");
    }
    for (const std::string& rule : slot.not_for) {
      const std::size_t equals = rule.find('=');
      if (equals == std::string::npos || persona.slot(rule.substr(0, equals)) == nullptr) {
        mistakes.add(line, "'not_for' of slot '" + slot.name + "' must be \"slot=value\": '" + rule + "'");
      }
    }
  }
}

Phrases read_phrases(const toml::table* table, Mistakes& mistakes) {
  Phrases phrases;
  if (table == nullptr) return phrases;
  TableReader reader(*table, "phrases", mistakes);
  phrases.greeting = reader.text("greeting", true);
  phrases.fallback = reader.text("fallback", true);
  phrases.filler = reader.text("filler", true);
  phrases.goodbye = reader.text("goodbye", true);
  phrases.idle_first = reader.text("idle_first", true);
  phrases.idle_second = reader.text("idle_second", true);
  phrases.apology = reader.text("apology", true);
  phrases.rephrase = reader.text("rephrase", true);
  phrases.summary_prefix = reader.text("summary_prefix", true);
  phrases.confirm_offer = reader.text("confirm_offer", true);
  reader.finish();
  return phrases;
}

void check_lines(const Lines& lines, std::size_t line, Mistakes& mistakes) {
  const std::vector<std::string_view>& names = Persona::line_names();
  for (const std::string_view name : names) {
    if (lines.find(std::string(name)) == lines.end())
      mistakes.add(line, "missing key '" + std::string(name) + "' of lines");
  }
  for (const auto& [name, variants] : lines) {
    if (std::ranges::find(names, name) != names.end()) continue;
    const std::string near = nearest_key(name, names);
    mistakes.add(line, "unknown key '" + name + "' of lines" + (near.empty() ? "" : " (did you mean '" + near + "'?)"));
  }
}

void check_transfers(const Persona& persona, std::size_t line, Mistakes& mistakes) {
  for (const auto& [name, number] : persona.transfer_targets) {
    const bool digits = number.size() >= 9 && number.size() <= 16 && number[0] == '+' &&
                        std::all_of(number.begin() + 1, number.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!is_identifier(name) || !digits) {
      mistakes.add(line,
                   "transfer_targets: '" + name + "' must be a name (a-z, 0-9, _) with a number such as +972541234567");
    }
  }
}

void read_persona(const toml::table& root, Persona& persona, Mistakes& mistakes) {
  TableReader reader(root, "", mistakes);
  persona.language = reader.text("language", true, 35);
  persona.business = reader.text("business", true, 200);
  persona.agent_name = reader.text("agent_name", true, 100);
  if (const std::string country = reader.text("country", false, 2); !country.empty()) persona.country = country;
  if (const std::string currency = reader.text("currency", false, 3); !currency.empty()) persona.currency = currency;
  persona.system_prompt = reader.text("system_prompt", true, 20000);
  persona.rules = reader.texts("rules", false);
  persona.facts = reader.texts("facts", false);
  persona.hints = reader.texts("hints", false, 500);
  persona.goodbye_words = reader.texts("goodbye_words", true);
  persona.backchannels = reader.texts("backchannels", false);
  persona.intro_markers = reader.texts("intro_markers", false);
  persona.examples = reader.texts("examples", false);
  persona.voices = reader.text_map("voices");
  persona.pronunciations = reader.text_map("pronunciations");
  persona.transfer_targets = reader.text_map("transfer_targets");
  persona.phrases = read_phrases(reader.child("phrases", true), mistakes);
  persona.lines = reader.texts_map("lines");
  const std::vector<const toml::table*> slots = reader.children("slot", true);
  reader.finish();  // misspelt keys first: they explain the missing ones
  if (!persona.lines.empty()) check_lines(persona.lines, reader.line_of("lines"), mistakes);
  check_transfers(persona, reader.line_of("transfer_targets"), mistakes);
  for (const toml::table* table : slots) persona.slots.push_back(read_slot(*table, mistakes));
  check_slots(persona, reader.line_of("slot"), mistakes);
  if (!persona.slots.empty() && std::ranges::none_of(persona.slots, &SlotSpec::required)) {
    mistakes.add(reader.line_of("slot"), "at least one slot must be required");
  }
}

}  // namespace

Result<std::shared_ptr<const Persona>> Persona::parse(std::string_view toml_text, std::string_view source_name) {
  if (toml_text.size() > kMaxFileBytes) {
    return fail(Errc::kMalformed,
                std::string(source_name) + ": larger than " + std::to_string(kMaxFileBytes) + " bytes");
  }
  toml::table root;
  try {
    root = toml::parse(toml_text, source_name);
  } catch (const toml::parse_error& error) {
    return fail(Errc::kMalformed, std::string(source_name) + ":" + std::to_string(error.source().begin.line) + ": " +
                                      repair_utf8(error.description()));
  }
  auto persona = std::make_shared<Persona>();
  persona->id = std::filesystem::path(source_name).stem().string();
  Mistakes mistakes(source_name);
  read_persona(root, *persona, mistakes);
  if (!mistakes.empty()) return fail(Errc::kMalformed, mistakes.text());
  return persona;
}

Result<std::shared_ptr<const Persona>> Persona::load(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(Errc::kNotFound, "cannot read persona file '" + path + "'");
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (in.bad()) return fail(Errc::kInternal, "reading persona file '" + path + "' failed");
  return parse(text, path);
}

Result<std::shared_ptr<const Persona>> Persona::built_in(std::string_view id) {
  for (const BuiltInPersona& one : built_in_personas()) {
    if (one.id == id) return parse(one.toml, std::string(id) + ".toml");
  }
  std::string list;
  for (const std::string& name : built_in_ids()) list += (list.empty() ? "" : ", ") + name;
  return fail(Errc::kNotFound, "no built-in persona '" + std::string(id) + "'; there are " + list +
                                   ". A file is named by its path, with a slash or the ending .toml");
}

std::vector<std::string> Persona::built_in_ids() {
  std::vector<std::string> ids;
  for (const BuiltInPersona& one : built_in_personas()) ids.emplace_back(one.id);
  return ids;
}

Result<std::shared_ptr<const Persona>> Persona::open(const std::string& path_or_id) {
  const bool path = path_or_id.find('/') != std::string::npos || path_or_id.ends_with(".toml");
  return path ? load(path_or_id) : built_in(path_or_id);
}

const SlotSpec* Persona::slot(std::string_view name) const {
  const auto hit = std::ranges::find_if(slots, [&](const SlotSpec& spec) { return spec.name == name; });
  return hit == slots.end() ? nullptr : &*hit;
}

std::vector<std::string> Persona::fixed_phrases() const {
  std::vector<std::string> all = {phrases.greeting,   phrases.fallback,    phrases.filler,  phrases.goodbye,
                                  phrases.idle_first, phrases.idle_second, phrases.apology, phrases.rephrase};
  const auto add = [&](const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
      if (text.find('{') == std::string::npos) all.push_back(text);
    }
  };
  for (const auto& [name, variants] : lines) add(variants);
  for (const SlotSpec& slot : slots) {
    add(slot.questions);
    add(slot.joint_questions);
  }
  return all;
}

const std::vector<std::string_view>& Persona::line_names() {
  static const std::vector<std::string_view> kNames = {"ack",           "ack_name",          "ack_short",
                                                       "corrected",     "not_understood",    "empty",
                                                       "phone_rest",    "phone_again",       "budget_again",
                                                       "value_again",   "cleared",           "later",
                                                       "summary",       "confirm_offer",     "confirm_offer_plain",
                                                       "saved",         "saved_callback",    "not_saved",
                                                       "whatsapp_sent", "whatsapp_failed",   "callback_ask",
                                                       "change_ask",    "anything_else",     "robot",
                                                       "human",         "human_unavailable", "human_failed",
                                                       "off_topic",     "deflect",           "repeat",
                                                       "wait",          "pending",           "done",
                                                       "goodbye_open",  "goodbye_named",     "phone_tail"};
  return kNames;
}

}  // namespace al::dialog
