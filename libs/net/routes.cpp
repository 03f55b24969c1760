#include "net/routes.h"

#include <algorithm>

namespace al::net {
namespace {

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> segments;
  path.remove_prefix(1);
  while (true) {
    const std::size_t slash = path.find('/');
    segments.emplace_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

bool is_parameter(std::string_view segment) {
  return segment.starts_with('{') && segment.ends_with('}');
}

Result<int> rank_of(const std::string& pattern, const std::vector<std::string>& segments) {
  int rank = 0;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (segments[i] == "*") {
      if (i + 1 != segments.size())
        return fail(Errc::kMalformed, "route " + pattern + ": '*' must be the last segment");
      rank = 2;
    } else if (is_parameter(segments[i])) {
      if (segments[i].size() == 2) return fail(Errc::kMalformed, "route " + pattern + ": a parameter without a name");
      rank = std::max(rank, 1);
    }
  }
  return rank;
}

bool match_segments(const std::vector<std::string>& pattern, const std::vector<std::string>& path,
                    std::map<std::string, std::string>& parameters) {
  parameters.clear();
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == "*") {
      std::string rest;
      for (std::size_t j = i; j < path.size(); ++j) rest += (j == i ? "" : "/") + path[j];
      if (rest.empty()) return false;
      parameters["*"] = rest;
      return true;
    }
    if (i >= path.size()) return false;
    if (is_parameter(pattern[i])) {
      if (path[i].empty()) return false;
      parameters[pattern[i].substr(1, pattern[i].size() - 2)] = path[i];
    } else if (pattern[i] != path[i]) {
      return false;
    }
  }
  return pattern.size() == path.size();
}

void add_once(std::vector<std::string>& list, const std::string& value) {
  if (std::find(list.begin(), list.end(), value) == list.end()) list.push_back(value);
}

}  // namespace

Result<RouteTable> RouteTable::build(std::vector<Route> routes, std::vector<WsRoute> websockets) {
  RouteTable table;
  for (Route& route : routes) {
    if (!route.pattern.starts_with('/'))
      return fail(Errc::kMalformed, "route '" + route.pattern + "' does not begin with '/'");
    if (!route.handler) return fail(Errc::kMalformed, "route " + route.pattern + " has no handler");
    Entry entry;
    entry.segments = split_path(route.pattern);
    const Result<int> rank = rank_of(route.pattern, entry.segments);
    if (!rank) return fail(rank.error());
    entry.rank = *rank;
    for (const Entry& other : table.entries_) {
      if (other.route.pattern != route.pattern) continue;
      for (const std::string& method : route.methods) {
        if (std::find(other.route.methods.begin(), other.route.methods.end(), method) != other.route.methods.end())
          return fail(Errc::kConflict, "route " + method + " " + route.pattern + " is there twice");
      }
    }
    entry.route = std::move(route);
    table.entries_.push_back(std::move(entry));
  }
  std::stable_sort(table.entries_.begin(), table.entries_.end(),
                   [](const Entry& a, const Entry& b) { return a.rank < b.rank; });
  table.websockets_ = std::move(websockets);
  return table;
}

RouteTable::Match RouteTable::find(std::string_view method, std::string_view path) const {
  Match match;
  if (!path.starts_with('/')) return match;
  const std::vector<std::string> segments = split_path(path);
  for (const Entry& entry : entries_) {
    std::map<std::string, std::string> parameters;
    if (!match_segments(entry.segments, segments, parameters)) continue;
    for (const std::string& allowed : entry.route.methods) {
      const bool head = allowed == "GET" && method == "HEAD";
      if (allowed == method || head) {
        match.route = &entry.route;
        match.parameters = std::move(parameters);
        return match;
      }
      add_once(match.allowed, allowed);
      if (allowed == "GET") add_once(match.allowed, "HEAD");
    }
  }
  return match;
}

const WsRoute* RouteTable::find_websocket(std::string_view path) const {
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  for (const WsRoute& route : websockets_) {
    if (route.pattern == path) return &route;
  }
  return nullptr;
}

bool RouteTable::accepts_type(const Route& route, std::string_view content_type) {
  if (route.content_types.empty()) return true;
  content_type = content_type.substr(0, content_type.find(';'));
  while (!content_type.empty() && content_type.back() == ' ') content_type.remove_suffix(1);
  return std::any_of(route.content_types.begin(), route.content_types.end(),
                     [&](const std::string& type) { return equals_ignoring_case(type, content_type); });
}

}  // namespace al::net
