// ItemList: the items of one or several annotation files as one list, less those that a family leaves out.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "magma/data/item_file.h"
#include "magma/data/sample.h"

namespace magma {

class ItemList {
 public:
  // `configured`: data_formats.md 6.1: a file, or "dir/a+b".
  explicit ItemList(const std::string& configured);

  // Leaves out the items for which `keep` returns false. An item for which it throws an Error stays, so that reading
  // it says what is wrong with it.
  void filter(const std::function<bool(int64_t index)>& keep);

  int64_t size() const { return static_cast<int64_t>(places_.size()); }
  Json item(int64_t index) const;              // errors name the file
  std::string_view text(int64_t index) const;  // as it is written; empty where there is no text
  Origin origin(int64_t index) const;          // base name of the file, number of the item in it
  std::string file(int64_t index) const;       // as configured, for errors
  std::string where(int64_t index) const;      // "item 3", for errors
  std::string id(int64_t index) const;         // "name.json#3": seeds what is drawn for an item
  const std::vector<Path>& files() const { return paths_; }

 private:
  struct Place {
    size_t file;
    int64_t item;
  };
  const Place& place(int64_t index) const { return places_[static_cast<size_t>(index)]; }

  std::vector<Path> paths_;
  std::vector<std::unique_ptr<ItemFile>> files_;
  std::vector<Place> places_;
};

// The pictures' root: as configured, else the folder of the first annotation file.
std::string media_folder(const std::string& configured, const ItemList& items);

// `read`, whose errors then name the file and the item where they name none.
template <typename Read>
auto read_item(const ItemList& items, int64_t index, const Read& read) {
  try {
    return read();
  } catch (const Error& error) {
    const bool elsewhere = !error.fields().file.empty();  // in a picture or trace of the item: its own place counts
    throw elsewhere ? error : error.with_file(items.file(index)).with_where(items.where(index));
  }
}

}  // namespace magma
