#include <fstream>
#include <iterator>

#include <nlohmann/json.hpp>

#include "alctl/commands.h"
#include "alctl/server_api.h"
#include "core/settings.h"
#include "net/http_client.h"
#include "twilio/twiml.h"
#include "twilio/twiml_check.h"

namespace al::alctl {
namespace {

using nlohmann::ordered_json;

struct Document {
  std::string text;
  std::string source;
  twilio::TwimlCheckOptions check;
};

Result<Document> fetch_document(const std::string& url) {
  const std::string origin = origin_of(url);
  if (origin.empty()) return fail(Errc::kMalformed, "'" + url + "' is not an http:// or https:// URL");
  net::ClientRequest request;
  request.url = url == origin || url == origin + "/" ? origin + "/webhook/incoming_call_preview" : url;
  request.timeouts.total = milliseconds{15'000};
  Document document;
  document.source = request.url;
  net::HttpClient http;
  auto answer = http.fetch(std::move(request));
  if (!answer) return fail(answer.error());
  document.text = std::move(answer->body);
  document.check.http_status = answer->status;
  document.check.content_type = std::string(net::find_header(answer->headers, "Content-Type").value_or(""));
  document.check.allow_insecure_loopback = true;
  return document;
}

// What the settings of this machine would answer: the same builder as the server's.
Result<Document> build_document(const std::string& config) {
  const auto settings = Settings::load(process_sources(config));
  if (!settings) return fail(settings.error());
  std::string base = settings->string("public_base_url");
  if (base.empty()) {
    return fail(Errc::kUnsupported, "PUBLIC_BASE_URL is not set, so the URLs are not known; set it, or give --url URL");
  }
  while (base.ends_with('/')) base.pop_back();
  twilio::StreamTwiml stream;
  stream.stream_url = "ws" + base.substr(4) + "/ws/twilio-media";
  stream.status_callback = base + "/webhook/stream_status";
  stream.connect_action = base + "/webhook/stream_ended";
  stream.parameters = {{"call_sid", "CA00000000000000000000000000000000"}, {"token", "made-for-each-call"}};
  const std::string clip = settings->string("greeting_clip");
  if (settings->boolean("twiml_play_greeting") && !clip.empty()) stream.play_first = base + "/static/tts/" + clip;
  Document document;
  document.text = twilio::connect_stream_twiml(stream);
  document.source = "settings of this machine";
  document.check.expected_host = base;
  return document;
}

Result<Document> read_document(const Arguments& arguments) {
  if (arguments.given("url")) return fetch_document(arguments.text("url"));
  if (!arguments.given("file")) return build_document(arguments.text("config"));
  std::ifstream in(arguments.text("file"), std::ios::binary);
  if (!in) return fail(Errc::kNotFound, "cannot read " + arguments.text("file"));
  Document document;
  document.text.assign((std::istreambuf_iterator<char>(in)), {});
  document.source = arguments.text("file");
  return document;
}

void print_findings(const std::vector<twilio::TwimlFinding>& findings, Io& io) {
  for (const auto& finding : findings) {
    const std::string level(twilio::to_string(finding.level));
    const std::string head = finding.level == twilio::FindingLevel::kError     ? io.red(level)
                             : finding.level == twilio::FindingLevel::kWarning ? io.yellow(level)
                                                                               : io.dim(level);
    io.err << head << ": " << finding.where << ": " << finding.message;
    if (finding.code != 0) io.err << " (Twilio error " << finding.code << ")";
    io.err << "\n       " << finding.cure << "\n";
  }
  if (findings.empty()) io.err << io.green("nothing to object to") << "\n";
}

ExitCode run_preview(const Arguments& arguments, Io& io) {
  auto document = read_document(arguments);
  if (!document) {
    const bool usage = document.error().code == Errc::kMalformed && arguments.given("url");
    const bool config = document.error().code == Errc::kMalformed || document.error().code == Errc::kUnsupported;
    return usage    ? io.fail(ExitCode::kUsage, document.error().detail)
           : config ? io.fail(ExitCode::kConfig, document.error().detail)
                    : io.fail(document.error());
  }
  if (arguments.given("host")) document->check.expected_host = arguments.text("host");
  document->check.expect_stream = !arguments.given("file");
  const auto findings = twilio::check_twiml(document->text, document->check);
  const bool ok = !twilio::has_errors(findings);
  if (io.json) {
    ordered_json body{{"schema", 1},
                      {"ok", ok},
                      {"source", document->source},
                      {"twiml", document->text},
                      {"findings", ordered_json::array()}};
    for (const auto& finding : findings) {
      body["findings"].push_back({{"level", twilio::to_string(finding.level)},
                                  {"code", finding.code},
                                  {"where", finding.where},
                                  {"message", finding.message},
                                  {"cure", finding.cure}});
    }
    io.out << body.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
  } else {
    io.out << document->text << "\n";
    print_findings(findings, io);
  }
  return ok ? ExitCode::kOk : ExitCode::kFailed;
}

}  // namespace

CommandSpec twiml_preview_command() {
  CommandSpec spec;
  spec.name = "twiml preview";
  spec.summary = "print the TwiML for an incoming call and say what is wrong with it";
  spec.description =
      "Without --url the document is made from the settings of this machine; with it, fetched from a running server "
      "(its\n"
      "preview route, unless the URL has a path). The document goes to standard output, what Twilio would object to "
      "goes\n"
      "to standard error. Exit code 1 when there is an error.";
  spec.options = {{"url", ValueKind::kText, "URL", "fetch it from this server", "", false, {}, {}, {}},
                  {"file", ValueKind::kFile, "FILE", "check this file", "", false, {}, {}, {}},
                  {"config", ValueKind::kFile, "FILE", "settings file", "", false, {}, {}, {}},
                  {"host", ValueKind::kText, "HOST", "the host that every URL must name", "", false, {}, {}, {}}};
  spec.examples = {{"alctl twiml preview --url https://agent.example.com", "what Twilio would get, checked"},
                   {"alctl twiml preview --file answer.xml", "checks a document of somebody else"}};
  spec.run = run_preview;
  return spec;
}

}  // namespace al::alctl
