#include "magma/data/item_list.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"

namespace magma {

ItemList::ItemList(const std::string& configured) : paths_(annotation_files(configured)) {
  for (const Path& path : paths_) {
    const std::unique_ptr<ItemFile>& file = files_.emplace_back(open_item_file(path));
    for (int64_t item = 0; item < file->size(); ++item) places_.push_back({files_.size() - 1, item});
  }
}

void ItemList::filter(const std::function<bool(int64_t index)>& keep) {
  std::vector<Place> kept;
  for (int64_t index = 0; index < size(); ++index) {
    bool stays = true;
    try {
      stays = keep(index);
    } catch (const Error&) {  // reading it will say so
    }
    if (stays) kept.push_back(place(index));
  }
  places_ = std::move(kept);
}

Json ItemList::item(int64_t index) const {
  try {
    return files_[place(index).file]->item(place(index).item);
  } catch (const Error& error) {
    throw error.with_file(file(index)).with_where(where(index));
  }
}

std::string_view ItemList::text(int64_t index) const { return files_[place(index).file]->text(place(index).item); }

Origin ItemList::origin(int64_t index) const {
  Origin origin;
  origin.file = paths_[place(index).file].filename().string();
  origin.item = place(index).item;
  return origin;
}

std::string ItemList::file(int64_t index) const { return paths_[place(index).file].string(); }

std::string ItemList::where(int64_t index) const { return files_[place(index).file]->where(place(index).item); }

std::string ItemList::id(int64_t index) const {
  return fmt::format("{}#{}", paths_[place(index).file].filename().string(), place(index).item);
}

std::string media_folder(const std::string& configured, const ItemList& items) {
  if (!configured.empty() || items.files().empty()) return configured;
  return items.files().front().parent_path().string();
}

}  // namespace magma
