#include "alctl/twilio_target.h"

#include <fstream>
#include <iterator>

#include "alctl/server_api.h"
#include "core/settings.h"
#include "core/text.h"

namespace al::alctl {
namespace {

// A secret from a file or from the environment, never from the command line, where every user of the machine sees it.
Result<std::string> read_secret(const std::string& path, std::string_view variable) {
  if (path.empty()) return environment_variable(variable).value_or("");
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(Errc::kNotFound, "cannot read " + path);
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  return std::string(trim(text));
}

}  // namespace

std::vector<OptionSpec> target_options() {
  std::vector<OptionSpec> options;
  options.push_back({"path",
                     ValueKind::kText,
                     "PATH",
                     "the voice webhook, where URL has no path of its own",
                     "/webhook/incoming_call",
                     false,
                     {},
                     {},
                     {}});
  options.push_back({"public-url",
                     ValueKind::kText,
                     "URL",
                     "sign for this origin (PUBLIC_BASE_URL of the server) while connecting to URL",
                     "",
                     false,
                     {},
                     {},
                     {}});
  options.push_back({"token-file",
                     ValueKind::kFile,
                     "FILE",
                     "file with the auth token; default: TWILIO_AUTH_TOKEN",
                     "",
                     false,
                     {},
                     {},
                     {}});
  options.push_back({"account",
                     ValueKind::kText,
                     "SID",
                     "account SID of the simulated Twilio",
                     "AC00000000000000000000000000000000",
                     false,
                     {},
                     {},
                     {}});
  options.push_back(
      {"ca-file", ValueKind::kFile, "FILE", "trust this certificate authority too (PEM)", "", false, {}, {}, {}});
  return options;
}

Result<TwilioTarget> read_target(const Arguments& arguments) {
  TwilioTarget target;
  const std::string url = arguments.text("URL");
  target.origin = origin_of(url);
  if (target.origin.empty()) return fail(Errc::kMalformed, "'" + url + "' is not an http:// or https:// URL");
  target.public_origin = target.origin;
  if (arguments.given("public-url")) {
    target.public_origin = origin_of(arguments.text("public-url"));
    if (target.public_origin.empty()) return fail(Errc::kMalformed, "--public-url is not an http:// or https:// URL");
  }
  std::string path = url.substr(target.origin.size());
  if (path.empty() || path == "/") path = arguments.text("path");
  target.webhook_url = target.public_origin + path;
  auto token = read_secret(arguments.text("token-file"), "TWILIO_AUTH_TOKEN");
  if (!token) return fail(token.error());
  target.auth_token = std::string(trim(token->substr(0, token->find(','))));
  target.account_sid = arguments.text("account");
  if (!arguments.given("account")) {
    target.account_sid = environment_variable("TWILIO_ACCOUNT_SID").value_or(target.account_sid);
  }
  target.ca_file = arguments.text("ca-file");
  return target;
}

Result<std::string> read_api_key(const Arguments& arguments) {
  return read_secret(arguments.text("api-key-file"), "API_KEY");
}

OptionSpec api_key_option() {
  return {"api-key-file",
          ValueKind::kFile,
          "FILE",
          "file with the server's API key; default: API_KEY",
          "",
          false,
          {},
          {},
          {}};
}

}  // namespace al::alctl
