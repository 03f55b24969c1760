#include "agentd/message_service.h"

#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/log.h"
#include "core/utf8.h"
#include "providers/whatsapp_wire.h"
#include "store/lead_handover.h"

namespace al::agentd {

using providers::WhatsAppForm;
using providers::WhatsAppReceipt;

namespace {

constexpr std::string_view kKind = "whatsapp";
constexpr Duration kPoll = seconds{1};
constexpr Duration kLease = seconds{60};  // longer than one request may take
constexpr Duration kQueueWait = seconds{2};
constexpr milliseconds kStoreAwayWait{5'000};
constexpr int kBatch = 10;
constexpr std::string_view kAsTemplate = ":template";  // after the identifier of the message it replaces
constexpr std::size_t kLongestText = 4096;
constexpr std::size_t kLongestTextTwilio = 1600;

std::string payload_of(const MessageService::Message& message) {
  return dump_json({{"to", message.to},
                    {"text", message.text},
                    {"call", message.call.str()},
                    {"key", message.key},
                    {"once", message.once},
                    {"template", message.as_template}});
}

std::optional<MessageService::Message> message_of(const store::OutboxRow& row) {
  const auto payload = parse_json(row.work.payload);
  if (!payload || !payload->is_object()) return std::nullopt;
  MessageService::Message message;
  message.to = json_string(*payload, "to");
  message.text = json_string(*payload, "text");
  message.call = CallSid(json_string(*payload, "call"));
  message.key = json_string(*payload, "key");
  message.once = json_bool(*payload, "once").value_or(false);
  message.as_template = json_bool(*payload, "template").value_or(false);
  return message;
}

Result<void> forget_value(const Result<bool>& done) {
  return done ? Result<void>() : fail(done.error());
}

bool says(const Error& error, std::string_view words) {
  return error.code == Errc::kRejected && error.detail.find(words) != std::string::npos;
}

// The provider may have taken the message although no answer came.
bool is_unknown(const Error& error) {
  return error.code == Errc::kTimeout || error.code == Errc::kClosed;
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
  if (sender_ != nullptr) wake();
}

MessageService::~MessageService() {
  alive_.reset();
}

void MessageService::on_loop(std::function<void()> work) {
  loop_.post([weak = std::weak_ptr(alive_), work = std::move(work)] {
    if (weak.lock()) work();
  });
}

void MessageService::wake() {
  on_loop([this] { poll(); });
}

Result<void> MessageService::check(const Message& message) const {
  if (sender_ == nullptr) return fail(Errc::kUnsupported, "WhatsApp is not set up here (WHATSAPP_PROVIDER)");
  if (!providers::is_e164(message.to))
    return fail(Errc::kMalformed, "to: not an international number, as +972501234567");
  if (message.text.empty()) return fail(Errc::kMalformed, "text: is empty");
  const std::size_t limit = sender_->name() == "twilio" ? kLongestTextTwilio : kLongestText;
  if (const std::size_t length = count_codepoints(message.text); length > limit) {
    return fail(Errc::kMalformed,
                "text: has " + std::to_string(length) + " characters, " + std::to_string(limit) + " are allowed");
  }
  return {};
}

Result<MessageService::Situation> MessageService::look_at(store::Store& store, const std::string& phone) const {
  const auto out = store.records().opted_out(phone);
  if (!out) return fail(out.error());
  // The 24-hour rule needs the person's last message to us.
  store::RecordFilter filter;
  filter.phone = phone;
  filter.inbound = true;
  filter.limit = 1;
  const auto found = store.records().messages(filter);
  if (!found) return fail(found.error());
  const auto last = found->empty() ? std::nullopt : std::optional(found->front().at);
  const bool has_window = sender_->name() != "bridge";
  return Situation{*out, providers::decide_whatsapp(last, wall_now(), !template_name_.empty(), has_window)};
}

store::MessageRecord MessageService::record_of(const Message& message) const {
  store::MessageRecord record;
  record.id = message.key;
  record.provider = sender_->name();
  record.from = from_;
  record.to = message.to;
  record.body = message.text;
  record.call = message.call;
  record.at = wall_now();
  return record;
}

Result<std::string> MessageService::queue_in(store::Store& store, const Message& message) const {
  if (const auto checked = check(message); !checked) return fail(checked.error());
  const auto situation = look_at(store, message.to);
  if (!situation) return fail(situation.error());
  if (situation->opted_out) return fail(Errc::kRejected, "this number asked not to be written to");
  if (situation->form == WhatsAppForm::kNotNow) {
    return fail(Errc::kRejected, "this number has not written in the last 24 hours, and WHATSAPP_TEMPLATE is not set");
  }
  const store::HandOver work{std::string(kKind), message.key, message.to, payload_of(message)};
  const auto is_new = store.outbox().enqueue(work, wall_now());
  if (!is_new) return fail(is_new.error());
  if (*is_new) {
    if (const auto written = store.records().put_message(record_of(message)); !written) return fail(written.error());
  }
  return work.key;
}

void MessageService::send(Message message, std::function<void(Result<std::string>)> queued) {
  if (const auto checked = check(message); !checked) {
    queued(fail(checked.error()));
    return;
  }
  store_.ask<std::string>([this, message](store::Store& store) { return queue_in(store, message); }, kQueueWait,
                          [this, weak = std::weak_ptr(alive_), queued = std::move(queued)](Result<std::string> id) {
                            if (id && weak.lock()) wake();
                            queued(std::move(id));
                          });
}

void MessageService::post(Message message) {
  if (const auto checked = check(message); !checked) {
    log::warn("WHATSAPP_FAILED", {{"to", log::phone(message.to)}, {"why", checked.error().detail}});
    return;
  }
  const auto accepted = store_.write("whatsapp", [this, message](store::Store& store) -> Result<void> {
    const auto id = queue_in(store, message);
    if (!id && store::is_temporary(id.error())) return fail(id.error());
    if (!id) log::warn("WHATSAPP_FAILED", {{"to", log::phone(message.to)}, {"why", id.error().detail}});
    if (id) wake();
    return {};
  });
  if (!accepted) log::error("WHATSAPP_LOST", {{"to", log::phone(message.to)}, {"why", accepted.error().detail}});
}

void MessageService::window_was_closed(const std::string& provider_id) {
  if (sender_ == nullptr || template_name_.empty()) return;
  (void)store_.write("whatsapp", [this, provider_id](store::Store& store) -> Result<void> {
    store::RecordFilter filter;
    filter.provider_id = provider_id;
    filter.inbound = false;
    filter.limit = 1;
    const auto found = store.records().messages(filter);
    if (!found) return fail(found.error());
    if (found->empty() || found->front().id.ends_with(kAsTemplate)) return {};
    const store::MessageRecord& refused = found->front();
    Message message{refused.to, refused.body, refused.call, refused.id + std::string(kAsTemplate), false, true};
    const auto id = queue_in(store, message);
    if (!id && store::is_temporary(id.error())) return fail(id.error());
    if (id) wake();
    return {};
  });
}

void MessageService::poll() {
  timer_.arm_after(kPoll);
  if (polling_ || sender_ == nullptr) return;
  polling_ = true;
  store_.ask<std::vector<store::OutboxRow>>(
      [node = node_](store::Store& store) { return store.outbox().claim(kKind, node, wall_now(), kLease, kBatch); },
      kQueueWait,
      [this, weak = std::weak_ptr(alive_)](Result<std::vector<store::OutboxRow>> rows) {
        if (!weak.lock()) return;
        on_loop([this, rows = std::move(rows)] {
          polling_ = false;
          if (!rows) return;
          for (const store::OutboxRow& row : *rows) deliver(row);
          if (rows->size() == static_cast<std::size_t>(kBatch)) poll();
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
  if (message->once && row.attempts > 1 && row.last_error.empty()) {
    // Whoever had it before did not live to say how it went.
    failed(row, *message, {Errc::kClosed, "the attempt before ended without an answer; it is not sent twice"}, false);
    return;
  }
  store_.ask<Situation>(
      [this, to = message->to](store::Store& store) { return look_at(store, to); }, kQueueWait,
      [this, weak = std::weak_ptr(alive_), row, message = *message](Result<Situation> found) {
        if (!weak.lock()) return;
        on_loop([this, row, message, found = std::move(found)] {
          if (!found) {
            (void)store_.write("whatsapp", [row, node = node_](store::Store& store) {
              return forget_value(
                  store.outbox().retry(row.id, node, wall_now() + kStoreAwayWait, "the database did not answer"));
            });
          } else if (found->opted_out) {
            failed(row, message, {Errc::kRejected, "this number asked not to be written to"}, false);
          } else if (found->form == WhatsAppForm::kNotNow) {
            failed(row, message, {Errc::kRejected, "24-hour window is closed and WHATSAPP_TEMPLATE is not set"}, false);
          } else {
            send_now(row, message, message.as_template || found->form == WhatsAppForm::kTemplate);
          }
        });
      });
}

void MessageService::send_now(const store::OutboxRow& row, const Message& message, bool as_template) {
  providers::WhatsAppMessage out;
  out.to = message.to;
  out.text = message.text;
  out.idempotency_key = message.key;
  if (as_template) {
    out.message_template = providers::WhatsAppTemplate{template_name_, template_language_, {message.text}};
  }
  sender_->send(out, [this, weak = std::weak_ptr(alive_), row, message, as_template](Result<WhatsAppReceipt> receipt) {
    if (!weak.lock()) return;
    on_loop([this, row, message, as_template, receipt = std::move(receipt)] {
      answered(row, message, as_template, receipt);
    });
  });
}

void MessageService::answered(const store::OutboxRow& row, const Message& message, bool as_template,
                              const Result<WhatsAppReceipt>& receipt) {
  if (receipt) {
    sent(row, message, receipt->message_id);
    return;
  }
  const Error& error = receipt.error();
  // The provider's clock is the one that counts.
  if (!as_template && !template_name_.empty() && says(error, "24-hour window")) {
    send_now(row, message, true);
    return;
  }
  if (says(error, "opted out")) {
    (void)store_.write("opt_out", [to = message.to](store::Store& store) {
      return store.records().set_opt_out(to, true, wall_now());
    });
  }
  const bool lasting =
      error.code == Errc::kRejected || error.code == Errc::kMalformed || error.code == Errc::kUnsupported;
  const bool again =
      !lasting && row.attempts < store::RetryPolicy{}.max_attempts && !(message.once && is_unknown(error));
  failed(row, message, error, again);
}

void MessageService::sent(const store::OutboxRow& row, const Message& message, const std::string& provider_id) {
  log::info("WHATSAPP_SENT", {{"to", log::phone(message.to)}, {"id", provider_id}, {"attempts", row.attempts}});
  store::MessageRecord record = record_of(message);
  record.provider_id = provider_id;  // status callbacks name the message by it
  record.status = store::MessageStatus::kSent;
  (void)store_.write("whatsapp", [row, node = node_, record](store::Store& store) -> Result<void> {
    if (const auto written = store.records().put_message(record); !written) return fail(written.error());
    return forget_value(store.outbox().done(row.id, node, wall_now()));
  });
}

void MessageService::failed(const store::OutboxRow& row, const Message& message, const Error& error, bool again) {
  log::warn("WHATSAPP_FAILED",
            {{"to", log::phone(message.to)}, {"why", error.detail}, {"attempts", row.attempts}, {"again", again}});
  if (again) {
    const Duration backoff = store::retry_delay({}, row.attempts, std::hash<std::string>{}(row.id));
    const auto wait = std::max(std::chrono::ceil<milliseconds>(backoff), error.retry_after);
    (void)store_.write("whatsapp", [row, node = node_, wait, why = error.detail](store::Store& store) {
      return forget_value(store.outbox().retry(row.id, node, wall_now() + wait, why));
    });
    return;
  }
  store::MessageRecord record = record_of(message);
  record.status = store::MessageStatus::kFailed;
  record.error = error.detail;
  (void)store_.write("whatsapp", [row, node = node_, record](store::Store& store) -> Result<void> {
    if (const auto written = store.records().put_message(record); !written) return fail(written.error());
    return forget_value(store.outbox().give_up(row.id, node, wall_now(), record.error));
  });
}

}  // namespace al::agentd
