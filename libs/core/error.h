// Errors as values. A Result<T> holds a T or an Error; exceptions stop at the edges of the libraries that throw them.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace al {

// The few things a caller can act on.
enum class Errc {
  kTimeout,      // a deadline passed; trying again may help
  kClosed,       // the peer or the session is gone
  kRejected,     // refused: credentials, permission, policy; trying again does not help
  kRateLimited,  // refused for now; wait, then try again
  kMalformed,    // input that cannot be read; the detail names what and where
  kUnsupported,  // understood, but not offered here
  kNotFound,     // no such thing
  kConflict,     // somebody else was first
  kInternal,     // our fault
};

[[nodiscard]] std::string_view to_string(Errc code);

// What went wrong. `detail` is for logs and operators: it names the thing that is wrong and never holds a secret.
struct Error {
  Errc code = Errc::kInternal;
  std::string detail;
  std::chrono::milliseconds retry_after{0};  // the peer asked to be left alone for so long; 0 = it did not say

  friend bool operator==(const Error&, const Error&) = default;
};

// "malformed: line 3: unknown key 'vad_engin' (did you mean 'vad_engine'?)"
[[nodiscard]] std::string to_string(const Error& error);

template <typename T>
using Result = tl::expected<T, Error>;

[[nodiscard]] inline tl::unexpected<Error> fail(Errc code, std::string detail) {
  return tl::unexpected<Error>(Error{code, std::move(detail)});
}
[[nodiscard]] inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace al
