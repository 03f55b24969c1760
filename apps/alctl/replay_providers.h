// The providers of the settings (or their fakes) for `alctl replay`: asked over the wire, waited for. The replay gives
// their answers the same nominal times as everybody's, so the timing of a run does not depend on the network.
#pragma once

#include <memory>

#include "alctl/replay_run.h"
#include "core/settings.h"
#include "dialog/persona.h"

namespace al::alctl {

class WireProviders {
 public:
  struct Wants {
    bool stt = false;
    bool llm = false;
    bool tts = false;
  };
  // Errors as make_providers().
  static Result<std::unique_ptr<WireProviders>> open(const Settings& settings,
                                                     std::shared_ptr<const dialog::Persona> persona, Wants wants);
  ~WireProviders();

  // Fills in the functions of the stages that were asked for; they use this object and block, 30 s at most a request.
  // What fails is silent in the run and told here.
  void serve(ReplayProviders& providers);
  [[nodiscard]] const std::vector<std::string>& problems() const;

 private:
  struct Impl;
  explicit WireProviders(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace al::alctl
