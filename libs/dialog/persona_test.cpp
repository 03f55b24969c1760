#include "dialog/persona.h"

#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

namespace al::dialog {
namespace {

std::string shipped(std::string_view id) {
  std::ifstream in(std::string(AL_SOURCE_DIR) + "/libs/dialog/personas/" + std::string(id) + ".toml");
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string with(std::string text, std::string_view what, std::string_view instead) {
  const std::size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  if (at != std::string::npos) text.replace(at, what.size(), instead);
  return text;
}

std::string complaint(const std::string& toml) {
  const auto persona = Persona::parse(toml, "my.toml");
  return persona ? "" : persona.error().detail;
}

TEST(Persona, BuiltInOnesAreTheShippedFiles) {
  ASSERT_EQ(Persona::built_in_ids().size(), 2U);
  for (const std::string& id : Persona::built_in_ids()) {
    const auto persona = Persona::built_in(id);
    ASSERT_TRUE(persona) << persona.error().detail;
    EXPECT_EQ((*persona)->id, id);
    const auto file = Persona::open(std::string(AL_SOURCE_DIR) + "/libs/dialog/personas/" + id + ".toml");
    ASSERT_TRUE(file) << file.error().detail;
    EXPECT_EQ((*file)->phrases.greeting, (*persona)->phrases.greeting);
    EXPECT_GT((*persona)->fixed_phrases().size(), 40U);
  }
}

TEST(Persona, EveryMistakeIsNamedWithItsLineAndTheNearestKey) {
  const std::string good = shipped("en-real-estate");
  ASSERT_EQ(complaint(good), "");
  EXPECT_EQ(complaint(with(good, "agent_name =", "agent_nme =")),
            "my.toml:1: missing key 'agent_name'\nmy.toml:4: unknown key 'agent_nme' (did you mean 'agent_name'?)");
  EXPECT_NE(complaint(with(good, "greeting =", "greting =")).find("(did you mean 'greeting'?)"), std::string::npos);
  EXPECT_NE(complaint(with(good, "type = \"money\"", "type = \"mony\""))
                .find("unknown slot type 'mony' (did you mean 'money'?)"),
            std::string::npos);
  EXPECT_NE(complaint(with(good, "min = 1000", "min = \"much\"")).find("'min' of slot 'budget' must be a whole number"),
            std::string::npos);
  EXPECT_NE(
      complaint(with(good, "joint_with = \"phone\"", "joint_with = \"fone\"")).find("names no other slot: 'fone'"),
      std::string::npos);
  EXPECT_NE(complaint(with(good, "ack_short", "ack_shrt")).find("missing key 'ack_short' of lines"), std::string::npos);
  EXPECT_NE(complaint("language = ").find("my.toml:1: "), std::string::npos);
  EXPECT_NE(complaint(good + "\n[transfer_targets]\nsales = \"1-800-EVIL\"\n").find("transfer_targets: 'sales'"),
            std::string::npos);
  EXPECT_NE(complaint("language = \"en\"\nbuisness = \"x\"")
                .find("my.toml:2: unknown key 'buisness' (did you mean 'business'?)"),
            std::string::npos);
  EXPECT_NE(complaint("").find("missing key 'language'"), std::string::npos);
}

TEST(Persona, UnknownNamesAndFilesSayWhatThereIs) {
  EXPECT_NE(Persona::open("fr-real-estate").error().detail.find("en-real-estate, he-real-estate"), std::string::npos);
  EXPECT_EQ(Persona::open("/nowhere/x.toml").error().code, Errc::kNotFound);
}

// Nothing that the agent says by itself depends on the caller's gender or names a figure in digits.
TEST(Persona, ShippedSentencesCanBeSpoken) {
  for (const std::string& id : Persona::built_in_ids()) {
    const auto persona = *Persona::built_in(id);
    for (const std::string& phrase : persona->fixed_phrases()) {
      EXPECT_EQ(phrase.find_first_of("0123456789*#_"), std::string::npos) << phrase;
    }
  }
}

}  // namespace
}  // namespace al::dialog
