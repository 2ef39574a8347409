#include "magma/model/magma.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <span>

#include <fmt/core.h>

#include "magma/core/check.h"
#include "magma/core/error.h"
#include "magma/kernel/matmul.h"
#include "magma/model/decoder.h"
#include "magma/model/gguf_model.h"
#include "magma/model/precision.h"
#include "magma/model/tower.h"
#include "magma/model/weight_names.h"

namespace magma {
namespace {

struct NativeSequences final : Sequences {
  int64_t count() const override { return static_cast<int64_t>(caches.size()); }
  int64_t length(int64_t row) const override { return caches.at(static_cast<size_t>(row)).length(); }
  void truncate(int64_t row, int64_t length) override { caches.at(static_cast<size_t>(row)).truncate(length); }
  std::vector<KvCache> caches;
};

class NativeNetwork final : public Network {
 public:
  NativeNetwork(const MagmaConfig& config, int threads, CacheFormat cache)
      : config_(config), team_(threads), cache_(cache) {}

  void take_weights(WeightLoader& loader, int64_t vocabulary) {
    if (config_.vision) {
      tower_ = Towers::make("convnext");
      tower_->take_weights(loader, *config_.vision);
      projector_.take_weights(loader, *config_.vision, config_.text.hidden_size);
    }
    decoder_.take_weights(loader, config_.text, vocabulary);
  }

  void prepare() {
    if (tower_) {
      tower_->prepare();
      projector_.prepare();
    }
    decoder_.prepare();
  }

  const MagmaConfig& config() const override { return config_; }
  int64_t vocabulary() const override { return decoder_.vocabulary(); }

  std::vector<Tensor> encode_images(const std::vector<ImageInput>& images, const EncodeOptions& options) override {
    if (images.empty()) return {};
    if (!tower_) refuse_images();
    for (const ImageInput& image : images) require_crops(image);
    const std::string strategy = options.strategy.empty() ? config_.vision->anyres_strategy : options.strategy;
    MAGMA_CHECK(strategy == "crop" || strategy == "global", "strategy {}", strategy);
    const std::vector<Tensor> features =
        strategy == "crop" ? crop_features(images, options.sink) : global_features(images, options.sink);
    std::vector<Tensor> tokens;
    for (size_t k = 0; k < images.size(); ++k) {
      tokens.push_back(projector_.tokens(features[k], team_));
      if (options.sink) options.sink(fmt::format("image_tokens.{}", k), tokens.back());
    }
    return tokens;
  }

  Prefilled prefill(const std::vector<Prompt>& prompts, const PrefillOptions& options) override {
    std::vector<Ids> ids;
    std::vector<Tensor> images;
    std::vector<int64_t> image_rows;
    for (const Prompt& prompt : prompts) {
      ids.push_back(prompt.ids);
      for (const Tensor& image : prompt.images) {
        images.push_back(image);
        image_rows.push_back(image.dim(0));
      }
      require_images(prompt);
    }
    const auto rows = merged_places(ids, image_rows, config_.image_token_index);
    const Layout layout = layout_of(rows, options.padding);
    DecoderRoom room;  // of its own: as large as the prompt, it does not outlive it
    decoder_.make_room(layout.places(), room);
    embed(rows, images, room.x.mutable_floats());
    if (options.sink) {
      options.sink("inputs_embeds", layout.padded(room.x));
      options.sink("attention_mask", layout.attention_mask());
      options.sink("position_ids", layout.position_ids());
    }
    auto sequences = std::make_unique<NativeSequences>();
    for (size_t r = 0; r < rows.size(); ++r) sequences->caches.push_back(decoder_.empty_cache(cache_));
    std::vector<Segment> segments;
    for (size_t r = 0; r < rows.size(); ++r) segments.push_back({&sequences->caches[r], layout.lengths[r]});
    StageSink padded;
    if (options.sink) padded = [&](const std::string& name, const Tensor& v) { options.sink(name, layout.padded(v)); };
    decoder_.forward(segments, {padded, options.linear_inputs}, room, team_);
    Tensor logits = logits_of(options.all_logits ? room.normed : last_places(room.normed, layout));
    return {std::move(sequences), options.all_logits ? layout.padded(logits) : std::move(logits)};
  }

  const Tensor& decode(Sequences& sequences, const std::vector<std::optional<int64_t>>& ids) override {
    next_.clear();
    for (const std::optional<int64_t>& id : ids) next_.push_back(id ? std::span(&*id, 1) : std::span<const int64_t>());
    const Tensor& some = advance(sequences);
    if (some.dim(0) == static_cast<int64_t>(ids.size())) return some;
    const int64_t V = vocabulary();
    renew({static_cast<int64_t>(ids.size()), V}, spread_logits_);
    float* to = spread_logits_.mutable_floats();
    const float* from = some.floats();
    for (const std::optional<int64_t>& id : ids) {
      if (id) {
        to = std::copy_n(from, V, to);
        from += V;
      } else {
        to = std::fill_n(to, V, 0.0F);
      }
    }
    return spread_logits_;
  }

