// Replays a fuzz corpus, and every prefix-truncated and bit-flipped neighbour of it, through a libFuzzer target.
// This is how the corpus runs as an ordinary test with any compiler.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
  if (argc != 2 || !std::filesystem::is_directory(argv[1])) {
    std::fprintf(stderr, "usage: %s CORPUS_DIR (it must exist and hold at least one file)\n", argv[0]);
    return 2;
  }
  std::size_t files = 0;
  std::size_t inputs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    if (!entry.is_regular_file()) continue;
    ++files;
    std::ifstream in(entry.path(), std::ios::binary);
    std::vector<std::uint8_t> bytes((std::istreambuf_iterator<char>(in)), {});
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
    ++inputs;
    const std::size_t step = bytes.size() / 256 + 1;
    for (std::size_t i = 0; i < bytes.size(); i += step) {
      // A copy of exact size, so that AddressSanitizer sees a read past its end.
      const std::vector<std::uint8_t> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(i));
      LLVMFuzzerTestOneInput(cut.data(), cut.size());
      std::vector<std::uint8_t> flipped = bytes;
      flipped[i] = static_cast<std::uint8_t>(flipped[i] ^ (1U << (i % 8)));
      LLVMFuzzerTestOneInput(flipped.data(), flipped.size());
      inputs += 2;
    }
  }
  std::printf("%zu corpus files, %zu inputs\n", files, inputs);
  return files == 0 ? 1 : 0;
}
