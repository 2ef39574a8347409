// Finding the version folder of a data set by its name.
#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "magma/core/error.h"
#include "magma/data/rlds_dataset.h"

namespace magma {
namespace {

using Version = std::array<int, 3>;

std::optional<Version> parse_version(std::string_view text) {
  Version version{};
  for (size_t i = 0; i < version.size(); ++i) {
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), version[i]);
    if (failed != std::errc() || version[i] < 0) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    if (i + 1 == version.size()) break;
    if (!text.starts_with('.')) return std::nullopt;
    text.remove_prefix(1);
  }
  return text.empty() ? std::optional(version) : std::nullopt;
}

bool is_name(const std::string& part) {
  return !part.empty() && part != "." && part != ".." && part.find_first_of(std::string("/\\\0", 3)) == part.npos;
}

// Folder, without the version; Usage for what is no reference.
Path folder_of(const Path& root, const std::string& reference, const std::string& names) {
  const size_t slash = names.find('/');
  const std::string name = names.substr(0, slash);
  const std::string config = slash == names.npos ? std::string() : names.substr(slash + 1);
  if (is_name(name) && (slash == names.npos || is_name(config)))
    return config.empty() ? root / name : root / name / config;
  throw Error(ErrorCode::Usage,
              {.what = "not the name of a data set", .expected = "name[/config][:version]", .got = reference});
}

}  // namespace

Path find_version_folder(const Path& root, const std::string& reference) {
  const size_t colon = reference.find(':');
  const Path folder = folder_of(root, reference, reference.substr(0, colon));
  const std::string wanted = colon == reference.npos ? std::string() : reference.substr(colon + 1);
  if (colon != reference.npos && !parse_version(wanted)) {
    throw Error(ErrorCode::Usage, {.what = "not a version", .expected = "x.y.z", .got = wanted});
  }
  std::optional<std::pair<Version, Path>> best;
  std::error_code unreadable;
  for (const auto& entry : std::filesystem::directory_iterator(folder, unreadable)) {
    const std::optional<Version> version = parse_version(entry.path().filename().string());
    if (!version || !is_rlds_folder(entry.path())) continue;
    if (!wanted.empty() && parse_version(wanted) != version) continue;
    if (!best || best->first < *version) best = {*version, entry.path()};
  }
  if (best) return best->second;
  throw Error(ErrorCode::FileSystem, {.file = folder.string(),
                                      .what = "no version of this data set here",
                                      .expected = wanted.empty() ? "a folder named x.y.z with features.json and "
                                                                   "dataset_info.json"
                                                                 : wanted});
}

}  // namespace magma
