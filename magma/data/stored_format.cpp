#include "magma/data/stored_format.h"

namespace magma {

FoundFormat find_stored_format(const Path& source) {
  if (!std::filesystem::is_directory(source)) require_readable_file(source);
  std::string known;
  for (const std::string& name : StoredFormats::names()) {
    std::unique_ptr<StoredFormat> format = StoredFormats::make(name);
    if (format->recognises(source)) return {name, std::move(format)};
    known += (known.empty() ? "" : ", ") + name;
  }
  throw Error(ErrorCode::Usage,
              {.file = source.string(), .what = "none of the kinds of data that are read", .expected = known});
}

}  // namespace magma