  const Tensor& extend(Sequences& sequences, const std::vector<Ids>& ids) override {
    next_.assign(ids.begin(), ids.end());
    return advance(sequences);
  }

  int64_t few_tokens() const override { return kFewRows; }

 private:
  [[noreturn]] void refuse_images() const {
    throw Error(ErrorCode::Usage, {.file = config_.file,
                                   .where = "images",
                                   .what = "the model sees no images",
                                   .expected = "text alone",
                                   .hint = "use a model folder with a vision tower"});
  }

  static void require_crops(const ImageInput& image) {
    const Tensor& crops = image.crops;
    const bool right = crops.rank() == 4 && crops.dim(0) == image.grid.rows * image.grid.cols && crops.dim(0) > 0 &&
                       crops.dim(1) == 3 && crops.dim(2) == crops.dim(3) && crops.dim(2) > 0 && crops.dim(2) % 32 == 0;
    if (right) return;
    throw Error(ErrorCode::Usage,
                {.where = "crops of an image",
                 .what = "wrong shape",
                 .expected = fmt::format("[{}, 3, b, b], b a multiple of 32", image.grid.rows * image.grid.cols),
                 .got = shape_text(crops.shape())});
  }

  void require_images(const Prompt& prompt) const {
    if (!tower_ && !prompt.images.empty()) refuse_images();
    const int64_t token = config_.image_token_index;
    const auto places = token < 0 ? 0 : std::count(prompt.ids.begin(), prompt.ids.end(), token);
    if (places == static_cast<std::ptrdiff_t>(prompt.images.size()) && !prompt.ids.empty()) return;
    throw Error(ErrorCode::Usage, {.where = "prompt",
                                   .what = prompt.ids.empty() ? "is empty" : "image tokens and images differ in number",
                                   .expected = fmt::format("{} images", places),
                                   .got = std::to_string(prompt.images.size())});
  }

  // All crops of all images through the tower as one batch. -> [H, W, C] of each image
  std::vector<Tensor> crop_features(const std::vector<ImageInput>& images, const StageSink& sink) {
    int64_t crops = 0;
    for (const ImageInput& image : images) crops += image.crops.dim(0);
    const int64_t b = images.front().crops.dim(2);
    Tensor all = Tensor::uninitialised({crops, 3, b, b});
    float* to = all.mutable_floats();
    for (const ImageInput& image : images) {
      MAGMA_CHECK(image.crops.dim(2) == b, "crops of {} and of {} in one call", b, image.crops.dim(2));
      to = std::copy_n(image.crops.floats(), image.crops.count(), to);
    }
    const Tensor features = tower_->features(all, sink, team_);  // [crops, h, w, C]
    std::vector<Tensor> result;
    const float* from = features.floats();
    for (size_t k = 0; k < images.size(); ++k) {
      const Shape shape = {images[k].crops.dim(0), features.dim(1), features.dim(2), features.dim(3)};
      Tensor part = Tensor::uninitialised(shape);
      std::copy_n(from, part.count(), part.mutable_floats());
      from += part.count();
      if (sink) sink(fmt::format("features.{}", k), part);
      result.push_back(stitched(part, images[k].grid));
    }
    return result;
  }

  // Each image as one picture.
  std::vector<Tensor> global_features(const std::vector<ImageInput>& images, const StageSink& sink) {
    std::vector<Tensor> result;
    for (size_t k = 0; k < images.size(); ++k) {
      StageSink named;
      if (sink) {
        named = [&](const std::string& name, const Tensor& v) {
          sink(k == 0 ? name : fmt::format("{}.{}", name, k), v);
        };
      }
      const Tensor features = tower_->features(stitched_picture(images[k].crops, images[k].grid), named, team_);
      result.push_back(features.reshaped({features.dim(1), features.dim(2), features.dim(3)}));
      if (sink) sink(fmt::format("features.{}", k), result.back());
    }
    return result;
  }

  // The pass of the next tokens of each row -> [sum, V]. What it needs is kept: no token allocates it anew.
  const Tensor& advance(Sequences& sequences) {
    auto& native = dynamic_cast<NativeSequences&>(sequences);
    MAGMA_CHECK(next_.size() == native.caches.size(), "ids for {} of {} rows", next_.size(), native.caches.size());
    segments_.clear();
    int64_t places = 0;
    for (size_t r = 0; r < next_.size(); ++r) {
      if (next_[r].empty()) continue;
      segments_.push_back({&native.caches[r], static_cast<int64_t>(next_[r].size())});
      places += segments_.back().rows;
    }
    decoder_.make_room(places, room_);
    float* to = room_.x.mutable_floats();
    for (const auto row : next_) {
      for (const int64_t id : row) {
        decoder_.embed(id, to);
        to += decoder_.width();
      }
    }
    decoder_.forward(segments_, {}, room_, team_);
    renew({places, vocabulary()}, logits_);
    decoder_.logits(room_.normed.floats(), places, logits_.mutable_floats(), team_);
    return logits_;
  }

