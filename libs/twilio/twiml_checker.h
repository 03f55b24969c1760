// The walk over one TwiML document. Private to the checker; see twiml_check.h.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <pugixml.hpp>

#include "twilio/twiml_check.h"
#include "twilio/twiml_rules.h"

namespace al::twilio::detail {

class TwimlChecker {
 public:
  TwimlChecker(std::string_view document, const TwimlCheckOptions& options) : document_(document), options_(options) {}

  [[nodiscard]] std::vector<TwimlFinding> run();

 private:
  static constexpr std::size_t kMaxFindings = 100;

  void report(FindingLevel level, int code, std::string at, std::string message, std::string cure) {
    if (findings_.size() < kMaxFindings)
      findings_.push_back({level, code, std::move(at), std::move(message), std::move(cure)});
  }

  [[nodiscard]] std::string position(std::size_t offset) const {
    const std::string_view before = document_.substr(0, std::min(offset, document_.size()));
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    return "line " + std::to_string(line) + ", byte " + std::to_string(offset);
  }
  [[nodiscard]] std::string where(const pugi::xml_node& node) const {
    const auto offset = static_cast<std::size_t>(std::max<std::ptrdiff_t>(node.offset_debug(), 0));
    const std::string_view before = document_.substr(0, std::min(offset, document_.size()));
    return "line " + std::to_string(1 + std::count(before.begin(), before.end(), '\n')) + ", <" + node.name() + ">";
  }

  void check_envelope();
  void check_content_type();
  void check_element(const pugi::xml_node& node, int depth);
  void check_attributes(const pugi::xml_node& node, const TwimlRule& rule);
  void check_values(const pugi::xml_node& node);
  void check_stream(const pugi::xml_node& node);
  void check_say(const pugi::xml_node& node);
  void check_record(const pugi::xml_node& node);
  void check_number(const pugi::xml_node& node, const char* attribute, long min, long max, int code);
  void check_url(const pugi::xml_node& node, std::string_view what, std::string_view url, bool socket);
  void check_order(const pugi::xml_node& root);
  void check_connect_order(const pugi::xml_node& root, const pugi::xml_node& connect);

  std::string_view document_;
  const TwimlCheckOptions& options_;
  std::vector<TwimlFinding> findings_;
};

}  // namespace al::twilio::detail
