// Traces out of an answer's text. The form is that of `trace_answer` (magma/text/prompts.h); spaces and commas may
// differ, and the sentence about where the marks are may be missing. Source: model.md 6.6.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "magma/model/answer.h"

namespace magma {

// nullopt when any part of the text after "future positions are:" has another form. Places in grid cells; those of the
// future may lie beyond the picture.
std::optional<std::vector<AnsweredTrace>> read_traces(std::string_view text);

}  // namespace magma
