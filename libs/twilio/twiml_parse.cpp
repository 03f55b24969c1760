#include "twilio/twiml_parse.h"

#include <algorithm>

#include <pugixml.hpp>

namespace al::twilio {
namespace {

constexpr int kMaxDepth = 16;

Result<TwimlElement> read_element(const pugi::xml_node& node, int depth) {
  if (depth > kMaxDepth) return fail(Errc::kMalformed, "TwiML is nested deeper than " + std::to_string(kMaxDepth));
  TwimlElement element;
  element.name = node.name();
  for (const pugi::xml_attribute& attribute : node.attributes()) element.attribute(attribute.name(), attribute.value());
  for (const pugi::xml_node& child : node.children()) {
    if (child.type() == pugi::node_pcdata || child.type() == pugi::node_cdata) element.text += child.value();
    if (child.type() != pugi::node_element) continue;
    auto read = read_element(child, depth + 1);
    if (!read) return read;
    element.children.push_back(std::move(*read));
  }
  return element;
}

}  // namespace

Result<TwimlElement> parse_twiml(std::string_view document) {
  if (document.size() > kMaxTwimlBytes) {
    return fail(Errc::kMalformed,
                "TwiML of " + std::to_string(document.size()) + " bytes, at most " + std::to_string(kMaxTwimlBytes));
  }
  pugi::xml_document xml;
  const pugi::xml_parse_result parsed = xml.load_buffer(document.data(), document.size(), pugi::parse_default);
  if (!parsed) {
    return fail(Errc::kMalformed,
                std::string("TwiML at byte ") + std::to_string(parsed.offset) + ": " + parsed.description());
  }
  const pugi::xml_node root = xml.document_element();
  if (std::string_view(root.name()) != "Response") {
    return fail(Errc::kMalformed, std::string("TwiML: the root is <") + root.name() + ">, not <Response>");
  }
  return read_element(root, 0);
}

std::string_view attribute_or(const TwimlElement& element, std::string_view key, std::string_view otherwise) {
  const auto found = std::find_if(element.attributes.begin(), element.attributes.end(),
                                  [&](const auto& attribute) { return attribute.first == key; });
  return found == element.attributes.end() ? otherwise : std::string_view(found->second);
}

}  // namespace al::twilio
