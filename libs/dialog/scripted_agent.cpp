#include "dialog/scripted_agent.h"

#include <mutex>
#include <utility>

namespace al::dialog {
namespace {

// Shared by the session and its posted job; the lock makes "no event after the destructor" true.
struct Job {
  std::mutex mutex;
  bool cancelled = false;
};

class ScriptedSession final : public ModelSession {
 public:
  explicit ScriptedSession(std::shared_ptr<Job> job) : job_(std::move(job)) {}
  ~ScriptedSession() override {
    const std::lock_guard lock(job_->mutex);
    job_->cancelled = true;
  }
  ScriptedSession(const ScriptedSession&) = delete;
  ScriptedSession& operator=(const ScriptedSession&) = delete;

 private:
  std::shared_ptr<Job> job_;
};

}  // namespace

ScriptedAgent::ScriptedAgent(std::shared_ptr<const Persona> persona, Post post)
    : persona_(std::move(persona)), post_(std::move(post)) {}

std::unique_ptr<ModelSession> ScriptedAgent::start(ModelRequest request, std::shared_ptr<ModelSink> sink) {
  auto job = std::make_shared<Job>();
  post_([job, sink = std::move(sink), persona = persona_, request = std::move(request)] {
    ScriptedAnswer answer = scripted_answer(*persona, request);
    const std::lock_guard lock(job->mutex);
    if (job->cancelled) return;
    for (std::string& sentence : answer.sentences) sink->on_delta(request.turn, std::move(sentence));
    std::size_t number = 0;
    for (ScriptedToolCall& tool : answer.tools) {
      const std::string id = "script-" + std::to_string(request.turn.value) + "-" +
                             std::to_string(request.messages.size()) + "-" + std::to_string(++number);
      sink->on_tool_call(request.turn, id, std::move(tool.name), std::move(tool.arguments_json));
    }
    sink->on_done(request.turn, ModelUsage{});
  });
  return std::make_unique<ScriptedSession>(std::move(job));
}

}  // namespace al::dialog
