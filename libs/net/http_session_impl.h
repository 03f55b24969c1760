// One HTTP/1.1 connection: reads a request, has it answered, writes the answer, and again. A template over the stream
// (plain or TLS), instantiated in http_session.cpp. On its loop's thread only; at most one operation of each kind runs.
#pragma once

#include <memory>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include "net/connection.h"
#include "net/routes.h"

namespace al::net {

// What a listener's connections share.
struct ListenerContext {
  std::string name;
  RouteTable routes;
  std::shared_ptr<boost::asio::ssl::context> tls;  // null: plain
};

// Starts serving `socket` on its loop's thread.
void start_http_session(ServerLoop& server, std::shared_ptr<const ListenerContext> listener,
                        boost::asio::ip::tcp::socket socket);

}  // namespace al::net
