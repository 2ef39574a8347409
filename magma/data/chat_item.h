// ChatItem: one item of a LLaVA-style annotation file, and the sample made of it. Source: data_formats.md 5.1, 5.2,
// 5.4 and 6.4.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "magma/core/json.h"
#include "magma/data/item_list.h"
#include "magma/data/reader.h"
#include "magma/data/sample.h"

namespace magma {

struct ChatTurn {
  std::string role;  // "user" or "assistant"
  std::string text;  // as the file has it
};

struct ChatItem {
  std::vector<ChatTurn> turns;      // at least one
  bool text_only = true;            // no "image", or null
  std::vector<std::string> images;  // as the file names them
};

// Error(Malformed) with the JSON pointer behind `where`; Error(Refused) for an item about a video.
ChatItem parse_chat_item(const Json& item, const std::string& file, const std::string& where);

// Samples of a list of chat items, whose families differ in what they leave out and change first.
class ChatReader : public Reader {
 public:
  explicit ChatReader(const ReaderOptions& options);

  int64_t size() const final { return items_.size(); }
  Sample read(int64_t index) const final;
  Origin origin(int64_t index) const final { return items_.origin(index); }
  std::vector<Path> files() const final { return items_.files(); }
  Length length(int64_t index) const final;

 protected:
  // The item as the family wants it, before pictures and placeholders are matched.
  virtual ChatItem changed(ChatItem item) const { return item; }
  ChatItem item(int64_t index) const;
  ItemList& items() { return items_; }
  const ReaderOptions& options() const { return options_; }

 private:
  void add_pictures(const ChatItem& item, Sample& sample) const;

  ReaderOptions options_;
  ItemList items_;
  std::string folder_;
  std::shared_ptr<const Image> black_;  // stands for the picture of a text that has none
};

}  // namespace magma
