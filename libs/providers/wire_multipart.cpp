#include "providers/wire_multipart.h"

#include <utility>

namespace al::providers {
namespace {

void append_quoted(std::string& out, std::string_view text) {
  out.push_back('"');
  for (const char c : text) {
    switch (c) {
      case '"':
        out.append("%22");
        break;
      case '\r':
        out.append("%0D");
        break;
      case '\n':
        out.append("%0A");
        break;
      default:
        out.push_back(c);
    }
  }
  out.push_back('"');
}

}  // namespace

MultipartBody::MultipartBody(std::string boundary) : boundary_(std::move(boundary)) {}

void MultipartBody::open_part(std::string_view name) {
  body_.append("--").append(boundary_).append("\r\nContent-Disposition: form-data; name=");
  append_quoted(body_, name);
}

void MultipartBody::add_field(std::string_view name, std::string_view value) {
  open_part(name);
  body_.append("\r\n\r\n").append(value).append("\r\n");
}

void MultipartBody::add_file(std::string_view name, std::string_view filename, std::string_view content_type,
                             std::string_view bytes) {
  body_.reserve(body_.size() + bytes.size() + 256);
  open_part(name);
  body_.append("; filename=");
  append_quoted(body_, filename);
  body_.append("\r\nContent-Type: ").append(content_type).append("\r\n\r\n").append(bytes).append("\r\n");
}

std::string MultipartBody::content_type() const {
  return "multipart/form-data; boundary=" + boundary_;
}

std::string MultipartBody::finish() && {
  body_.append("--").append(boundary_).append("--\r\n");
  return std::move(body_);
}

}  // namespace al::providers
