#include "audio/onnx_weights.h"

#include <bit>
#include <cstring>
#include <optional>

#include <fmt/format.h>

namespace al::audio {
namespace {

using Bytes = std::span<const std::uint8_t>;

// Field numbers of onnx.proto.
constexpr std::uint32_t kModelGraph = 7;
constexpr std::uint32_t kGraphNode = 1;
constexpr std::uint32_t kNodeAttribute = 5;
constexpr std::uint32_t kAttributeName = 1;
constexpr std::uint32_t kAttributeTensor = 5;
constexpr std::uint32_t kAttributeGraph = 6;
constexpr std::uint32_t kTensorDims = 1;
constexpr std::uint32_t kTensorType = 2;
constexpr std::uint32_t kTensorName = 8;
constexpr std::uint32_t kTensorRaw = 9;
constexpr std::uint64_t kTypeFloat = 1;

constexpr int kMaxDepth = 8;                       // graphs within graphs; Silero has 4
constexpr std::uint64_t kMaxElements = 1U << 24U;  // of one tensor; Silero's largest has 66,048

struct Field {
  std::uint32_t number = 0;
  std::uint64_t value = 0;  // varints
  Bytes bytes;              // everything with a length
};

// Walks the fields of one protobuf message.
class Fields {
 public:
  explicit Fields(Bytes rest) : rest_(rest) {}

  // nullopt at the end; broken() tells whether that was the real end.
  std::optional<Field> next() {
    if (rest_.empty() || broken_) return std::nullopt;
    const auto key = varint();
    if (!key) return std::nullopt;
    Field field;
    field.number = static_cast<std::uint32_t>(*key >> 3U);
    switch (*key & 7U) {
      case 0: {
        const auto value = varint();
        if (!value) return std::nullopt;
        field.value = *value;
        return field;
      }
      case 1:
        return take(field, 8);
      case 2: {
        const auto length = varint();
        if (!length) return std::nullopt;
        return take(field, *length);
      }
      case 5:
        return take(field, 4);
      default:
        broken_ = true;
        return std::nullopt;
    }
  }
  [[nodiscard]] bool broken() const { return broken_; }

 private:
  std::optional<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const std::uint8_t byte = rest_.front();
      rest_ = rest_.subspan(1);
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if (byte < 0x80U) return value;
    }
    broken_ = true;
    return std::nullopt;
  }
  std::optional<Field> take(Field field, std::uint64_t length) {
    if (length > rest_.size()) {
      broken_ = true;
      return std::nullopt;
    }
    field.bytes = rest_.first(static_cast<std::size_t>(length));
    rest_ = rest_.subspan(static_cast<std::size_t>(length));
    return field;
  }

  Bytes rest_;
  bool broken_ = false;
};

std::string_view text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class Reader {
 public:
  explicit Reader(std::string_view branch) : branch_(branch) {}

  bool graph(Bytes bytes, bool wanted, int depth) {
    if (depth > kMaxDepth) return fault("graphs are nested too deeply");
    Fields nodes(bytes);
    while (const auto node = nodes.next()) {
      if (node->number != kGraphNode) continue;
      Fields attributes(node->bytes);
      while (const auto a = attributes.next()) {
        if (a->number == kNodeAttribute && !attribute(a->bytes, wanted, depth)) return false;
      }
      if (attributes.broken()) return fault("a node is cut short");
    }
    return nodes.broken() ? fault("a graph is cut short") : true;
  }
  bool fault(std::string what) {
    if (error.empty()) error = std::move(what);
    return false;
  }

  std::map<std::string, Tensor> tensors;
  std::string error;

 private:
  bool attribute(Bytes bytes, bool wanted, int depth) {
    std::string_view name;
    std::optional<Bytes> tensor_bytes;
    std::optional<Bytes> graph_bytes;
    Fields fields(bytes);
    while (const auto f = fields.next()) {
      if (f->number == kAttributeName) name = text(f->bytes);
      if (f->number == kAttributeTensor) tensor_bytes = f->bytes;
      if (f->number == kAttributeGraph) graph_bytes = f->bytes;
    }
    if (fields.broken()) return fault("an attribute is cut short");
    if (graph_bytes && !graph(*graph_bytes, wanted || (depth == 0 && name == branch_), depth + 1)) return false;
    return !tensor_bytes || !wanted || tensor(*tensor_bytes);
  }

  bool tensor(Bytes bytes) {
    Tensor out;
    std::string_view name;
    std::uint64_t type = 0;
    Bytes raw;
    Fields fields(bytes);
    while (const auto f = fields.next()) {
      if (f->number == kTensorDims && !dims(*f, out.shape)) return false;
      if (f->number == kTensorType) type = f->value;
      if (f->number == kTensorName) name = text(f->bytes);
      if (f->number == kTensorRaw) raw = f->bytes;
    }
    if (fields.broken()) return fault("a tensor is cut short");
    if (type != kTypeFloat || name.empty()) return true;
    std::uint64_t elements = 1;
    for (const std::int64_t d : out.shape) {
      if (d < 1 || static_cast<std::uint64_t>(d) > kMaxElements / elements) {
        return fault(fmt::format("tensor {} has an impossible shape", name));
      }
      elements *= static_cast<std::uint64_t>(d);
    }
    if (raw.size() != elements * sizeof(float)) return fault(fmt::format("tensor {} has the wrong size", name));
    static_assert(std::endian::native == std::endian::little, "ONNX raw data is little-endian");
    out.values.resize(static_cast<std::size_t>(elements));
    std::memcpy(out.values.data(), raw.data(), raw.size());
    if (!tensors.emplace(name, std::move(out)).second) return fault(fmt::format("tensor {} is there twice", name));
    return true;
  }

  // Dimensions come one by one or packed into one field.
  bool dims(const Field& field, std::vector<std::int64_t>& shape) {
    constexpr std::size_t kMaxRank = 8;
    if (field.bytes.empty()) {
      shape.push_back(static_cast<std::int64_t>(field.value));
    } else {
      std::uint64_t value = 0;
      unsigned shift = 0;
      for (const std::uint8_t byte : field.bytes) {
        if (shift > 56) return fault("a dimension is too large");
        value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
        shift += 7;
        if (byte >= 0x80U) continue;
        shape.push_back(static_cast<std::int64_t>(value));
        value = 0;
        shift = 0;
      }
    }
    return shape.size() <= kMaxRank ? true : fault("a tensor has too many dimensions");
  }

  std::string_view branch_;
};

}  // namespace

Result<std::map<std::string, Tensor>> read_onnx_floats(std::span<const std::uint8_t> file, std::string_view branch) {
  Reader reader(branch);
  Fields model(file);
  while (const auto field = model.next()) {
    if (field->number == kModelGraph && !reader.graph(field->bytes, false, 0)) {
      return fail(Errc::kMalformed, "ONNX: " + reader.error);
    }
  }
  if (model.broken()) return fail(Errc::kMalformed, "not an ONNX file, or cut short");
  return std::move(reader.tensors);
}

}  // namespace al::audio
