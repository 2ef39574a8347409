// magma version: what this build is, and the processor it found.
#include "apps/magma/version.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "apps/magma/command.h"
#include "magma/kernel/matmul.h"
#include "magma/kernel/onednn.h"
#include "magma/kernel/quantised_matmul.h"

namespace magma {
namespace {

std::string instruction_sets() {
  std::string sets;
#if defined(__x86_64__)
  const auto add = [&sets](bool has, const char* name) {
    if (has) sets += sets.empty() ? name : std::string(" ") + name;
  };
  add(__builtin_cpu_supports("avx2") != 0, "avx2");
  add(__builtin_cpu_supports("fma") != 0, "fma");
  add(__builtin_cpu_supports("avx512f") != 0, "avx512f");
  add(__builtin_cpu_supports("avx512vnni") != 0, "avx512vnni");
  add(__builtin_cpu_supports("avx512bf16") != 0, "avx512bf16");
#endif
  return sets.empty() ? "baseline" : sets;
}

// What the products of the network run on.
std::string products() {
  const std::string& bf16 = onednn_bf16_instructions();
  const std::string own(matmul_instructions());
  const std::string quantised = "; quantised with " + instructions_name(best_quantised_instructions());
  return (bf16.empty() ? own : own + "; bf16 by oneDNN with " + bf16) + quantised;
}

class Version final : public Command {
 public:
  static constexpr const char* kSummary = "version, compiler and processor features";

  void options(CLI::App&) override {}
  std::string examples() const override { return "  magma version --json\n"; }
  int run(const Output& out) override {
    out.line("{}", version_line());
    out.line("processor: {}", instruction_sets());
    out.line("products: {}", products());
    out.value({{"version", version_number()},
               {"build", version_line()},
               {"processor", instruction_sets()},
               {"products", products()}});
    return 0;
  }
};

MAGMA_REGISTER(Commands, Version);

}  // namespace
}  // namespace magma
