#include <fstream>
#include <iterator>

#include <nlohmann/json.hpp>

#include "alctl/commands.h"
#include "alctl/twilio_target.h"
#include "core/settings.h"
#include "core/text.h"
#include "twilio/signature.h"

namespace al::alctl {
namespace {

using nlohmann::ordered_json;

// The request that the options describe; owns what the views of SignedRequest point to.
struct Described {
  std::string url;
  twilio::FormParams form;
  std::string body;
  bool has_body = false;
  bool websocket = false;
  std::vector<std::string> tokens;
  twilio::SignatureOptions options;

  [[nodiscard]] twilio::SignedRequest request() const {
    twilio::SignedRequest out;
    out.url = url;
    out.kind = websocket ? twilio::RequestKind::kWebSocket : twilio::RequestKind::kWebhook;
    if (has_body) {
      out.body = body;
    } else if (!form.empty()) {
      out.form = &form;
    }
    return out;
  }
};

Result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(Errc::kNotFound, "cannot read " + path);
  return std::string((std::istreambuf_iterator<char>(in)), {});
}

Result<std::vector<std::string>> read_tokens(const Arguments& arguments) {
  std::string text = environment_variable("TWILIO_AUTH_TOKEN").value_or("");
  if (arguments.given("token-file")) {
    auto read = read_file(arguments.text("token-file"));
    if (!read) return fail(read.error());
    text = std::move(*read);
  }
  for (char& c : text) {
    if (c == '\n') c = ',';
  }
  std::vector<std::string> tokens;
  for (const std::string_view part : split(text, ',')) {
    if (!trim(part).empty()) tokens.emplace_back(trim(part));
  }
  if (tokens.empty()) return fail(Errc::kRejected, "no auth token: set TWILIO_AUTH_TOKEN or give --token-file FILE");
  return tokens;
}

Result<Described> describe(const Arguments& arguments) {
  Described out;
  out.url = arguments.text("URL");
  out.websocket = out.url.starts_with("ws://") || out.url.starts_with("wss://");
  auto tokens = read_tokens(arguments);
  if (!tokens) return fail(tokens.error());
  out.tokens = std::move(*tokens);
  for (const std::string& param : arguments.all("param")) {
    const std::size_t equals = param.find('=');
    if (equals == std::string::npos) return fail(Errc::kMalformed, "--param '" + param + "' is not KEY=VALUE");
    out.form.add(param.substr(0, equals), param.substr(equals + 1));
  }
  if (arguments.given("form")) {
    auto body = read_file(arguments.text("form"));
    if (!body) return fail(body.error());
    const std::string_view text = std::string_view(*body);
    auto form = twilio::parse_form(text.ends_with('\n') ? text.substr(0, text.size() - 1) : text);
    if (!form) return fail(form.error());
    for (const auto& entry : form->entries()) out.form.add(entry.key, entry.value);
  }
  if (arguments.given("body")) {
    auto body = read_file(arguments.text("body"));
    if (!body) return fail(body.error());
    out.body = std::move(*body);
    out.has_body = true;
  }
  auto url = twilio::signature_url_from_text(arguments.text("signature-url"));
  if (!url) return fail(url.error());
  out.options.url = *url;
  return out;
}

ExitCode refuse(Io& io, const Error& error) {
  return error.code == Errc::kMalformed ? io.fail(ExitCode::kUsage, error.detail) : io.fail(error);
}

std::vector<OptionSpec> request_options() {
  return {{"param", ValueKind::kText, "KEY=VALUE", "a form parameter, already decoded", "", true, {}, {}, {}},
          {"form", ValueKind::kFile, "FILE", "the raw form body as received (a=1&b=2)", "", false, {}, {}, {}},
          {"body",
           ValueKind::kFile,
           "FILE",
           "a raw body of another type: checked against bodySHA256",
           "",
           false,
           {},
           {},
           {}},
          {"token-file",
           ValueKind::kFile,
           "FILE",
           "auth tokens, one a line; default: TWILIO_AUTH_TOKEN",
           "",
           false,
           {},
           {},
           {}},
          {"signature-url",
           ValueKind::kChoice,
           "RULE",
           "which URL is signed",
           "auto",
           false,
           {"auto", "full", "no_query"},
           {},
           {}}};
}

ArgumentSpec url_argument() {
  return {"URL", "the URL as Twilio requested it: https://… or wss://…", true, false, ValueKind::kText, {}};
}
ArgumentSpec signature_argument() {
  return {"SIGNATURE", "the value of X-Twilio-Signature", true, false, ValueKind::kText, {}};
}

ExitCode run_sign(const Arguments& arguments, Io& io) {
  const auto described = describe(arguments);
  if (!described) return refuse(io, described.error());
  const std::string url = described->url.substr(0, described->url.find('#'));
  const std::string signature =
      twilio::compute_signature(described->tokens[0], url, described->form.empty() ? nullptr : &described->form);
  if (io.json) {
    io.out << ordered_json{{"schema", 1}, {"signature", signature}, {"url", url}}.dump(2) << "\n";
  } else {
    io.out << signature << "\n";
  }
  return ExitCode::kOk;
}

ExitCode run_check(const Arguments& arguments, Io& io) {
  const auto described = describe(arguments);
  if (!described) return refuse(io, described.error());
  const auto verdict = twilio::verify_signature(described->request(), arguments.text("SIGNATURE"), described->tokens,
                                                described->options);
  if (io.json) {
    io.out << ordered_json{{"schema", 1},
                           {"ok", verdict.ok},
                           {"fault", twilio::to_string(verdict.fault)},
                           {"matched_url", verdict.matched_url},
                           {"matched_rule", verdict.matched_rule},
                           {"token", verdict.token_index + 1},
                           {"detail", verdict.detail}}
                  .dump(2, ' ', false, nlohmann::json::error_handler_t::replace)
           << "\n";
  } else if (verdict.ok) {
    io.out << io.green("valid") << ": " << verdict.matched_url << " (" << verdict.matched_rule << ", token "
           << verdict.token_index + 1 << ")\n";
  } else {
    io.out << io.red("not valid") << ": " << verdict.detail << "\n";
  }
  return verdict.ok ? ExitCode::kOk : ExitCode::kFailed;
}

ordered_json explanation_json(const Described& described, const twilio::SignatureExplanation& explanation,
                              const std::string& header) {
  ordered_json body{{"schema", 1},
                    {"ok", explanation.verdict.ok},
                    {"fault", twilio::to_string(explanation.verdict.fault)},
                    {"detail", explanation.verdict.detail},
                    {"header", header},
                    {"signed_params", explanation.signed_params},
                    {"candidates", ordered_json::array()}};
  for (const auto& trial : explanation.trials) {
    body["candidates"].push_back({{"url", trial.candidate.url},
                                  {"rule", trial.candidate.rule},
                                  {"token", trial.token_index + 1},
                                  {"signature", trial.signature},
                                  {"matches", trial.matches},
                                  {"first_difference", twilio::first_difference(trial.candidate.url, described.url)}});
  }
  return body;
}

ExitCode run_explain_signature(const Arguments& arguments, Io& io) {
  const auto described = describe(arguments);
  if (!described) return refuse(io, described.error());
  const std::string header = arguments.text("SIGNATURE");
  const auto explanation =
      twilio::explain_signature(described->request(), header, described->tokens, described->options);
  const ExitCode code = explanation.verdict.ok ? ExitCode::kOk : ExitCode::kFailed;
  if (io.json) {
    ordered_json body = explanation_json(*described, explanation, header);
    if (arguments.given("other")) {
      body["other_difference"] = twilio::first_difference(arguments.text("other"), described->url);
    }
    io.out << body.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
    return code;
  }
  io.out << "parameters signed after the URL: "
         << (explanation.signed_params.empty() ? "none" : "'" + explanation.signed_params + "'") << "\n"
         << "header:                          " << header << "\n\n";
  for (const auto& trial : explanation.trials) {
    io.out << (trial.matches ? io.green("match   ") : "        ") << trial.signature << "  " << trial.candidate.url
           << "\n"
           << io.dim("        " + trial.candidate.rule + ", token " + std::to_string(trial.token_index + 1));
    const std::string difference = twilio::first_difference(trial.candidate.url, described->url);
    if (!difference.empty()) io.out << io.dim("; differs from the given URL at " + difference);
    io.out << "\n";
  }
  if (arguments.given("other")) {
    const std::string difference = twilio::first_difference(arguments.text("other"), described->url);
    io.out << "\nthe other URL " << (difference.empty() ? "is the same" : "differs first at " + difference) << "\n";
  }
  io.out << "\n"
         << (explanation.verdict.ok ? io.green("valid") : io.red("not valid: " + explanation.verdict.detail)) << "\n";
  if (explanation.verdict.fault == twilio::SignatureFault::kMismatch) {
    io.out
        << "Look for: another token (primary or regional), http instead of https behind a proxy, a host or port that\n"
           "differs from the number's webhook URL, trimmed or re-encoded parameters, parameters missing when empty.\n";
  }
  return code;
}

CommandSpec make_spec(std::string name, std::string summary, bool with_signature,
                      ExitCode (*run)(const Arguments&, Io&)) {
  CommandSpec spec;
  spec.name = std::move(name);
  spec.summary = std::move(summary);
  spec.arguments = {url_argument()};
  if (with_signature) spec.arguments.push_back(signature_argument());
  spec.options = request_options();
  spec.run = run;
  return spec;
}

}  // namespace

