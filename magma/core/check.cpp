#include "magma/core/check.h"

#include <string_view>

#include "magma/core/error.h"

namespace magma {

void fail_check(const char* file, int line, const char* condition, const std::string& text) {
  std::string_view place = file;  // the compiler's absolute path; only the part inside the project is shown
  const size_t root = place.rfind("/magma/");
  place.remove_prefix(root != std::string_view::npos ? root + 1 : place.rfind('/') + 1);
  throw Error(ErrorCode::Bug, {.where = fmt::format("{}:{}", place, line),
                               .what = "a check of the program failed, please report it",
                               .expected = condition,
                               .got = text});
}

}  // namespace magma
