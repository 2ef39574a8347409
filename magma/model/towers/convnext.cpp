// Tower "convnext": the trunk of CLIP's ConvNeXt. Source: model.md 2 (timm convnext.py). Channels last throughout.
#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "magma/core/check.h"
#include "magma/core/log.h"
#include "magma/model/tower.h"
#include "magma/nn/conv.h"
#include "magma/nn/linear.h"
#include "magma/nn/norm.h"

namespace magma {
namespace {

constexpr const char* kPrefix = "vision_tower.clip_vision_model.trunk.";
constexpr int64_t kStemSide = 4, kDownsampleSide = 2;
constexpr int64_t kRowsAtOnce = 1920;  // of the MLP: its hidden layer stays in the caches
constexpr float kUntrainedGamma = 1e-5F;

struct Block {
  Tensor conv_weight, conv_bias, gamma;
  LayerNorm norm;
  Linear fc1, fc2;
};

struct Stage {
  LayerNorm downsample_norm;
  Linear downsample;
  std::vector<Block> blocks;
};

class Convnext final : public Tower {
 public:
  static constexpr const char* kSummary = "ConvNeXt trunk of CLIP: XXLarge, Large, Base";

  void take_weights(WeightLoader& loader, const VisionConfig& config) override {
    const std::string prefix = kPrefix;
    const float epsilon = config.epsilon;
    stem_ = take_convolution(loader, prefix + "stem.0", {config.dims[0], 3, kStemSide, kStemSide});
    stem_norm_ = LayerNorm(loader, prefix + "stem.1", config.dims[0], epsilon);
    for (size_t i = 0; i < 4; ++i) {
      const int64_t C = config.dims[i];
      const std::string name = fmt::format("{}stages.{}.", prefix, i);
      Stage stage;
      if (i > 0) {
        const int64_t before = config.dims[i - 1];
        stage.downsample_norm = LayerNorm(loader, name + "downsample.0", before, epsilon);
        stage.downsample =
            take_convolution(loader, name + "downsample.1", {C, before, kDownsampleSide, kDownsampleSide});
      }
      for (int64_t j = 0; j < config.depths[i]; ++j) {
        stage.blocks.push_back(take_block(loader, fmt::format("{}blocks.{}.", name, j), C, epsilon));
      }
      stages_.push_back(std::move(stage));
    }
  }

  void prepare() override {
    stem_norm_.prepare();
    for (size_t i = 0; i < stages_.size(); ++i) {
      Stage& stage = stages_[i];
      if (i > 0) stage.downsample_norm.prepare();
      float largest = 0;
      for (Block& block : stage.blocks) {
        block.conv_weight = depthwise_weights(block.conv_weight);
        block.conv_bias = block.conv_bias.as_f32();
        block.gamma = block.gamma.as_f32();
        block.norm.prepare();
        for (int64_t c = 0; c < block.gamma.count(); ++c)
          largest = std::max(largest, std::abs(block.gamma.floats()[c]));
      }
      if (largest <= kUntrainedGamma) {
        log(LogLevel::Warning, "vision tower, stage {}: every gamma is at most {}, as before training", i,
            kUntrainedGamma);
      }
    }
  }

  Tensor features(const Tensor& pictures, const StageSink& sink, Team& team) const override {
    MAGMA_CHECK(pictures.dim(2) % 32 == 0 && pictures.dim(3) % 32 == 0, "pictures {}", shape_text(pictures.shape()));
    Tensor x = stem_.forward(patches_of_planes(pictures, kStemSide, team), team);  // [N, H/4, W/4, C0]
    stem_norm_.forward(x.floats(), x.rows(), x.mutable_floats(), team);
    if (sink) sink("ladder.stem", planes_of_pixels(x));
    for (size_t i = 0; i < stages_.size(); ++i) {
      const Stage& stage = stages_[i];
      if (i > 0) {
        stage.downsample_norm.forward(x.floats(), x.rows(), x.mutable_floats(), team);
        x = stage.downsample.forward(patches_of_pixels(x, kDownsampleSide, team), team);  // [N, H/2, W/2, Ci]
      }
      Room room(x);
      for (const Block& block : stage.blocks) add_block(block, x, room, team);
      if (sink) sink(fmt::format("ladder.stage.{}", i), planes_of_pixels(x));
    }
    return x;
  }

 private:
  // A convolution whose patches do not overlap, as a linear layer on them.
  static Linear take_convolution(WeightLoader& loader, const std::string& name, const Shape& shape) {
    Tensor bias = loader.take(name + ".bias", {shape[0]});
    return {loader.take(name + ".weight", shape).reshaped({shape[0], shape[1] * shape[2] * shape[3]}), std::move(bias)};
  }

  static Block take_block(WeightLoader& loader, const std::string& name, int64_t C, float epsilon) {
    Block block;
    block.conv_weight = loader.take(name + "conv_dw.weight", {C, 1, 7, 7});
    block.conv_bias = loader.take(name + "conv_dw.bias", {C});
    block.norm = LayerNorm(loader, name + "norm", C, epsilon);
    block.fc1 = take_linear(loader, name + "mlp.fc1", {4 * C, C}, true);
    block.fc2 = take_linear(loader, name + "mlp.fc2", {C, 4 * C}, true);
    block.gamma = loader.take(name + "gamma", {C});
    return block;
  }

  // Of the blocks of a stage, one after the other: fresh memory is cleared by the system first.
  struct Room {
    explicit Room(const Tensor& x) : at_once(std::min(x.rows(), kRowsAtOnce)), y(Tensor::uninitialised(x.shape())) {}
    int64_t at_once;
    Tensor y, hidden, out;  // hidden, out: of weights that are not quantised
  };

  // x += gamma * mlp(norm(depthwise(x)))
  static void add_block(const Block& block, Tensor& x, Room& room, Team& team) {
    const int64_t C = x.dim(3), rows = x.rows(), at_once = room.at_once;
    depthwise_7x7(x, block.conv_weight, block.conv_bias, room.y, team);
    for (int64_t r = 0; r < rows; r += at_once) {
      const int64_t count = std::min(at_once, rows - r);
      float* part = room.y.mutable_floats() + r * C;
      block.norm.forward(part, count, part, team);
      add_gelu_pair({block.fc1, block.fc2, block.gamma.floats(), room.hidden, room.out}, part, count,
                    x.mutable_floats() + r * C, team);
    }
  }

  Linear stem_;
  LayerNorm stem_norm_;
  std::vector<Stage> stages_;
};

MAGMA_REGISTER(Towers, Convnext);

}  // namespace
}  // namespace magma
