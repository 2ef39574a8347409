// Texts of a conversation with what stands in them for pictures, traces and actions. Only a placeholder that this
// program inserts is a trusted part; the same letters in the text of a file stay text. Source: data_formats.md 5.4 and
// ruling 3.
#pragma once

#include <cstdint>
#include <string_view>

#include "magma/text/chat_template.h"

namespace magma {

inline constexpr std::string_view kImagePlaceholder = "<image>";
inline constexpr std::string_view kActionPlaceholder = "<action>";

ChatMessage system_message();

// "<image>" or, with `start_end`, "<image_start><image><image_end>", and a line's end; `images` times.
PromptText image_lines(int64_t images, bool start_end);

int64_t count_images(std::string_view text);  // occurrences of "<image>"

// A message about pictures as a file has it: every "<image>" in it is a placeholder and moves to its front.
PromptText normalised(std::string_view text, bool start_end);

// A question of magma/text/prompts.h: the `images` placeholders at its front are ours, the rest is text.
PromptText prompt(std::string_view question, int64_t images, bool start_end);

// An answer about traces; with `start_end` the future positions stand between <trace_start> and <trace_end>.
PromptText trace_prompt(std::string_view answer, bool start_end);

PromptText action_prompt();  // seven placeholders, one for each number of an action

PromptText plain(std::string_view text);

}  // namespace magma
