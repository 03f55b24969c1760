#include "core/secret.h"

#include <climits>
#include <cstdio>
#include <cstdlib>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

namespace al {
namespace {

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "fatal: libcrypto: %s\n", what);
  std::abort();
}

template <std::size_t N>
std::array<std::uint8_t, N> digest(const EVP_MD* kind, std::string_view data) {
  std::array<std::uint8_t, N> out{};
  unsigned int size = 0;
  if (EVP_Digest(data.data(), data.size(), out.data(), &size, kind, nullptr) != 1 || size != N)
    give_up("digest failed");
  return out;
}

template <std::size_t N>
std::array<std::uint8_t, N> keyed_digest(const EVP_MD* kind, std::string_view key, std::string_view data) {
  std::array<std::uint8_t, N> out{};
  unsigned int size = 0;
  // A null key means "the key of the previous call" to HMAC(): an empty key needs an address.
  const char* key_data = key.empty() ? "" : key.data();
  if (key.size() > INT_MAX ||
      HMAC(kind, key_data, static_cast<int>(key.size()), bytes_of(data), data.size(), out.data(), &size) == nullptr ||
      size != N) {
    give_up("HMAC failed");
  }
  return out;
}

constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase64Url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string encode64(std::string_view bytes, std::string_view alphabet, bool padded) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t have = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = (group << 8) | (k < have ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      if (k <= have) {
        out += alphabet[(group >> (18 - 6 * k)) & 63u];
      } else if (padded) {
        out += '=';
      }
    }
  }
  return out;
}

Result<std::string> decode64(std::string_view text, std::string_view alphabet) {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    values[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
  }
  std::string out;
  out.reserve(text.size() / 4 * 3 + 3);
  std::uint32_t bits = 0;
  int bit_count = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int value = values[static_cast<unsigned char>(text[i])];
    if (value < 0) return fail(Errc::kMalformed, "base64: illegal character at " + std::to_string(i));
    bits = (bits << 6) | static_cast<std::uint32_t>(value);
    bit_count += 6;
    if (bit_count >= 8) {
      bit_count -= 8;
      out += static_cast<char>((bits >> bit_count) & 0xFFu);
    }
  }
  const bool lone_character = text.size() % 4 == 1;
  const bool bits_left = (bits & ((1u << bit_count) - 1u)) != 0;
  if (lone_character || bits_left) return fail(Errc::kMalformed, "base64: the text ends inside a byte");
  return out;
}

}  // namespace

Sha1Digest sha1(std::string_view data) {
  return digest<20>(EVP_sha1(), data);
}
Sha256Digest sha256(std::string_view data) {
  return digest<32>(EVP_sha256(), data);
}
Sha1Digest hmac_sha1(std::string_view key, std::string_view data) {
  return keyed_digest<20>(EVP_sha1(), key, data);
}
Sha256Digest hmac_sha256(std::string_view key, std::string_view data) {
  return keyed_digest<32>(EVP_sha256(), key, data);
}

std::string random_bytes(std::size_t count) {
  std::string out(count, '\0');
  if (count > INT_MAX ||
      (count > 0 && RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(count)) != 1)) {
    give_up("the operating system gives no random bytes");
  }
  return out;
}

std::string random_token(std::size_t byte_count) {
  return base64url_encode(random_bytes(byte_count));
}

bool constant_time_equal(std::string_view a, std::string_view b) {
  return a.size() == b.size() && (a.empty() || CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0);
}

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15u];
  }
  return out;
}

Result<std::string> from_hex(std::string_view hex) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  if (hex.size() % 2 != 0) return fail(Errc::kMalformed, "hex: odd number of digits");
  std::string out;
  out.reserve(hex.size() / 2);
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const int high = digit(hex[i]);
    const int low = digit(hex[i + 1]);
    if (high < 0 || low < 0) return fail(Errc::kMalformed, "hex: illegal digit near " + std::to_string(i));
    out += static_cast<char>(high * 16 + low);
  }
  return out;
}

std::string base64_encode(std::string_view bytes) {
  return encode64(bytes, kBase64, true);
}
std::string base64url_encode(std::string_view bytes) {
  return encode64(bytes, kBase64Url, false);
}

Result<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return fail(Errc::kMalformed, "base64: the length is no multiple of 4");
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  return decode64(text, kBase64);
}

Result<std::string> base64url_decode(std::string_view text) {
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  return decode64(text, kBase64Url);
}

}  // namespace al
