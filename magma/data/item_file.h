// ItemFile: the items of an annotation file by number: a JSON array, JSON lines, or a list saved by torch.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "magma/core/file.h"
#include "magma/core/json.h"

namespace magma {

class ItemFile {
 public:
  virtual ~ItemFile() = default;
  virtual int64_t size() const = 0;
  // Item `index`, from any thread. Malformed with line, column and byte for JSON. Of a torch file: tensors and arrays
  // become nested lists (one of a single number too: [n]), tuples lists, bytes text.
  virtual Json item(int64_t index) const = 0;
  // The item as it is written; empty for a torch file.
  virtual std::string_view text(int64_t index) const = 0;
  virtual std::string where(int64_t index) const = 0;  // "line 12", "item 3"
};

// .json, .jsonl or .pth by name. Files of gigabytes are fine: the text is mapped, only places are kept. What makes the
// file as a whole unreadable (not an array, cut) is thrown here, what is wrong with one item by item().
std::unique_ptr<ItemFile> open_item_file(const Path& path);

// "dir/a+b+c" -> dir/a.json, dir/b.json, dir/c.json; a path that ends in .json, .jsonl or .pth stays itself.
std::vector<Path> annotation_files(const std::string& configured);

}  // namespace magma
