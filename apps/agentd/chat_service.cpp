#include "agentd/chat_service.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <utility>
#include <variant>

#include "bridge/local_time.h"
#include "core/log.h"
#include "core/secret.h"
#include "dialog/text_exchange.h"

namespace al::agentd {
namespace {

constexpr std::size_t kMaxChats = 5'000;
constexpr std::size_t kMaxWaiting = 20;  // messages of one person while an answer is being made
constexpr Duration kForgetAfter = std::chrono::hours{24};
constexpr Duration kStoreWait = seconds{2};

}  // namespace

// One person's conversation: messages are answered one after the other.
class ChatService::Chat : public std::enable_shared_from_this<Chat> {
 public:
  Chat(ChatService& service, std::string number) : service_(service), number_(std::move(number)) {}

  [[nodiscard]] Timestamp last_used() const { return last_used_; }

  void take(const Message& message, Timestamp now) {
    last_used_ = now;
    if (waiting_.size() >= kMaxWaiting) {
      log::warn("CHAT_FLOODED", {{"from", log::phone(number_)}});
      return;
    }
    waiting_.push_back(message);
    if (!busy_) next();
  }

 private:
  // What is remembered between two messages; `stored`: the database has it.
  struct Memory {
    store::ChatRecord record;
    std::shared_ptr<std::atomic<bool>> stored = std::make_shared<std::atomic<bool>>(false);
  };

  [[nodiscard]] dialog::ConversationOptions options() const {
    dialog::ConversationOptions options = service_.rules_;
    options.caller_number = number_;
    options.spoken = false;
    options.whatsapp = true;  // this is the channel
    options.conversation_id = "whatsapp:" + number_;
    options.local_time = bridge::to_local(wall_now());
    options.canary = random_token();
    return options;
  }

  // Posts what the model says to the chat's loop.
  class Sink final : public dialog::ModelSink {
   public:
    Sink(net::Loop& loop, std::weak_ptr<Chat> chat) : loop_(loop), chat_(std::move(chat)) {}
    void on_delta(TurnId turn, std::string text) override {
      post(turn, [text = std::move(text)](Chat& chat) { chat.exchange_->on_delta(text); });
    }
    void on_tool_call(TurnId turn, std::string id, std::string name, std::string arguments_json) override {
      post(turn, [=](Chat& chat) { chat.exchange_->on_tool_call(id, name, arguments_json); });
    }
    void on_done(TurnId turn, dialog::ModelUsage) override {
      post(turn, [](Chat& chat) { chat.step(chat.exchange_->on_done()); });
    }
    void on_failed(TurnId turn, Error error) override {
      log::warn("CHAT_MODEL_FAILED", {{"why", to_string(error)}});
      post(turn, [](Chat& chat) { chat.step(chat.exchange_->on_failed()); });
    }

   private:
    void post(TurnId turn, std::function<void(Chat&)> work) {
      loop_.post([chat = chat_, turn, work = std::move(work)] {
        const auto alive = chat.lock();
        if (alive && alive->exchange_ && alive->turn_ == turn) work(*alive);
      });
    }
    net::Loop& loop_;
    std::weak_ptr<Chat> chat_;
  };

  void next() {
    if (waiting_.empty()) return;
    busy_ = true;
    current_ = std::move(waiting_.front());
    waiting_.pop_front();
    service_.store_.ask<store::ChatRecord>(
        [number = number_](store::Store& store) { return store.records().chat(number); }, kStoreWait,
        [&loop = service_.loop_, chat = weak_from_this()](Result<store::ChatRecord> found) {
          loop.post([chat, found = std::move(found)] {
            if (const auto alive = chat.lock()) alive->begin(found);
          });
        });
  }

  // The state to go on with: the later one of the database's and ours. What was erased there is forgotten here.
  [[nodiscard]] std::string state_from(const Result<store::ChatRecord>& found) const {
    const store::ChatRecord& ours = memory_.record;
    const bool erased = !found && found.error().code == Errc::kNotFound && memory_.stored->load();
    if (erased) return {};
    const store::ChatRecord& later = found && found->updated >= ours.updated ? *found : ours;
    return wall_now() - later.updated > kForgetAfter ? std::string() : later.state;
  }

  void begin(const Result<store::ChatRecord>& found) {
    const auto make = [this] {
      return std::make_unique<dialog::Conversation>(service_.persona_, options(), std::hash<std::string>{}(number_));
    };
    conversation_ = make();
    if (const std::string state = state_from(found); !state.empty()) {
      if (const auto restored = conversation_->restore(state); !restored) {
        log::warn("CHAT_BEGINS_ANEW", {{"from", log::phone(number_)}, {"why", restored.error().detail}});
        conversation_ = make();
      }
    }
    turn_ = TurnId{std::max(turn_.value + 1, static_cast<std::uint64_t>(wall_now().time_since_epoch().count()))};
    exchange_ = std::make_unique<dialog::TextExchange>(*conversation_, turn_, "chat:" + number_);
    // A picture or a voice note says nothing to the dialogue; that it came is told in words.
    const std::string text = current_.text.empty() && current_.has_media ? "[media]" : current_.text;
    step(exchange_->begin(text, monotonic_now()));
  }

