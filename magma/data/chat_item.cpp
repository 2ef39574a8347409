#include "magma/data/chat_item.h"

#include <algorithm>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/limits.h"
#include "magma/data/media_path.h"
#include "magma/data/placeholders.h"
#include "magma/text/white_space.h"

namespace magma {
namespace {

Error wrong_type(const std::string& file, std::string where, const char* expected, const Json& got) {
  return {ErrorCode::Malformed,
          {.file = file,
           .where = std::move(where),
           .what = "wrong type",
           .expected = expected,
           .got = got.is_null() ? "null" : got.type_name()}};
}

// A video is named by a string or by the first element of a list.
bool names_video(const Json& item) {
  const auto video = item.find("video");
  if (video == item.end() || video->is_null()) return false;
  if (video->is_array()) return !video->empty() && !video->front().is_null();
  return !video->is_string() || !video->get_ref<const std::string&>().empty();
}

std::vector<ChatTurn> parse_turns(const JsonObject& item, const std::string& file, const std::string& where) {
  const Json& list = item.array("conversations");
  if (list.empty()) {
    throw Error(ErrorCode::Malformed, {.file = file,
                                       .where = where + "/conversations",
                                       .what = "a conversation without messages",
                                       .expected = "at least one"});
  }
  std::vector<ChatTurn> turns;
  for (size_t i = 0; i < list.size(); ++i) {
    const JsonObject turn(list[i], file, fmt::format("{}/conversations/{}", where, i));
    const std::string from = turn.string("from");
    turns.push_back({from == "human" || from == "user" ? "user" : "assistant", turn.string("value")});
  }
  return turns;
}

std::vector<std::string> parse_images(const Json& image, const std::string& file, const std::string& where) {
  if (image.is_string()) return {image.get<std::string>()};
  if (!image.is_array() || image.empty()) {
    throw wrong_type(file, where + "/image", "a name, a list of names, or null", image);
  }
  std::vector<std::string> names;
  for (size_t i = 0; i < image.size(); ++i) {
    if (!image[i].is_string()) throw wrong_type(file, fmt::format("{}/image/{}", where, i), "a string", image[i]);
    names.push_back(image[i].get<std::string>());
  }
  return names;
}

}  // namespace

ChatItem parse_chat_item(const Json& item, const std::string& file, const std::string& where) {
  const JsonObject object(item, file, where);
  if (names_video(item)) {
    throw Error(
        ErrorCode::Refused,
        {.file = file,
         .where = where + "/video",
         .what = "a video in a data set of pictures",
         .hint = "say by data.tags which family of videos it is: ego4d, sthv2, exoego4d, epic, youcook2, coin"});
  }
  ChatItem result;
  result.turns = parse_turns(object, file, where);
  const auto image = item.find("image");
  result.text_only = image == item.end() || image->is_null();
  if (!result.text_only) result.images = parse_images(*image, file, where);
  return result;
}

ChatReader::ChatReader(const ReaderOptions& options)
    : options_(options), items_(options.path), folder_(media_folder(options.image_folder, items_)) {
  const auto side =
      static_cast<int>(bounded(options.config.image_size, 1, limits().frame_side_max_px, "data.image_size"));
  black_ = std::make_shared<Image>(Size{side, side});
}

ChatItem ChatReader::item(int64_t index) const {
  return changed(parse_chat_item(items_.item(index), items_.file(index), items_.where(index)));
}

void ChatReader::add_pictures(const ChatItem& item, Sample& sample) const {
  const bool start_end = options_.config.image_start_end;
  int64_t placeholders = 0;
  for (const ChatTurn& turn : item.turns) {
    placeholders += item.text_only ? 0 : count_images(turn.text);
    sample.messages.push_back({turn.role, item.text_only ? plain(turn.text) : normalised(turn.text, start_end)});
  }
  if (item.text_only) {
    PromptText& first = sample.messages[1].content;
    const PromptText line = image_lines(1, start_end);
    first.insert(first.begin(), line.begin(), line.end());
    sample.images.push_back({.pixels = black_});
    sample.num_crops = 1;
    return;
  }
  if (placeholders != static_cast<int64_t>(item.images.size())) {
    throw Error(ErrorCode::Malformed, {.what = "not as many pictures as <image> in the conversation",
                                       .expected = fmt::format("{} pictures", placeholders),
                                       .got = std::to_string(item.images.size())});
  }
  for (const std::string& name : item.images) {
    const MediaPath media = picture_path(folder_, name);
    sample.images.push_back({.name = media.name, .path = media.path});
  }
}

Sample ChatReader::read(int64_t index) const {
  return read_item(items_, index, [&] {
    Sample sample;
    sample.origin = origin(index);
    sample.tag = options_.tag;
    sample.messages.push_back(system_message());
    add_pictures(item(index), sample);
    return sample;
  });
}

Reader::Length ChatReader::length(int64_t index) const {
  try {
    const ChatItem known = item(index);
    Length length{0, !known.text_only};
    for (const ChatTurn& turn : known.turns) length.words += count_words(turn.text);
    return length;
  } catch (const Error&) {
    return {};  // reading it will say what is wrong
  }
}

}  // namespace magma
