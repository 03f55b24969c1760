// The three senders of whatsapp.h: the same request, reply, error path with another wire.
#include <utility>

#include "net/http_client.h"
#include "providers/model_dialect.h"
#include "providers/whatsapp.h"
#include "providers/whatsapp_wire.h"

namespace al::providers {
namespace {

template <typename Options>
struct Wire {
  std::string name;
  Result<net::ClientRequest> (*write)(const Options&, const WhatsAppMessage&);
  Result<WhatsAppReceipt> (*read)(std::string_view);
};

template <typename Options>
class Sender final : public WhatsAppSender {
 public:
  Sender(Wire<Options> wire, Options options, ProviderContext context)
      : wire_(std::move(wire)), options_(std::move(options)), context_(context) {}

  // Not tried again here: a message that was sent although its answer got lost would arrive twice. The caller keeps
  // unsent messages and decides.
  void send(const WhatsAppMessage& message, Done done) override {
    auto request = wire_.write(options_, message);
    if (!request) {
      done(fail(request.error()));
      return;
    }
    context_.http.start_detached(
        std::move(*request), [wire = wire_, done = std::move(done)](Result<net::ClientResponse> response) {
          if (!response) {
            done(fail(response.error().code, wire.name + ": " + response.error().detail));
          } else if (response->status < 200 || response->status >= 300) {
            done(fail(whatsapp_refusal(wire.name, response->status, response->body, response->headers)));
          } else {
            done(wire.read(response->body));
          }
        });
  }
  [[nodiscard]] std::string name() const override { return wire_.name; }

 private:
  const Wire<Options> wire_;
  const Options options_;
  const ProviderContext context_;
};

Result<void> require(const std::string& value, const char* what) {
  if (value.empty()) return fail(Errc::kMalformed, std::string(what) + " is not set");
  return {};
}

}  // namespace

Result<std::unique_ptr<WhatsAppSender>> make_twilio_whatsapp(TwilioWhatsAppOptions options, ProviderContext context) {
  for (const auto& [value, what] :
       {std::pair{&options.account_sid, "twilio whatsapp: the account SID"},
        std::pair{&options.user, "twilio whatsapp: the API key or account SID to sign in with"},
        std::pair{&options.password, "twilio whatsapp: the secret or auth token"},
        std::pair{&options.from, "twilio whatsapp: the sender's number"}}) {
    if (auto set = require(*value, what); !set) return fail(set.error());
  }
  if (!options.from.starts_with("MG") && !is_e164(options.from)) {
    return fail(Errc::kMalformed,
                "twilio whatsapp: the sender is neither an international number nor a messaging service");
  }
  if (auto checked = check_base_url(options.base_url, "twilio base URL"); !checked) return fail(checked.error());
  return std::make_unique<Sender<TwilioWhatsAppOptions>>(
      Wire<TwilioWhatsAppOptions>{"twilio", write_twilio_whatsapp, read_twilio_receipt}, std::move(options), context);
}

Result<std::unique_ptr<WhatsAppSender>> make_bridge_whatsapp(BridgeWhatsAppOptions options, ProviderContext context) {
  if (auto set = require(options.url, "whatsapp bridge: the URL"); !set) return fail(set.error());
  if (!options.url.starts_with("http://") && !options.url.starts_with("https://")) {
    return fail(Errc::kMalformed, "whatsapp bridge: the URL is not http or https");
  }
  if (options.body_template.find("{text}") == std::string::npos) {
    return fail(Errc::kMalformed, "whatsapp bridge: the body template has no {text}");
  }
  for (const std::string& line : options.headers) {
    if (line.find(':') == std::string::npos || line.find_first_of("\r\n") != std::string::npos) {
      return fail(Errc::kMalformed, "whatsapp bridge: a header is not of the form 'Name: value'");
    }
  }
  return std::make_unique<Sender<BridgeWhatsAppOptions>>(
      Wire<BridgeWhatsAppOptions>{"bridge", write_bridge_whatsapp, read_bridge_receipt}, std::move(options), context);
}

Result<std::unique_ptr<WhatsAppSender>> make_meta_whatsapp(MetaWhatsAppOptions options, ProviderContext context) {
  if (auto set = require(options.phone_number_id, "meta whatsapp: the phone number id"); !set) return fail(set.error());
  if (auto set = require(options.access_token, "meta whatsapp: the access token"); !set) return fail(set.error());
  if (auto checked = check_base_url(options.base_url, "meta base URL"); !checked) return fail(checked.error());
  return std::make_unique<Sender<MetaWhatsAppOptions>>(
      Wire<MetaWhatsAppOptions>{"meta", write_meta_whatsapp, read_meta_receipt}, std::move(options), context);
}

}  // namespace al::providers
