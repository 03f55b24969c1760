// The requests of the three WhatsApp providers and their replies. Pure; thread-safe. The sending is whatsapp_send.cpp.
#pragma once

#include <string>
#include <string_view>

#include "core/error.h"
#include "net/http_client.h"
#include "providers/whatsapp.h"

namespace al::providers {

// kMalformed: a number that is not E.164, no text and no template, text that is too long. With credentials: not for
// logs.
[[nodiscard]] Result<net::ClientRequest> write_twilio_whatsapp(const TwilioWhatsAppOptions& options,
                                                               const WhatsAppMessage& message);
// kUnsupported: a template (a bridge to a private account has none).
[[nodiscard]] Result<net::ClientRequest> write_bridge_whatsapp(const BridgeWhatsAppOptions& options,
                                                               const WhatsAppMessage& message);
[[nodiscard]] Result<net::ClientRequest> write_meta_whatsapp(const MetaWhatsAppOptions& options,
                                                             const WhatsAppMessage& message);

// What a 2xx reply says. A bridge's reply may be anything: its id is taken from "id", "messageId", "key.id" or
// "id._serialized" where there is one. Meta and Twilio: kMalformed if there is no message id.
[[nodiscard]] Result<WhatsAppReceipt> read_twilio_receipt(std::string_view body);
[[nodiscard]] Result<WhatsAppReceipt> read_bridge_receipt(std::string_view body);
[[nodiscard]] Result<WhatsAppReceipt> read_meta_receipt(std::string_view body);

// A refusal whose reason is the 24-hour window (Meta 131047, Twilio 63016) becomes kRejected with "24-hour window".
[[nodiscard]] Error whatsapp_refusal(std::string_view provider, int status, std::string_view body,
                                     const net::HttpHeaders& headers);

// "+" and 8 to 15 digits.
[[nodiscard]] bool is_e164(std::string_view number);

}  // namespace al::providers
