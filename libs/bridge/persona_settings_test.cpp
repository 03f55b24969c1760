#include "bridge/persona_settings.h"

#include <gtest/gtest.h>

#include "dialog/prompt.h"

namespace al::bridge {
namespace {

using dialog::Persona;

Result<std::shared_ptr<const Persona>> made(const char* id,
                                            const std::vector<std::pair<std::string, std::string>>& given) {
  Settings settings;
  for (const auto& [key, value] : given) EXPECT_TRUE(settings.set(key, value)) << key;
  return with_settings(*Persona::built_in(id), settings);
}

TEST(PersonaSettings, WithoutAnyThePersonaIsTheSameObject) {
  const auto persona = *Persona::built_in("en-real-estate");
  EXPECT_EQ(*with_settings(persona, Settings()), persona);
}

TEST(PersonaSettings, NamesTakeTheirPlaceWhereverTheyAreSaid) {
  const auto english = made("en-real-estate", {{"business_name", "Oak & Sons"}, {"agent_name", "Noa"}});
  ASSERT_TRUE(english) << to_string(english.error());
  EXPECT_EQ((*english)->business, "Oak & Sons");
  EXPECT_NE((*english)->phrases.greeting.find("this is Noa, the digital assistant at Oak & Sons"), std::string::npos);
  const auto hebrew = made("he-real-estate", {{"business_name", "גג ירוק"}});
  ASSERT_TRUE(hebrew);
  EXPECT_NE((*hebrew)->phrases.greeting.find("גג ירוק"), std::string::npos);
  for (const auto& [persona, old] : {std::pair{*english, std::string("Harbor Homes")},
                                     {*english, "Maya"},
                                     {*hebrew, (*Persona::built_in("he-real-estate"))->business}}) {
    EXPECT_EQ(dialog::fixed_prompt(*persona, {}).find(old), std::string::npos) << old;
    for (const std::string& phrase : persona->fixed_phrases()) EXPECT_EQ(phrase.find(old), std::string::npos) << phrase;
  }
}

TEST(PersonaSettings, HintsAndNumbersAreAdded) {
  const auto persona =
      made("en-real-estate", {{"hints", "Carmel, Rehovot"}, {"transfer_targets", "sales=+972541234567"}});
  ASSERT_TRUE(persona) << to_string(persona.error());
  const auto before = (*Persona::built_in("en-real-estate"))->hints.size();
  EXPECT_EQ((*persona)->hints.size(), before + 2);
  EXPECT_EQ((*persona)->hints.back(), "Rehovot");
  EXPECT_EQ((*persona)->transfer_targets.at("sales"), "+972541234567");
}

TEST(PersonaSettings, WhatIsWrongIsNamed) {
  for (const char* wrong : {"sales", "sales=0541234567", "Sales=+972541234567", "=+972541234567", "a=+97254123456x"}) {
    const auto persona = made("en-real-estate", {{"transfer_targets", wrong}});
    ASSERT_FALSE(persona) << wrong;
    EXPECT_NE(persona.error().detail.find("transfer_targets"), std::string::npos);
  }
  const auto brace = made("en-real-estate", {{"agent_name", "{question}"}});
  ASSERT_FALSE(brace);
  EXPECT_NE(brace.error().detail.find("agent_name"), std::string::npos);
}

}  // namespace
}  // namespace al::bridge
