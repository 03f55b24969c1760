// Everything that shapes one call's behaviour. Built from the settings by the apps, recorded with each call.
#pragma once

#include <memory>
#include <string>

#include "core/time.h"
#include "dialog/conversation.h"
#include "dialog/persona.h"

namespace al::dialog {

struct CallOptions {
  std::shared_ptr<const Persona> persona;
  ConversationOptions conversation;
  std::string call_sid;
  // The rest (voice activity, endpointing, barge-in, playout, timers) is filled in by this room.
};

}  // namespace al::dialog
