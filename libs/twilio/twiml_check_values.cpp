// Attribute values, URLs and texts of single elements.
#include <charconv>

#include "core/text.h"
#include "twilio/twiml_checker.h"
#include "twilio/url_parts.h"

namespace al::twilio::detail {
namespace {

constexpr std::size_t kMaxParameter = 500;    // name and value of a <Parameter> together
constexpr std::size_t kMaxSayEncoded = 4500;  // URL-encoded (13521)
// Languages that <Say> is known to speak, by primary subtag (Twilio: voice/twiml/say/text-speech).
constexpr std::string_view kSayLanguages =
    "af ar bg bn ca cmn cs cy da de el en es et eu fi fil fr gl gu he hi hu id is it iw ja kn ko lt lv ml mr ms nb nl "
    "pa "
    "pl pt ro ru sk sr sv ta te th tr uk ur vi yue zh arb";

bool is_loopback(std::string_view host) {
  return host == "127.0.0.1" || host == "localhost" || host == "[::1]";
}

// "https://h:1/x" or "h:1" -> "h:1"
std::string_view host_and_port(std::string_view text) {
  const std::size_t mark = text.find("://");
  if (mark != std::string_view::npos) text.remove_prefix(mark + 3);
  return text.substr(0, text.find_first_of("/?#"));
}

}  // namespace

void TwimlChecker::check_values(const pugi::xml_node& node) {
  const std::string_view name = node.name();
  for (const pugi::xml_attribute& attribute : node.attributes()) {
    const std::string_view key = attribute.name();
    const bool is_url = key == "action" || key == "statusCallback" || key == "recordingStatusCallback" ||
                        key == "transcribeCallback" || key == "partialResultCallback" || key == "waitUrl";
    if (is_url) check_url(node, key, attribute.value(), false);
    if (key.ends_with("ethod")) {
      const std::string_view value = attribute.value();
      if (value != "GET" && value != "POST") {
        report(FindingLevel::kWarning, 12200, where(node) + " " + std::string(key), "'" + std::string(value) + "'",
               "GET or POST");
      }
    }
  }
  if (name == "Stream" && std::string_view(node.parent().name()) != "Stop") check_stream(node);
  if (name == "Say") check_say(node);
  if (name == "Record") check_record(node);
  if (name == "Play" && !node.attribute("digits")) check_url(node, "text", trim(node.child_value()), false);
  if (name == "Redirect") check_url(node, "text", trim(node.child_value()), false);
  if (name == "Pause") check_number(node, "length", 0, 180, 13910);
  if (name == "Parameter") {
    const std::size_t size = std::string_view(node.attribute("name").value()).size() +
                             std::string_view(node.attribute("value").value()).size();
    if (!node.attribute("name") || std::string_view(node.attribute("name").value()).empty()) {
      report(FindingLevel::kError, 12200, where(node), "a <Parameter> without a name is lost", "give it a name");
    }
    if (size >= kMaxParameter) {
      report(FindingLevel::kError, 0, where(node),
             "name and value are " + std::to_string(size) + " characters together", "stay under 500");
    }
  }
}

void TwimlChecker::check_number(const pugi::xml_node& node, const char* attribute, long min, long max, int code) {
  if (!node.attribute(attribute)) return;
  const std::string_view text = node.attribute(attribute).value();
  long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (!text.empty() && error == std::errc() && end == text.data() + text.size() && value >= min && value <= max) return;
  report(FindingLevel::kWarning, code, where(node) + " " + attribute,
         "'" + std::string(text) + "' is not a number from " + std::to_string(min) + " to " + std::to_string(max),
         "Twilio uses its default instead");
}

void TwimlChecker::check_url(const pugi::xml_node& node, std::string_view what, std::string_view url, bool socket) {
  const std::string at = where(node) + " " + std::string(what);
  if (url.empty()) {
    report(FindingLevel::kError, socket ? 31923 : 11100, at, "the URL is empty", "give an absolute URL");
    return;
  }
  if (std::any_of(url.begin(), url.end(), [](char c) { return static_cast<unsigned char>(c) <= ' '; })) {
    report(FindingLevel::kError, socket ? 31923 : 11100, at, "the URL holds a blank or a control character",
           "percent-encode it");
  }
  const UrlParts parts = split_url(url);
  if (parts.scheme.empty()) {
    report(FindingLevel::kNote, 0, at, "'" + std::string(url) + "' is relative to the document's own URL",
           "absolute URLs are safer");
    return;
  }
  const std::string_view host = parts.host;
  if (host == "http" || host == "https" || host == "ws" || host == "wss" ||
      parts.rest.find("://") != std::string_view::npos) {
    report(FindingLevel::kError, socket ? 31923 : 11100, at, "'" + std::string(url) + "' has a scheme inside the host",
           "the host setting must be a bare name: agent.example.com");
    return;
  }
  const std::string_view wanted = socket ? "wss" : "https";
  const bool insecure_ok =
      options_.allow_insecure_loopback && is_loopback(host) && parts.scheme == wanted.substr(0, wanted.size() - 1);
  if (parts.scheme != wanted && !insecure_ok) {
    const bool plain = !socket && parts.scheme == "http";
    report(FindingLevel::kError,
           socket  ? 31922
           : plain ? 0
                   : 11100,
           at, "the scheme is " + std::string(parts.scheme) + "://", "use " + std::string(wanted) + "://");
  }
  if (options_.expected_host.empty()) return;
  const std::string authority = std::string(parts.host) + (parts.port.empty() ? "" : ":" + std::string(parts.port));
  const std::string_view expected = host_and_port(options_.expected_host);
  if (!equal_ignore_case(authority, expected) && std::string_view(node.name()) != "Play") {
    report(FindingLevel::kError, 0, at, "the host is '" + authority + "', expected '" + std::string(expected) + "'",
           "set PUBLIC_BASE_URL to the address Twilio uses");
  }
}

void TwimlChecker::check_stream(const pugi::xml_node& node) {
  const std::string_view url = node.attribute("url").value();
  check_url(node, "url", url, true);
  if (url.find('?') != std::string_view::npos) {
    report(FindingLevel::kError, 31920, where(node) + " url", "the query string is silently removed by Twilio",
           "hand values over as <Parameter name=… value=…> or in the path");
  }
  const std::string_view track = node.attribute("track").value();
  const bool connect = std::string_view(node.parent().name()) == "Connect";
  if (connect && !track.empty() && track != "inbound_track") {
    report(FindingLevel::kError, 31941, where(node) + " track", "<Connect> streams only inbound_track",
           "leave track out");
  }
  if (!connect && !track.empty() && !in_word_list("inbound_track outbound_track both_tracks", track)) {
    report(FindingLevel::kError, 31941, where(node) + " track", "'" + std::string(track) + "'",
           "inbound_track, outbound_track or both_tracks");
  }
  if (std::string_view(node.parent().name()) == "Start") {
    report(FindingLevel::kWarning, 0, where(node), "<Start><Stream> only listens: the agent cannot speak on it",
           "use <Connect><Stream>");
  }
}

void TwimlChecker::check_say(const pugi::xml_node& node) {
  std::string text;
  for (const pugi::xml_node& child : node.children()) {
    if (child.type() == pugi::node_pcdata || child.type() == pugi::node_cdata) text += child.value();
    if (child.type() == pugi::node_element) text += child.text().as_string();
  }
  if (trim(text).empty() && node.first_child().type() != pugi::node_element) {
    report(FindingLevel::kError, 13520, where(node), "there is nothing to say", "leave the <Say> out");
  }
  // Every byte outside ASCII becomes three characters.
  std::size_t encoded = 0;
  for (const char c : text) encoded += static_cast<unsigned char>(c) < 0x80 ? 1 : 3;
  if (encoded > kMaxSayEncoded) {
    report(FindingLevel::kError, 13521, where(node),
           "the text is too long once encoded (" + std::to_string(encoded) + ")",
           "at most about 4500, that is 700 Hebrew letters: split it");
  }
  const std::string_view language = node.attribute("language").value();
  const std::string primary = to_lower_ascii(language.substr(0, language.find('-')));
  if (!language.empty() && !in_word_list(kSayLanguages, primary)) {
    report(FindingLevel::kError, 0, where(node) + " language", "Twilio cannot speak '" + std::string(language) + "'",
           "play a clip with <Play> instead");
  }
  const std::string_view voice = node.attribute("voice").value();
  if ((primary == "he" || primary == "iw") && !voice.starts_with("Google.he-IL-")) {
    report(FindingLevel::kError, 0, where(node) + " voice", "Hebrew is spoken by Google voices only, and none is named",
           "voice=\"Google.he-IL-Standard-A\", or play a clip");
  }
  check_number(node, "loop", 0, 1000, 13510);
}

void TwimlChecker::check_record(const pugi::xml_node& node) {
  if (!node.attribute("action")) {
    report(FindingLevel::kError, 11100, where(node),
           "without action Twilio asks this document's URL again: an endless loop",
           "give action= the URL that thanks and hangs up");
  }
  check_number(node, "maxLength", 1, 14400, 13612);
  check_number(node, "timeout", 0, 600, 13613);
  if (std::string_view(node.attribute("transcribe").value()) == "true") {
    report(FindingLevel::kWarning, 0, where(node) + " transcribe", "transcription is US English only and is billed",
           "leave it out");
  }
}

}  // namespace al::twilio::detail
