#include "agentd/message_service.h"

#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/log.h"
#include "store/lead_handover.h"

namespace al::agentd {
namespace {

constexpr std::string_view kKind = "whatsapp";
constexpr Duration kPoll = seconds{1};
constexpr Duration kLease = seconds{60};  // longer than one request may take
constexpr Duration kQueueWait = seconds{2};
constexpr int kBatch = 10;

std::string payload_of(const MessageService::Message& message) {
  return dump_json({{"to", message.to}, {"text", message.text}, {"call", message.call.str()}, {"key", message.key}});
}

std::optional<MessageService::Message> message_of(const store::OutboxRow& row) {
  const auto payload = nlohmann::json::parse(row.work.payload, nullptr, false);
  if (!payload.is_object()) return std::nullopt;
  MessageService::Message message;
  message.to = payload.value("to", "");
  message.text = payload.value("text", "");
  message.call = CallSid(payload.value("call", ""));
  message.key = payload.value("key", "");
  return message;
}

Result<void> forget_value(const Result<bool>& done) {
  return done ? Result<void>() : fail(done.error());
}

}  // namespace

MessageService::MessageService(const Settings& settings, net::Loop& loop, store::AsyncStore& store,
                               std::unique_ptr<providers::WhatsAppSender> sender, std::string node)
    : loop_(loop),
      store_(store),
      sender_(std::move(sender)),
      node_(std::move(node)),
      from_(settings.string("whatsapp_from")),
      template_name_(settings.string("whatsapp_template")),
      template_language_(settings.string("whatsapp_template_language")),
      timer_(loop, [this](Timestamp) { poll(); }) {
  if (sender_ != nullptr) {
    loop_.post([this, weak = std::weak_ptr(alive_)] {
      if (weak.lock()) poll();
    });
  }
}

MessageService::~MessageService() {
  alive_.reset();
}

void MessageService::send(Message message, std::function<void(Result<std::string>)> queued) {
  if (sender_ == nullptr) {
    queued(fail(Errc::kUnsupported, "WhatsApp is not set up here (WHATSAPP_PROVIDER)"));
    return;
  }
  store::MessageRecord record;
  record.id = message.key;
  record.provider = sender_->name();
  record.from = from_;
  record.to = message.to;
  record.body = message.text;
  record.call = message.call;
  record.at = wall_now();
  store::HandOver work{std::string(kKind), message.key, message.to, payload_of(message)};
  store_.ask<std::string>(
      [record, work](store::Store& store) -> Result<std::string> {
        const auto queued_now = store.outbox().enqueue(work, wall_now());
        if (!queued_now) return fail(queued_now.error());
        const auto written = store.records().put_message(record);
        if (!written) return fail(written.error());
        return work.key;
      },
      kQueueWait, std::move(queued));
}

void MessageService::poll() {
  timer_.arm_after(kPoll);
  if (polling_) return;
  polling_ = true;
  store_.ask<std::vector<store::OutboxRow>>(
      [node = node_](store::Store& store) { return store.outbox().claim(kKind, node, wall_now(), kLease, kBatch); },
      kQueueWait,
      [this, weak = std::weak_ptr(alive_)](Result<std::vector<store::OutboxRow>> rows) {
        if (!weak.lock()) return;
        loop_.post([this, weak, rows = std::move(rows)] {
          if (!weak.lock()) return;
          polling_ = false;
          if (!rows) return;
          for (const store::OutboxRow& row : *rows) deliver(row);
        });
      });
}

void MessageService::deliver(const store::OutboxRow& row) {
  const auto message = message_of(row);
  if (!message) {
    (void)store_.write("whatsapp", [row, node = node_](store::Store& store) {
      return forget_value(store.outbox().give_up(row.id, node, wall_now(), "its payload cannot be read"));
    });
    return;
  }
  // The 24-hour rule needs the person's last message to us.
  store_.ask<std::optional<WallTime>>(
      [to = message->to](store::Store& store) -> Result<std::optional<WallTime>> {
        store::RecordFilter filter;
        filter.phone = to;
        filter.inbound = true;
        filter.limit = 1;
        const auto found = store.records().messages(filter);
        if (!found) return fail(found.error());
        return found->empty() ? std::nullopt : std::optional(found->front().at);
      },
      kQueueWait,
      [this, weak = std::weak_ptr(alive_), row, message = *message](Result<std::optional<WallTime>> last) {
        if (!weak.lock()) return;
        loop_.post([this, weak, row, message, last] {
          if (weak.lock()) send_now(row, message, last.value_or(std::nullopt));
        });
      });
}

void MessageService::send_now(const store::OutboxRow& row, const Message& message,
                              std::optional<WallTime> last_inbound) {
  const bool has_window = sender_->name() != "bridge";
  providers::WhatsAppMessage out;
  out.to = message.to;
  out.text = message.text;
  out.idempotency_key = message.key;
  switch (providers::decide_whatsapp(last_inbound, wall_now(), !template_name_.empty(), has_window)) {
    case providers::WhatsAppForm::kFreeText:
      break;
    case providers::WhatsAppForm::kTemplate:
      out.message_template = providers::WhatsAppTemplate{template_name_, template_language_, {message.text}};
      break;
    case providers::WhatsAppForm::kNotNow:
      settle(row, fail(Errc::kRejected, "24-hour window is closed and WHATSAPP_TEMPLATE is not set"));
      return;
  }
  sender_->send(out, [this, weak = std::weak_ptr(alive_), row](Result<providers::WhatsAppReceipt> receipt) {
    if (!weak.lock()) return;
    loop_.post([this, weak, row, receipt = std::move(receipt)] {
      if (weak.lock()) settle(row, receipt);
    });
  });
}

void MessageService::settle(const store::OutboxRow& row, Result<providers::WhatsAppReceipt> receipt) {
  const auto message = message_of(row).value_or(Message{});
  if (receipt) {
    log::info("WHATSAPP_SENT",
              {{"to", log::phone(message.to)}, {"id", receipt->message_id}, {"attempts", row.attempts}});
  } else {
    log::warn("WHATSAPP_FAILED",
              {{"to", log::phone(message.to)}, {"why", receipt.error().detail}, {"attempts", row.attempts}});
  }
  const bool again = !receipt && receipt.error().code != Errc::kRejected && receipt.error().code != Errc::kMalformed &&
                     row.attempts < store::RetryPolicy{}.max_attempts;
  store::MessageRecord record;
  record.id = message.key;
  record.provider = sender_->name();
  record.from = from_;
  record.to = message.to;
  record.body = message.text;
  record.call = message.call;
  record.at = wall_now();
  record.provider_id = receipt ? receipt->message_id : "";  // status callbacks name the message by it
  record.status = receipt ? store::MessageStatus::kSent : store::MessageStatus::kFailed;
  const std::string error = receipt ? "" : receipt.error().detail;
  record.error = error;
  (void)store_.write("whatsapp", [row, node = node_, again, error, record](store::Store& store) -> Result<void> {
    if (again) {
      const auto wait = store::retry_delay({}, row.attempts, std::hash<std::string>{}(row.id));
      return forget_value(
          store.outbox().retry(row.id, node, wall_now() + std::chrono::duration_cast<milliseconds>(wait), error));
    }
    if (const auto written = store.records().put_message(record); !written) return fail(written.error());
    return forget_value(error.empty() ? store.outbox().done(row.id, node, wall_now())
                                      : store.outbox().give_up(row.id, node, wall_now(), error));
  });
}

}  // namespace al::agentd
