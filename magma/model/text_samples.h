// Pieces of a text as a model is given them, alone and after pictures.
#pragma once

#include <vector>

#include "magma/core/file.h"
#include "magma/model/pretrained.h"

namespace magma {

struct TextSampleOptions {
  Path text;                 // UTF-8
  std::vector<Path> images;  // each stands before a piece of the text
  int64_t tokens = 0;        // of the text at most
  int64_t window = 512;      // tokens of one sequence
};

// One sequence: what the model is given, and how many of its last places are text.
struct TextSample {
  Ids ids;
  std::vector<Image> images;
  int64_t text_places = 0;
};

struct TextSamples {
  std::vector<TextSample> text, after_images;
};

// Error(Usage) for a text of fewer than `fewest` tokens, or images where the model sees none.
TextSamples text_samples(const PretrainedText& model, const TextSampleOptions& options, int64_t fewest);

Prompt prompt_of(const Pretrained& model, const TextSample& sample, int threads);

}  // namespace magma
