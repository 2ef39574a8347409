// Sample: what a trainer learns from, before it becomes tokens: a conversation, its pictures, an action, and where all
// of it came from.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "magma/action/robot_action.h"
#include "magma/image/image.h"
#include "magma/text/chat_template.h"

namespace magma {

// Where in the files something lies; only what applies is set.
struct Origin {
  std::string file{};  // relative to the source
  std::optional<int64_t> record{}, offset{}, step{}, item{};
  std::optional<std::string> tensor{};
  std::string where() const;  // "record 3, step 7", for errors
};
void append_json(std::string& out, const Origin& origin);

// A picture, in the first of these forms that is set: drawn or decoded pixels, encoded bytes as stored, a file.
struct SampleImage {
  std::string name{};                            // below the image folder; empty for one that has no file of its own
  std::shared_ptr<const Image> pixels{};         // marks drawn, frame of a video, the black picture of a text
  std::shared_ptr<const std::string> encoded{};  // PNG or JPEG; no bytes at all: a camera that is not there, black
  std::string path{};
  // As the Open-X stream does before the processor: to a square of image_size by Lanczos, then augmented if configured.
  bool lanczos = false;
};

struct Sample {
  Origin origin;
  std::string tag;                      // of data_formats.md 6.2: "llava", "openx", ...
  std::string dataset{};                // of a robot: "bridge_orig"
  std::vector<ChatMessage> messages{};  // the system's first; placeholders are trusted parts, text of files never
  std::vector<SampleImage> images{};    // in the order of the placeholders
  std::optional<int64_t> num_crops{};   // of each picture, at most; none: as configured
  std::string language{};               // of a robot: lower-cased instruction; empty: none, batches leave it out
  std::optional<ActionNumbers> action{}, action_normalised{};
  bool stream_labels = false;  // loss by the rule of data_formats.md 2.11, else 5.5
};

// One line of `magma data show`, without its end.
void append_json(std::string& out, const Sample& sample);

std::string plain_text(const PromptText& parts);

}  // namespace magma
