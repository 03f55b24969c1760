// The agent's person: business, prompt, slots, phrases, voices. Loaded from a TOML file, checked as a whole, immutable.
#pragma once

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
  std::vector<std::string> questions;  // equivalent ways to ask; one is taken by seed
  std::vector<std::string> values;     // accepted values or synonyms "value=synonym"; empty = free
};

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

  // Errors name the file, the line and the key.
  static Result<std::shared_ptr<const Persona>> load(const std::string& path);
  static Result<std::shared_ptr<const Persona>> parse(std::string_view toml, std::string_view source_name);
  // The two that are built in: "he-real-estate" and "en-real-estate".
  static Result<std::shared_ptr<const Persona>> built_in(std::string_view id);
};

}  // namespace al::dialog
