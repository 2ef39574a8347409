// Network: the seam between the engines (native here; others may come) and everything that talks to the model.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "magma/model/model_config.h"
#include "magma/model/projector.h"
#include "magma/model/splice.h"
#include "magma/model/stages.h"

namespace magma {

struct ImageInput {
  Tensor crops;  // [rows * cols, 3, b, b] f32, normalised
  CropGrid grid;
};

struct EncodeOptions {
  std::string strategy;  // "crop", "global"; empty: as the configuration says
  StageSink sink{};      // ladder.stem, ladder.stage.I, features.K, image_tokens.K
};

struct Prompt {
  Ids ids;                     // one image token per image
  std::vector<Tensor> images;  // tokens [n, D], in the order of the ids
};

// A batch of sequences that are being continued.
class Sequences {
 public:
  virtual ~Sequences() = default;
  virtual int64_t count() const = 0;
  virtual int64_t length(int64_t row) const = 0;           // merged, with everything decoded so far
  virtual void truncate(int64_t row, int64_t length) = 0;  // its first `length` places stay
};

struct PrefillOptions {
  bool all_logits = false;  // of every place instead of the last one of each row
  Padding padding = Padding::Left;
  StageSink sink{};  // inputs_embeds, attention_mask, position_ids, hidden.layer.I, hidden.final
  // What linear layers are given, [places, inputs]: layer.I.attention (queries, keys and values), layer.I.output,
  // layer.I.mlp (gate and up), layer.I.down, head.
  StageSink linear_inputs{};
};

struct Prefilled {
  std::unique_ptr<Sequences> sequences;
  Tensor logits;  // [B, V], or [B, L, V] with zeros where padded
};

class Network {
 public:
  virtual ~Network() = default;
  virtual const MagmaConfig& config() const = 0;
  virtual int64_t vocabulary() const = 0;

  virtual std::vector<Tensor> encode_images(const std::vector<ImageInput>& images, const EncodeOptions& options) = 0;
  virtual Prefilled prefill(const std::vector<Prompt>& prompts, const PrefillOptions& options) = 0;
  // The next token of each row; none: the row has ended and gets zeros for logits. -> [B, V]. What decode() and
  // extend() give is there until the next call of either; a copy of it stays.
  virtual const Tensor& decode(Sequences& sequences, const std::vector<std::optional<int64_t>>& ids) = 0;
  // The next tokens of each row, none or several -> the logits after each of them, rows end to end [sum, V].
  virtual const Tensor& extend(Sequences& sequences, const std::vector<Ids>& ids) = 0;
  // Up to so many tokens in one decode() or extend(), all rows together, logits are the same bits whatever else is in
  // it.
  virtual int64_t few_tokens() const = 0;
};

}  // namespace magma
