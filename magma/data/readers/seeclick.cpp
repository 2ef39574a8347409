// Reader "seeclick": screenshots that exist with and without drawn marks. Source: data_formats.md 5.9.
#include <array>
#include <optional>

#include "magma/data/chat_item.h"
#include "magma/data/media_path.h"
#include "magma/data/placeholders.h"
#include "magma/text/white_space.h"

namespace magma {
namespace {

// The screenshot without marks; nullopt where there is none, on neither mobile nor web.
std::optional<std::string> original_path(std::string_view marked) {
  if (marked.find("mobile") != marked.npos) return replaced(marked, "combined_image_processed", "combined");
  if (marked.find("web") != marked.npos) return replaced(marked, "seeclick_web_imgs_processed", "seeclick_web_imgs");
  return std::nullopt;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Deletes every `prefix` that a number follows, and the number.
std::string without_numbered(std::string_view text, std::string_view prefix) {
  std::string result;
  for (size_t begin = 0;;) {
    size_t at = text.find(prefix, begin);
    while (at != text.npos && (at + prefix.size() == text.size() || !is_digit(text[at + prefix.size()]))) {
      at = text.find(prefix, at + 1);
    }
    result += text.substr(begin, at - begin);
    if (at == text.npos) return result;
    begin = at + prefix.size();
    while (begin < text.size() && is_digit(text[begin])) ++begin;
  }
}

struct Found {
  size_t begin, end;  // of the whole
  std::string name;
};

// `Picture 1: <img>NAME</img>` and a line's end, as SeeClick itself writes a picture.
std::optional<Found> find_picture(std::string_view text) {
  constexpr std::array<std::string_view, 3> kAround = {"Picture ", ": <img>", "</img>\n"};
  for (size_t begin = text.find(kAround[0]); begin != text.npos; begin = text.find(kAround[0], begin + 1)) {
    size_t at = begin + kAround[0].size();
    const size_t number = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    if (at == number || !text.substr(at).starts_with(kAround[1])) continue;
    at += kAround[1].size();
    const size_t close = text.find(kAround[2], at);
    if (close == text.npos) break;  // nor behind any later one
    return Found{begin, close + kAround[2].size(), std::string(text.substr(at, close - at))};
  }
  return std::nullopt;
}

class SeeClick final : public ChatReader {
 public:
  static constexpr const char* kSummary = "conversations about screenshots, with or without drawn marks";

  explicit SeeClick(const ReaderOptions& options) : ChatReader(options) {}

 private:
  ChatItem changed(ChatItem item) const override {
    if (item.text_only) take_pictures_from_text(item);
    const bool marked = options().config.seeclick_marked;
    if (item.text_only || (marked && !options().config.seeclick_original)) return item;
    std::vector<std::string> images;
    for (const std::string& name : item.images) {
      const std::optional<std::string> original = original_path(name);
      if (!original) return item;
      images.push_back(*original);
      if (marked) images.push_back(name);
    }
    item.images = std::move(images);
    for (ChatTurn& turn : item.turns) marked ? double_pictures(turn.text) : delete_marks(turn.text);
    return item;
  }

  static void double_pictures(std::string& text) { text = replaced(text, kImagePlaceholder, "<image>\n<image>"); }

  static void delete_marks(std::string& text) {
    for (const std::string_view prefix : {" Mark: ", " mark: "}) {
      text = std::string(stripped(without_numbered(text, prefix)));
    }
  }

  static void take_pictures_from_text(ChatItem& item) {
    for (ChatTurn& turn : item.turns) {
      if (turn.text.find(kImagePlaceholder) != std::string::npos) return;  // not written this way
    }
    for (ChatTurn& turn : item.turns) {
      std::string text;
      std::string_view rest = turn.text;
      for (auto found = find_picture(rest); found; found = find_picture(rest)) {
        text.append(rest.substr(0, found->begin)).append("<image>\n");
        rest.remove_prefix(found->end);
        item.images.push_back(std::move(found->name));
      }
      turn.text = text.append(rest);
    }
    item.text_only = item.images.empty();
  }
};

MAGMA_REGISTER(Readers, SeeClick);

}  // namespace
}  // namespace magma
