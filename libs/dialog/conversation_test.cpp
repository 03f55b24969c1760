#include "dialog/conversation.h"

#include <gtest/gtest.h>

namespace al::dialog {
namespace {

TEST(Persona, BuiltInOnesLoad) {
  for (const std::string& id : Persona::built_in_ids()) {
    const auto persona = Persona::built_in(id);
    ASSERT_TRUE(persona) << persona.error().detail;
    EXPECT_EQ((*persona)->id, id);
  }
}

}  // namespace
}  // namespace al::dialog
