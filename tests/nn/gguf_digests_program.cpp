// Prints name, shape and SHA-1 of the f32 and bf16 values of every tensor of a GGUF file, and the seconds they took.
#include <iostream>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "magma/core/clock.h"
#include "magma/core/error.h"
#include "magma/core/hash.h"
#include "magma/nn/gguf.h"

namespace magma {
namespace {

template <typename T>
std::string digest(const GgufFile& file, const std::string& name, double& seconds) {
  std::vector<T> values(static_cast<size_t>(file.tensor(name).count()));
  const Stopwatch stopwatch;
  file.read_rows(name, 0, std::span(values));
  seconds += stopwatch.seconds();
  return sha1_hex({reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)});
}

void print_digests(const char* path) {
  const GgufFile file{Path(path)};
  double seconds = 0, bf16_seconds = 0;
  for (const auto& [name, tensor] : file.tensors()) {
    std::cout << fmt::format("{} {} {} {}\n", name, fmt::join(tensor.shape, "x"), digest<float>(file, name, seconds),
                             digest<uint16_t>(file, name, bf16_seconds));
  }
  std::cerr << fmt::format("f32 {:.3f} s, bf16 {:.3f} s\n", seconds, bf16_seconds);
}

}  // namespace
}  // namespace magma

int main(int count, char** arguments) {
  try {
    if (count == 2) magma::print_digests(arguments[1]);
    return count == 2 ? 0 : 2;
  } catch (const magma::Error& error) {
    std::cerr << error.line() << "\n";
    return error.exit_code();
  }
}
