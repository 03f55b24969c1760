#include "twilio/twiml_check.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <pugixml.hpp>

#include "core/text.h"
#include "core/utf8.h"
#include "twilio/twiml.h"
#include "twilio/twiml_checker.h"

namespace al::twilio {
namespace {

constexpr std::string_view kBom = "\xEF\xBB\xBF";

}  // namespace

namespace detail {

std::vector<TwimlFinding> TwimlChecker::run() {
  check_envelope();
  pugi::xml_document xml;
  const pugi::xml_parse_result parsed = xml.load_buffer(document_.data(), document_.size(), pugi::parse_default);
  if (!parsed) {
    report(FindingLevel::kError, 12100, position(static_cast<std::size_t>(std::max<std::ptrdiff_t>(parsed.offset, 0))),
           std::string("this is not XML: ") + parsed.description(), "escape & < > in texts, close every element");
    return std::move(findings_);
  }
  const pugi::xml_node root = xml.document_element();
  if (std::string_view(root.name()) != "Response") {
    report(FindingLevel::kError, 12100, where(root), std::string("the root is <") + root.name() + ">",
           "the root must be <Response>, in this spelling");
    return std::move(findings_);
  }
  check_element(root, 0);
  check_order(root);
  return std::move(findings_);
}

void TwimlChecker::check_content_type() {
  std::string type =
      to_lower_ascii(trim(std::string_view(options_.content_type).substr(0, options_.content_type.find(';'))));
  if (type == "text/xml" || type == "application/xml") return;
  if (type == "text/html") {
    report(FindingLevel::kWarning, 0, "Content-Type", "text/html is taken for TwiML, but error pages have it too",
           "send text/xml; charset=utf-8");
  } else if (type == "text/plain") {
    report(FindingLevel::kError, 12300, "Content-Type",
           "text/plain that is no perfect TwiML is read aloud to the caller", "send text/xml; charset=utf-8");
  } else if (type.empty()) {
    report(FindingLevel::kError, 12300, "Content-Type", "there is none", "send text/xml; charset=utf-8");
  } else {
    report(FindingLevel::kError, 12300, "Content-Type", "'" + type + "' is not TwiML to Twilio",
           "send text/xml; charset=utf-8");
  }
}

void TwimlChecker::check_envelope() {
  if (options_.http_status != 200) {
    report(FindingLevel::kError, options_.http_status >= 400 ? 11200 : 0, "HTTP status",
           "a TwiML request was answered with " + std::to_string(options_.http_status), "answer 200");
  }
  check_content_type();
  if (document_.size() > kMaxTwimlBytes) {
    report(FindingLevel::kError, 11750, "document",
           std::to_string(document_.size()) + " bytes, Twilio reads at most " + std::to_string(kMaxTwimlBytes),
           "send less; a debug page instead of TwiML is the usual reason");
  }
  if (document_.starts_with(kBom)) {
    report(FindingLevel::kError, 12100, "byte 0", "the document begins with a byte order mark",
           "save it as UTF-8 without BOM");
    document_.remove_prefix(kBom.size());
  } else if (!document_.empty() && !document_.starts_with('<')) {
    report(FindingLevel::kError, 12100, "byte 0", "something stands before the first '<'",
           "nothing, not even a blank or an empty line, may come before <?xml");
  }
  if (document_.empty()) report(FindingLevel::kError, 12100, "document", "it is empty", "send at least <Response/>");
  if (!is_valid_utf8(document_))
    report(FindingLevel::kError, 12100, "document", "it is not UTF-8", "encode it as UTF-8");
}

void TwimlChecker::check_element(const pugi::xml_node& node, int depth) {
  const std::string_view name = node.name();
  const TwimlRule* rule = find_twiml_rule(name);
  if (rule == nullptr) {
    const std::string_view meant = twiml_name_ignoring_case(name);
    report(
        FindingLevel::kError, 12200, where(node),
        meant.empty() ? "Twilio does not know this element and skips it" : "names are case-sensitive: Twilio skips it",
        meant.empty() ? "remove it" : "write <" + std::string(meant) + ">");
    return;
  }
  if (depth > 0 && !in_word_list(rule->parents, node.parent().name())) {
    report(FindingLevel::kError, 12200, where(node),
           std::string("it may not stand inside <") + node.parent().name() + ">",
           "it belongs inside: " + std::string(rule->parents));
  }
  check_attributes(node, *rule);
  check_values(node);
  bool said_text = false;
  for (const pugi::xml_node& child : node.children()) {
    const bool text = child.type() == pugi::node_pcdata || child.type() == pugi::node_cdata;
    if (text && !rule->takes_text && !said_text && !trim(child.value()).empty()) {
      report(FindingLevel::kWarning, 12200, where(node), "text here is ignored", "put it inside <Say>");
      said_text = true;
    }
    // Speech markup inside <Say> has rules of its own.
    if (child.type() != pugi::node_element || name == "Say") continue;
    check_element(child, depth + 1);
  }
}

void TwimlChecker::check_attributes(const pugi::xml_node& node, const TwimlRule& rule) {
  for (const pugi::xml_attribute& attribute : node.attributes()) {
    const std::string_view name = attribute.name();
    if (in_word_list(rule.attributes, name)) continue;
    if (rule.name == "Response" && name.starts_with("xmlns")) continue;
    const std::string_view meant = word_ignoring_case(rule.attributes, name);
    report(FindingLevel::kWarning, rule.name == "Response" && name == "version" ? 12101 : 12200,
           where(node) + " " + std::string(name),
           meant.empty() ? "Twilio does not know this attribute" : "attribute names are case-sensitive: it is ignored",
           meant.empty() ? "remove it" : "write " + std::string(meant));
  }
}

void TwimlChecker::check_connect_order(const pugi::xml_node& root, const pugi::xml_node& connect) {
  for (const pugi::xml_node& verb : root.children()) {
    if (verb == connect) break;
    const std::string_view name = verb.name();
    if (name == "Play" || name == "Say" || name == "Pause") {
      report(FindingLevel::kWarning, 0, where(verb),
             "<" + std::string(name) + "> before <Connect> delays the stream by its length",
             "let the agent greet inside the stream (TWIML_PLAY_GREETING=false)");
    }
  }
  const bool has_fallback = connect.next_sibling() || !std::string_view(connect.attribute("action").value()).empty();
  if (!has_fallback) {
    report(FindingLevel::kWarning, 0, where(connect),
           "no action and no verb after it: if the socket fails, the call just ends", "give <Connect> an action");
  }
}

void TwimlChecker::check_order(const pugi::xml_node& root) {
  bool unreachable = false;
  std::string stopper;
  bool stream = false;
  for (const pugi::xml_node& verb : root.children()) {
    if (verb.type() != pugi::node_element) continue;
    const std::string_view name = verb.name();
    if (unreachable) {
      report(FindingLevel::kNote, 0, where(verb), "it is never reached after <" + stopper + ">",
             "remove it, or move it up");
      break;
    }
    if (name == "Connect") {
      check_connect_order(root, verb);
      stream = stream || verb.child("Stream");
      if (!verb.first_child()) {
        report(FindingLevel::kError, 12200, where(verb), "<Connect> holds nothing to connect to",
               "put a <Stream> inside");
      }
    }
    unreachable = name == "Redirect" || name == "Hangup" || name == "Reject";
    stopper = name;
  }
  if (options_.expect_stream && !stream) {
    report(FindingLevel::kError, 0, "document",
           "the call is never connected to a stream: the caller hears nothing of the agent",
           "answer with <Connect><Stream url=\"wss://…\">");
  }
}

}  // namespace detail

std::string_view to_string(FindingLevel level) {
  switch (level) {
    case FindingLevel::kError:
      return "error";
    case FindingLevel::kWarning:
      return "warning";
    case FindingLevel::kNote:
      return "note";
  }
  return "unknown";
}

std::vector<TwimlFinding> check_twiml(std::string_view document, const TwimlCheckOptions& options) {
  return detail::TwimlChecker(document, options).run();
}

bool has_errors(const std::vector<TwimlFinding>& findings) {
  return std::any_of(findings.begin(), findings.end(),
                     [](const TwimlFinding& finding) { return finding.level == FindingLevel::kError; });
}

}  // namespace al::twilio