CommandSpec signature_check_command() {
  CommandSpec spec =
      make_spec("signature check", "is this X-Twilio-Signature right for this request?", true, run_check);
  spec.examples = {{"alctl signature check https://h/webhook/call_status RSOYDt4T1cUTdK1PDd93/VVr8B8= --form body.txt",
                    "checks a captured request; exit code 1 when it is not valid"}};
  return spec;
}

CommandSpec signature_sign_command() {
  CommandSpec spec = make_spec("signature sign", "sign a request as Twilio does", false, run_sign);
  spec.examples = {
      {"alctl signature sign https://h/webhook/call_status --param CallSid=CA1 --param CallStatus=completed",
       "prints the header's value, for curl -H"}};
  return spec;
}

CommandSpec signature_explain_command() {
  CommandSpec spec = make_spec("signature explain", "show every URL that is tried and where it first differs", true,
                               run_explain_signature);
  spec.options.push_back({"other",
                          ValueKind::kText,
                          "URL",
                          "also show where this URL (of the console, say) first differs",
                          "",
                          false,
                          {},
                          {},
                          {}});
  spec.examples = {{"alctl signature explain http://10.0.0.5:8080/webhook/call_status SIGNATURE --form body.txt",
                    "why a proxy's address cannot be what was signed"}};
  return spec;
}

}  // namespace al::alctl
