// Which handler answers which request: matching of paths, methods and content types, without I/O. Immutable after
// build.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "net/http_server.h"

namespace al::net {

class RouteTable {
 public:
  // kMalformed: a pattern that does not begin with '/', an empty parameter, '*' elsewhere than at the end.
  // kConflict: the same method and pattern twice.
  static Result<RouteTable> build(std::vector<Route> routes, std::vector<WsRoute> websockets);

  struct Match {
    const Route* route = nullptr;      // nullptr: nothing for this path (404), or not with this method (405)
    std::vector<std::string> allowed;  // methods of the path, for the Allow header of a 405; empty: 404
    std::map<std::string, std::string> parameters;
  };
  // Exact patterns win over those with parameters, those over '*'. HEAD is answered by GET's route.
  [[nodiscard]] Match find(std::string_view method, std::string_view path) const;
  [[nodiscard]] const WsRoute* find_websocket(std::string_view path) const;

  // Is `content_type` (a header's value, perhaps with parameters) among those that the route takes?
  [[nodiscard]] static bool accepts_type(const Route& route, std::string_view content_type);

 private:
  struct Entry {
    Route route;
    std::vector<std::string> segments;  // of the pattern
    int rank = 0;                       // 0 exact, 1 with parameters, 2 with '*'
  };
  std::vector<Entry> entries_;  // by rank
  std::vector<WsRoute> websockets_;
};

}  // namespace al::net
