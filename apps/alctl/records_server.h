// A running server's /api, as a RecordSource and for sending. Blocking; one thread.
#pragma once

#include <memory>
#include <string>

#include "alctl/records_source.h"

namespace al::alctl {

inline constexpr std::string_view kUsualServer = "http://127.0.0.1:8080";

// `url`: "http://host:port", any path is cut off. kUsage: not such an address.
[[nodiscard]] Found<std::unique_ptr<RecordSource>> server_source(const std::string& url, std::string api_key);
[[nodiscard]] Found<nlohmann::json> send_through(const std::string& url, std::string api_key,
                                                 const OutgoingText& message);

}  // namespace al::alctl
