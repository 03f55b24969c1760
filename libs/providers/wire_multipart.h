// A multipart/form-data body (RFC 7578) for audio uploads, built in memory. Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace al::providers {

class MultipartBody {
 public:
  // `boundary`: 1-70 characters of [A-Za-z0-9'()+_,-./:=?]. The caller picks one that no part contains; 128 random bits
  // are enough.
  explicit MultipartBody(std::string boundary);

  void add_field(std::string_view name, std::string_view value);
  // A quote, CR or LF in `name` or `filename` is percent-encoded, as browsers do.
  void add_file(std::string_view name, std::string_view filename, std::string_view content_type,
                std::string_view bytes);

  [[nodiscard]] std::string content_type() const;  // "multipart/form-data; boundary=…"
  [[nodiscard]] std::string finish() &&;           // the whole body with its closing delimiter

 private:
  void open_part(std::string_view name);

  std::string boundary_;
  std::string body_;
};

}  // namespace al::providers