  void step(dialog::TextExchange::Step step) {
    if (auto* ask = std::get_if<dialog::TextExchange::AskModel>(&step)) {
      session_ =
          service_.model_.start(std::move(ask->request), std::make_shared<Sink>(service_.loop_, weak_from_this()));
    } else if (auto* tool = std::get_if<dialog::TextExchange::RunTool>(&step)) {
      run_tool(*tool);
    } else if (auto* reply = std::get_if<dialog::TextExchange::Reply>(&step)) {
      send(reply->text);
      finish();
    } else if (session_ == nullptr) {
      finish();  // a repetition: no answer
    }
  }

  void run_tool(const dialog::TextExchange::RunTool& tool) {
    const LeadService::Lead lead = current_lead(true);
    const auto answer = [&loop = service_.loop_, chat = weak_from_this(), turn = tool.turn](const std::string& result,
                                                                                            bool ok) {
      loop.post([chat, turn, result, ok] {
        const auto alive = chat.lock();
        if (alive && alive->exchange_ && alive->turn_ == turn)
          alive->step(alive->exchange_->on_tool_result(result, ok));
      });
    };
    if (tool.tool.name == "save_lead") {
      service_.leads_.save(lead, [answer](bool ok) { answer(ok ? "saved" : "error: not written yet", ok); });
    } else if (tool.tool.name == "end_call" || tool.tool.name == "send_whatsapp") {
      answer("ok", true);  // this conversation is the message
    } else {
      answer("error: not possible in a chat", false);
    }
  }

  [[nodiscard]] LeadService::Lead current_lead(bool confirmed) const {
    LeadService::Lead lead;
    lead.call = CallSid("WA" + number_);
    lead.caller = number_;
    lead.slots = conversation_->slots();
    lead.summary = conversation_->summary_text();
    lead.complete = conversation_->complete();
    lead.confirmed = confirmed || conversation_->stage() == dialog::DialogueStage::kConfirmed;
    return lead;
  }

  void send(const std::string& text) {
    if (!conversation_->slots().empty()) service_.leads_.save(current_lead(false));
    if (!text.empty()) service_.messages_.post({number_, text, {}, "reply:" + current_.id});
  }

  void keep() {
    memory_.record = {conversation_->save(), wall_now()};
    memory_.stored = std::make_shared<std::atomic<bool>>(false);
    (void)service_.store_.write("chat", [number = number_, memory = memory_](store::Store& store) -> Result<void> {
      const auto done = store.records().put_chat(number, memory.record);
      if (done) memory.stored->store(true);
      return done;
    });
  }

  void finish() {
    keep();
    service_.loop_.post([chat = weak_from_this()] {
      const auto alive = chat.lock();
      if (!alive) return;
      alive->session_.reset();
      alive->exchange_.reset();
      alive->busy_ = false;
      alive->next();
    });
  }

  ChatService& service_;
  const std::string number_;
  Memory memory_;
  Timestamp last_used_{};
  std::deque<Message> waiting_;
  bool busy_ = false;  // a message is being answered
  Message current_;
  TurnId turn_;
  std::unique_ptr<dialog::Conversation> conversation_;
  std::unique_ptr<dialog::TextExchange> exchange_;
  std::unique_ptr<dialog::ModelSession> session_;
};

ChatService::ChatService(net::Loop& loop, dialog::LanguageModel& model, std::shared_ptr<const dialog::Persona> persona,
                         store::AsyncStore& store, MessageService& messages, LeadService& leads,
                         dialog::ConversationOptions rules)
    : loop_(loop),
      model_(model),
      persona_(std::move(persona)),
      store_(store),
      messages_(messages),
      leads_(leads),
      rules_(std::move(rules)) {}

ChatService::~ChatService() {
  alive_.reset();
}

void ChatService::message(Message message) {
  loop_.post([this, weak = std::weak_ptr(alive_), message = std::move(message)] {
    if (weak.lock()) take(message);
  });
}

void ChatService::take(const Message& message) {
  const Timestamp now = monotonic_now();
  auto& chat = chats_[message.from];
  if (!chat) {
    forget_old(now);
    chat = std::make_shared<Chat>(*this, message.from);
  }
  chat->take(message, now);
}

void ChatService::forget_old(Timestamp now) {
  std::erase_if(chats_,
                [&](const auto& entry) { return entry.second && now - entry.second->last_used() > kForgetAfter; });
  while (chats_.size() > kMaxChats) {
    const auto oldest = std::min_element(chats_.begin(), chats_.end(), [](const auto& a, const auto& b) {
      return (a.second ? a.second->last_used() : Timestamp::max()) <
             (b.second ? b.second->last_used() : Timestamp::max());
    });
    chats_.erase(oldest);
  }
}

}  // namespace al::agentd
