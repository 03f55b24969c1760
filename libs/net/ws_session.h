// The server's side of one WebSocket, over any transport: decodes what arrives, answers pings and closes, keeps one
// bounded queue of whole frames for what the socket does not take, and watches the three silences (not authenticated,
// nothing received, close not answered). A transport derives from it and moves bytes. On its loop's thread only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "net/connection.h"
#include "net/http_server.h"
#include "net/ws_frame.h"

namespace al::net {

class WsSession : public Connection, public WsConnection {
 public:
  WsSession(ServerLoop& server, const WsRoute& route, std::shared_ptr<WsHandler> handler);
  ~WsSession() override;

  // After the 101 has been written. `early` are bytes that came with the upgrade request. False: could not be set up.
  bool open(std::string_view early);
  void keep(std::shared_ptr<const void> owner_of_route) { kept_ = std::move(owner_of_route); }

  SendResult send_text(std::string_view text) override;
  std::size_t drop_queued() override;
  void close(std::uint16_t code, std::string_view reason) override;
  void mark_authenticated() override;
  [[nodiscard]] Loop& loop() override { return server_.loop; }
  [[nodiscard]] WsStats stats() const override;

  void drop() override;
  void finish(std::uint16_t websocket_code) override { close(websocket_code, "server is stopping"); }
  void stop_keeping_alive() override {}

 protected:
  // ---- what a transport does
  virtual bool start_transport() = 0;
  // Writes as much as goes at once; fewer bytes (also 0) = wait_for_room() will be asked for. Negative: broken.
  virtual std::ptrdiff_t write_some(std::span<const std::uint8_t> bytes) = 0;
  virtual void wait_for_room(bool wanted) = 0;
  virtual void shut_down_writing() = 0;
  virtual void close_transport() = 0;

  // ---- what a transport reports
  // Decodes `bytes` (in place). What is incomplete is kept.
  void received(std::span<std::uint8_t> bytes, Timestamp now);
  void peer_gone(Timestamp now);  // end of stream or error
  void flush();                   // there is room again

 private:
  enum class State {
    kOpen,
    kClosing,    // our close frame is queued or sent; waiting for the peer's
    kLingering,  // both closed (or we failed it): waiting for the peer to end the connection
    kDead
  };

  std::size_t decode(std::span<std::uint8_t> bytes, Timestamp now);
  void handle_event(const WsEvent& event, Timestamp now);
  void handle_close(const WsEvent& event);
  void handle_violation(const WsViolation& violation);
  void keep_rest(std::span<const std::uint8_t> rest);
  SendResult send_frame(WsOpcode opcode, std::string_view payload, std::size_t bound);
  SendResult enqueue(std::span<const std::uint8_t> header, std::string_view payload, std::size_t skip);
  void send_close_frame(std::uint16_t code, std::string_view reason);
  void linger();
  void note_close(std::uint16_t code, bool by_us, std::string_view reason);
  void end(Timestamp now);
  void broken();
  void on_timer(Timestamp now);
  void arm_timer(Timestamp now);
  [[nodiscard]] std::size_t queued() const { return queue_.size() - queue_begin_; }

  std::shared_ptr<const void> kept_;
  const WsRoute& route_;
  std::shared_ptr<WsHandler> handler_;
  WsDecoder decoder_;
  State state_ = State::kOpen;
  bool opened_ = false;
  bool authenticated_ = false;
  bool close_sent_ = false;
  bool close_received_ = false;
  bool close_noted_ = false;
  CloseInfo close_info_;

  std::vector<std::uint8_t> rest_;  // the beginning of a frame whose end has not come
  std::string queue_;               // frames that the socket did not take; [queue_begin_, end)
  std::size_t queue_begin_ = 0;
  std::vector<std::uint32_t> queued_frames_;  // sizes of what is left of them, oldest first
  std::size_t first_frame_ = 0;               // index of the oldest

  Timer timer_;
  Timestamp opened_at_{};
  Timestamp last_received_{};
  Timestamp last_ping_{};
  Timestamp close_deadline_{};
  WsStats stats_;
};

}  // namespace al::net
