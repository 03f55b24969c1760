// The agent's person: business, prompt, slots, phrases, voices. Loaded from a TOML file, checked as a whole, immutable.
// Everything the agent says without a model stands here, so that another language is another file. Holds no secret:
// assume that callers can learn all of it. The format is described in libs/dialog/personas/README.md.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "dialog/ports.h"

namespace al::dialog {

enum class SlotType { kText, kArea, kPropertyType, kMoney, kTiming, kName, kPhone, kRooms, kDateTime, kYesNo };

struct SlotSpec {
  std::string name;  // "area"
  SlotType type = SlotType::kText;
  bool required = true;
  std::vector<std::string> questions;        // equivalent ways to ask; one is taken by seed
  std::vector<std::string> values;           // accepted values or synonyms "value=synonym=synonym"; empty = free
  std::vector<std::string> joint_questions;  // ask for this slot and the next one (`joint_with`) when both are empty
  std::string joint_with;                    // name of the slot that joint_questions ask for too
  std::vector<std::string> not_for;          // "property_type=land": not asked when that slot has that value
  struct Choice {                            // one of `values`, split and brought to normal_form by the loader
    std::string value;
    std::vector<std::string> forms;
  };
  std::vector<Choice> choices;
  bool open = true;      // values outside the list are accepted too (areas); false = only the list
  std::string label;     // what it is called in a sentence: "the budget"
  std::int64_t min = 0;  // kMoney: amounts outside min..max are asked again; 0 = no bound
  std::int64_t max = 0;
};

// Sentences for one moment of the scripted dialogue; equivalent variants, none is said twice in a call if avoidable.
// Placeholders in braces: {values} {name} {question} {label} {business} {agent} {digits}.
using Lines = std::map<std::string, std::vector<std::string>>;

// Phrases that the agent says without a model. Every one is synthesised ahead and cached.
struct Phrases {
  std::string greeting;  // AI_GREETING overrides it
  std::string fallback;  // "Sorry, I did not hear well. Could you say it again?"
  std::string filler;    // "One moment, I am checking…"
  std::string goodbye;
  std::string idle_first;  // nobody speaks for long
  std::string idle_second;
  std::string apology;   // all providers are down
  std::string rephrase;  // the same answer would be said twice
  std::string summary_prefix;
  std::string confirm_offer;  // offer to confirm, send by WhatsApp or set a call
};

struct Persona {
  std::string id;        // file name without extension
  std::string language;  // BCP 47
  std::string business;
  std::string agent_name;
  std::string system_prompt;
  std::vector<SlotSpec> slots;
  std::vector<std::string> hints;             // words for the recogniser
  std::vector<std::string> goodbye_words;     // the caller ends the call
  std::vector<std::string> backchannels;      // "כן", "אהה", "uh-huh": do not confirm a barge-in
  std::map<std::string, std::string> voices;  // by provider: "google" -> "he-IL-Wavenet-A"
  std::map<std::string, std::string> pronunciations;
  Phrases phrases;
  std::map<std::string, std::string> transfer_targets;  // by name; numbers never come from the model
  std::string country = "IL";                           // ISO 3166: how phone numbers without a prefix are read
  std::string currency = "ILS";                         // ISO 4217: of amounts without a currency
  std::vector<std::string> facts;                       // what may be told about the business; prices only from here
  std::vector<std::string> examples;                    // "caller: …" / "agent: …" lines shown to the model
  std::vector<std::string> rules;                       // further rules for the model, one sentence each
  Lines lines;                                          // by moment: "ack", "not_understood", …; see line_names()
  std::vector<std::string> intro_markers;               // words of a self-introduction: "my name is Maya"

  // Errors name the file, the line and the key.
  static Result<std::shared_ptr<const Persona>> load(const std::string& path);
  static Result<std::shared_ptr<const Persona>> parse(std::string_view toml, std::string_view source_name);
  // The two that are built in: "he-real-estate" and "en-real-estate".
  static Result<std::shared_ptr<const Persona>> built_in(std::string_view id);
  [[nodiscard]] static std::vector<std::string> built_in_ids();
  // A path (has a slash or ends in ".toml") or the id of a built-in one: the value of the setting PERSONA.
  static Result<std::shared_ptr<const Persona>> open(const std::string& path_or_id);

  [[nodiscard]] const SlotSpec* slot(std::string_view name) const;  // nullptr = no such slot
  [[nodiscard]] bool hebrew() const { return language.starts_with("he") || language.starts_with("iw"); }
  // Every sentence that is said as it stands (greeting, fallback, questions, …): to be synthesised ahead.
  [[nodiscard]] std::vector<std::string> fixed_phrases() const;
  // The moments a persona must have lines for.
  [[nodiscard]] static const std::vector<std::string_view>& line_names();
};

}  // namespace al::dialog
