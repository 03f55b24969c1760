// The options that every command needs which plays Twilio against a server: where, with which token, as whom.
#pragma once

#include <string>
#include <vector>

#include "alctl/command_table.h"
#include "core/error.h"

namespace al::alctl {

// --path, --public-url, --token-file, --account, --ca-file
[[nodiscard]] std::vector<OptionSpec> target_options();

struct TwilioTarget {
  std::string origin;         // where to connect: "http://127.0.0.1:8080"
  std::string public_origin;  // what is signed; equal to origin unless --public-url
  std::string webhook_url;    // public origin + path of the URL, else --path
  std::string auth_token;     // empty = nothing is signed
  std::string account_sid;
  std::string ca_file;
};
// The token comes from --token-file or TWILIO_AUTH_TOKEN (the first one of several).
[[nodiscard]] Result<TwilioTarget> read_target(const Arguments& arguments);

// API_KEY or --api-key-file; empty = none.
[[nodiscard]] Result<std::string> read_api_key(const Arguments& arguments);
[[nodiscard]] OptionSpec api_key_option();

}  // namespace al::alctl
