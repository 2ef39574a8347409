#include "magma/data/placeholders.h"

#include "magma/action/robot_action.h"
#include "magma/core/check.h"
#include "magma/data/media_path.h"
#include "magma/model/conversation.h"
#include "magma/text/prompts.h"

namespace magma {
namespace {

constexpr std::string_view kWrapped = "<image_start><image><image_end>";

void add(PromptText& parts, std::string_view text, bool trusted) {
  if (text.empty()) return;
  if (!parts.empty() && !trusted && !parts.back().trusted) {
    parts.back().text += text;
  } else {
    parts.push_back({std::string(text), trusted});
  }
}

std::string without(std::string_view text, std::string_view placeholder) {
  return replaced(replaced(text, std::string(placeholder) + "\n", ""), placeholder, "");
}

}  // namespace

ChatMessage system_message() { return {"system", plain(kSystemMessage)}; }

PromptText plain(std::string_view text) {
  PromptText parts;
  add(parts, text, false);
  return parts;
}

PromptText image_lines(int64_t images, bool start_end) {
  PromptText parts;
  for (int64_t i = 0; i < images; ++i) {
    add(parts, start_end ? kWrapped : kImagePlaceholder, true);
    add(parts, "\n", false);
  }
  return parts;
}

int64_t count_images(std::string_view text) {
  int64_t count = 0;
  for (size_t at = text.find(kImagePlaceholder); at != std::string_view::npos;
       at = text.find(kImagePlaceholder, at + kImagePlaceholder.size())) {
    ++count;
  }
  return count;
}

PromptText normalised(std::string_view text, bool start_end) {
  const int64_t images = count_images(text);
  if (images == 0) return plain(text);
  PromptText parts = image_lines(images, start_end);
  add(parts, without(start_end ? without(text, kWrapped) : std::string(text), kImagePlaceholder), false);
  return parts;
}

PromptText prompt(std::string_view question, int64_t images, bool start_end) {
  const std::string line = image_placeholder();
  for (int64_t i = 0; i < images; ++i) {
    MAGMA_CHECK(question.starts_with(line), "a question without its {} pictures", images);
    question.remove_prefix(line.size());
  }
  PromptText parts = image_lines(images, start_end);
  add(parts, question, false);
  return parts;
}

PromptText trace_prompt(std::string_view answer, bool start_end) {
  if (!start_end) return plain(answer);
  const size_t future = future_offset(answer);
  PromptText parts = plain(answer.substr(0, future));
  add(parts, "<trace_start>", true);
  add(parts, answer.substr(future), false);
  add(parts, "<trace_end>", true);
  return parts;
}

PromptText action_prompt() {
  PromptText parts;
  for (size_t i = 0; i < kActionNumbers; ++i) add(parts, kActionPlaceholder, true);
  return parts;
}

}  // namespace magma