  // The same memory again, unless its shape changes or somebody kept what the last pass gave.
  static void renew(std::array<int64_t, 2> sides, Tensor& tensor) {
    const bool fits = tensor.defined() && !tensor.shared() && tensor.dim(0) == sides[0] && tensor.dim(1) == sides[1];
    if (!fits) tensor = Tensor::uninitialised({sides[0], sides[1]});
  }

  Tensor logits_of(const Tensor& hidden) {
    Tensor logits = Tensor::uninitialised({hidden.dim(0), vocabulary()});
    decoder_.logits(hidden.floats(), hidden.dim(0), logits.mutable_floats(), team_);
    return logits;
  }

  void embed(const std::vector<std::vector<Place>>& rows, const std::vector<Tensor>& images, float* to) const {
    const int64_t D = decoder_.width();
    for (const auto& row : rows) {
      for (const Place& place : row) {
        if (place.image < 0) {
          decoder_.embed(place.id, to);
        } else {
          const Tensor& tokens = images[static_cast<size_t>(place.image)];
          MAGMA_CHECK(tokens.dim(1) == D, "image tokens {} for a width of {}", shape_text(tokens.shape()), D);
          std::copy_n(tokens.floats() + place.image_row * D, D, to);
        }
        to += D;
      }
    }
  }

  static Tensor last_places(const Tensor& hidden, const Layout& layout) {
    const int64_t D = hidden.dim(1);
    Tensor last = Tensor::uninitialised({static_cast<int64_t>(layout.lengths.size()), D});
    int64_t end = 0;
    for (size_t r = 0; r < layout.lengths.size(); ++r) {
      end += layout.lengths[r];
      std::copy_n(hidden.floats() + (end - 1) * D, D, last.mutable_floats() + static_cast<int64_t>(r) * D);
    }
    return last;
  }

  MagmaConfig config_;
  Team team_;
  CacheFormat cache_;
  std::unique_ptr<Tower> tower_;
  Projector projector_;
  Decoder decoder_;
  DecoderRoom room_;  // of the passes after the prompt, with what they take and give
  std::vector<std::span<const int64_t>> next_;
  std::vector<Segment> segments_;
  Tensor logits_, spread_logits_;
};

// The embedding's rows decide; what the configuration says must agree.
int64_t vocabulary_of(const MagmaConfig& config, const WeightMap& weights) {
  const auto found = weights.find(kEmbeddingWeight);
  if (found == weights.end() || found->second.rank() != 2) return config.text.vocab_size;
  const int64_t rows = found->second.dim(0);
  if (config.text.vocab_size == 0 || config.text.vocab_size == rows) return rows;
  throw Error(ErrorCode::Malformed, {.file = config.file,
                                     .where = config.text.vocab_size_pointer,
                                     .what = "differs from the rows of the embedding",
                                     .expected = std::to_string(rows),
                                     .got = std::to_string(config.text.vocab_size)});
}

}  // namespace

std::unique_ptr<Network> make_network(const MagmaConfig& config, const WeightMap& weights, const std::string& source,
                                      int threads, CacheFormat cache) {
  const WeightMap named = with_canonical_names(weights, source);
  auto network = std::make_unique<NativeNetwork>(config, threads, cache);
  WeightLoader loader(named, source);
  network->take_weights(loader, vocabulary_of(config, named));
  loader.ignore_if(is_unused_name);
  loader.finish();
  network->prepare();
  return network;
}

std::unique_ptr<Network> load_network(const Path& path, int threads, Precision precision, CacheFormat cache) {
  if (std::filesystem::is_regular_file(path)) {
    const GgufModel model = read_gguf_model(GgufFile(path), path.string(), threads, precision);
    return make_network(model.config, model.weights, path.string(), threads, cache);
  }
  const MagmaConfig config = read_model_config(path);
  WeightMap weights = map_weight_folder(path);
  convert_matrices(weights, precision);
  return make_network(config, weights, path.string(), threads, cache);
}

std::vector<std::pair<std::string, Shape>> tensors_of(const MagmaConfig& config, int64_t vocabulary) {
  WeightLoader recorder({}, config.file);
  NativeNetwork(config, 1, CacheFormat::F32).take_weights(recorder, vocabulary);
  return recorder.asked();
}

}  // namespace magma
