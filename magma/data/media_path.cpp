#include "magma/data/media_path.h"

#include "magma/core/error.h"
#include "magma/core/file.h"

namespace magma {

void require_below(const std::string& folder, const std::string& path) {
  const Path root = Path(folder.empty() ? "." : folder).lexically_normal();
  const Path below = Path(path).lexically_normal().lexically_relative(root);
  if (!below.empty() && *below.begin() != "..") return;
  throw Error(ErrorCode::Refused,
              {.what = "a name leaves the folder of pictures", .expected = "a path below the folder", .got = path});
}

MediaPath media_path(const std::string& folder, std::string_view name) {
  if (name.empty() || name.find('\0') != std::string_view::npos) {
    throw Error(ErrorCode::Malformed,
                {.what = "not the name of a file", .expected = "a path below the folder", .got = std::string(name)});
  }
  const Path below = Path(name).lexically_normal();
  if (below.is_absolute() || *below.begin() == "..") {
    throw Error(ErrorCode::Refused, {.what = "a name leaves the folder of pictures",
                                     .expected = "a path below the folder",
                                     .got = std::string(name)});
  }
  // Normalised: behind a link ".." would be somewhere else.
  return {std::string(name), (Path(folder) / below).string()};
}

MediaPath picture_path(const std::string& folder, std::string_view name) {
  const std::string known = replaced(name, "ming2web_images", "mind2web_images");
  const std::string_view below = known;
  return media_path(folder, below.substr(below.starts_with('/') ? 1 : 0));
}

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string result;
  for (size_t begin = 0;;) {
    const size_t at = text.find(from, begin);
    result += text.substr(begin, at - begin);
    if (at == std::string_view::npos) return result;
    result += to;
    begin = at + from.size();
  }
}

}  // namespace magma
