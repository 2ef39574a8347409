// Names of pictures, videos and traces in annotations, and the files below the media folder that they mean.
#pragma once

#include <string>
#include <string_view>

namespace magma {

struct MediaPath {
  std::string name;  // below the folder
  std::string path;
};

// Error(Refused) for a name that is absolute or leaves `folder` by "..", Malformed for an empty one and for one with a
// zero byte. Links in the folder are whose it is to lay: pictures on other disks are reached by them.
MediaPath media_path(const std::string& folder, std::string_view name);
// Error(Refused) when `path` is not below `folder` by its name.
void require_below(const std::string& folder, const std::string& path);

// As annotations of pictures name them (data_formats.md 5.2): "ming2web_images" is "mind2web_images", one leading "/"
// does not count.
MediaPath picture_path(const std::string& folder, std::string_view name);

// `text` with every `from` replaced by `to`, which may hold `from`.
std::string replaced(std::string_view text, std::string_view from, std::string_view to);

}  // namespace magma
