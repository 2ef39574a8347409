#include "tests/fuzz/fuzz_target.h"

#include <fstream>
#include <stdexcept>

#include "tests/support/temporary_folder.h"

namespace magma {

void demand(bool holds, const std::string& what) {
  if (!holds) throw std::logic_error("does not hold: " + what);
}

void demand_contract(const Error& error) {
  constexpr size_t kLongestLine = 512;
  demand(error.code() != ErrorCode::Bug, "input is never our own fault: " + error.line());
  demand(error.line().size() <= kLongestLine, "an error is at most 512 bytes: " + error.line());
  demand(error.line().find('\n') == std::string::npos, "an error is one line: " + error.line());
}

Path fuzz_folder(const std::string& target) {
  static const TemporaryFolder folder;
  const Path path = folder.path() / target;
  std::filesystem::create_directories(path);
  return path;
}

Path fuzz_file(const std::string& target, const std::string& name, std::string_view bytes) {
  const Path path = fuzz_folder(target) / name;
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return path;
}

}  // namespace magma
