// What `magma logits` computes: prompts as ids, pictures as crops from a safetensors file.
#pragma once

#include <string>
#include <vector>

#include "magma/model/network.h"

namespace magma {

struct LogitCase {
  std::string name;
  std::vector<Ids> rows;
  std::vector<std::vector<ImageInput>> images;  // of each row
  std::string strategy;                         // empty: as the model says
  Padding padding = Padding::Left;
};

Ids parse_ids(const std::string& text);  // "1,2,3"; Error(Usage)

// "KEY=ROWSxCOLS": the tensor KEY of `pixels`, [ROWS * COLS, 3, b, b].
ImageInput read_crops(const std::string& text, const Path& pixels);

// A list of cases: {"cases": [{"name", "padding", "strategy", "rows": [{"input_ids", "pixels", "image_sizes"}]}]}.
// Rows without "pixels" are text alone; without any image `pixels` may be empty.
std::vector<LogitCase> read_logit_cases(const Path& path, const Path& pixels);

// Every stage and the logits of every place, as tensors of one file; with `decoded` > 0 also as many greedy tokens of
// each row, by the cache: greedy_ids [B, decoded] and the logits they were taken from, greedy_logits [B, decoded, V].
void write_logits(Network& network, const LogitCase& work, int64_t decoded, const Path& output);

}  // namespace magma
