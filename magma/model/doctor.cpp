#include "magma/model/doctor.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include <fmt/core.h>

#include "magma/action/action_statistics.h"
#include "magma/core/interrupt.h"
#include "magma/model/conversation.h"
#include "magma/model/gguf_model.h"

namespace magma {
namespace {

// Larger than anything rounding does to logits of either path, smaller than a wrong position does.
constexpr float kSameLogits = 2e-2F;
constexpr int64_t kSteps = 4;

Image gradient(int side) {
  Image picture(Size{side, side});
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x) {
      uint8_t* pixel = picture.row(y) + static_cast<ptrdiff_t>(x) * 3;
      pixel[0] = static_cast<uint8_t>(255 * x / side);
      pixel[1] = static_cast<uint8_t>(255 * y / side);
      pixel[2] = 128;
    }
  }
  return picture;
}

float largest_difference(const Tensor& a, const Tensor& b) {
  float largest = 0, scale = 1;
  for (int64_t i = 0; i < a.count(); ++i) {
    largest = std::max(largest, std::fabs(a.floats()[i] - b.floats()[i]));
    scale = std::max(scale, std::fabs(a.floats()[i]));
  }
  return largest / scale;
}

class Examination {
 public:
  Examination(const Path& path, const LoadOptions& options, const std::function<void(const DoctorCheck&)>& report)
      : path_(path), options_(options), report_(report), folder_(std::filesystem::is_directory(path)) {}

  std::vector<DoctorCheck> run() {
    const bool configured = check("configuration", true, [this] { return configuration(); });
    const bool worded = check("tokenizer and template", configured, [this] { return text(); });
    check("images", worded && config_.vision.has_value(), [this] { return images(); });
    check("actions", worded && config_.vision.has_value(), [this] { return actions(); });
    const bool loaded = check("weights", configured, [this] { return weights(); });
    const bool fits = check("tokens have rows", worded && loaded, [this] { return rows(); });
    const bool answers = check("an answer", fits && model_->chat, [this] { return answer(); });
    check("cached as uncached", answers, [this] { return cached(); });
    return std::move(checks_);
  }

 private:
  template <typename Examine>
  bool check(const char* name, bool possible, const Examine& examine) {
    throw_if_interrupted();
    DoctorCheck result{.name = name, .detail = {}, .error = {}, .skipped = !possible};
    try {
      if (possible) result.detail = examine();
    } catch (const Error& error) {
      if (is_interruption(error.code())) throw;
      result.error = error;
    }
    report_(result);
    checks_.push_back(result);
    return possible && !result.error;
  }

  std::string configuration() {
    config_ = folder_ ? read_model_config(path_) : read_gguf_config(GgufFile(path_), path_.string());
    const TextConfig& text = config_.text;
    return fmt::format("{}, {} layers of {}, {} heads on {}; sees {}", text.model_type, text.num_hidden_layers,
                       text.hidden_size, text.num_attention_heads, text.num_key_value_heads,
                       config_.vision ? config_.vision->backbone : "nothing");
  }

  std::string text() {
    text_.emplace(load_pretrained_text(path_));
    std::string stops;
    for (const int64_t id : text_->stop_ids) {
      stops += fmt::format("{}{}", stops.empty() ? "" : " ", text_->tokenizer.bytes(static_cast<TokenId>(id)));
    }
    return fmt::format("{} tokens, {} before added ones; template {}; stops at {}", text_->tokenizer.size(),
                       text_->tokenizer.base_size(), text_->chat ? text_->chat->name() : "none",
                       stops.empty() ? "nothing" : stops);
  }

  std::string images() {
    const ImageProcessorConfig& images = text_->images->config();
    if (images.base_img_size != config_.img_size) {
      throw Error(ErrorCode::Malformed, {.file = (path_ / "preprocessor_config.json").string(),
                                         .where = "/base_img_size",
                                         .what = "differs from config.json's img_size",
                                         .expected = std::to_string(config_.img_size),
                                         .got = std::to_string(images.base_img_size)});
    }
    return fmt::format("up to {} crops of {} px, {}; {} is token {}", images.num_crops, images.base_img_size,
                       config_.vision->anyres_strategy, text_->image_text, config_.image_token_index);
  }

  std::string actions() {
    const auto table = ActionStatisticsTable::read(path_);
    std::string sets;
    for (const std::string& key : table.keys()) sets += (sets.empty() ? "" : ", ") + key;
    return fmt::format("ids {} to {}; statistics of {} ({})", text_->actions->first_id(), text_->actions->last_id(),
                       sets, table.source());
  }

  std::string weights() {
    network_ = load_network(path_, options_.threads, options_.precision, options_.cache);
    return fmt::format("every tensor once and right, {} rows of the embedding", network_->vocabulary());
  }

  std::string rows() {
    require_rows(*text_, network_->vocabulary());
    model_.emplace(Pretrained{std::move(*text_), std::move(network_)});
    return fmt::format("{} of {}", model_->tokenizer.size(), model_->network->vocabulary());
  }

  // A logit that is not finite ends it with an error.
  std::string answer() {
    const bool sees = model_->images.has_value();
    Conversation conversation(*model_, {.system = sees ? kSystemMessage : "", .strategy = {}, .num_crops = 1});
    std::vector<Image> pictures;
    if (sees) pictures.push_back(gradient(64));
    conversation.say("What do you see?", pictures);
    const Turn turn = conversation.answer({.max_new_tokens = kSteps});
    return fmt::format("{} tokens in, {} out, all finite", turn.prompt_tokens, turn.reply.ids.size());
  }

  std::string cached() {
    const std::vector<TokenId> encoded = model_->tokenizer.encode("one two three four", false, true);
    Ids ids(encoded.begin(), encoded.end());
    Prefilled state = model_->network->prefill({{ids, {}}}, {});
    float largest = 0;
    for (int64_t step = 0; step < kSteps; ++step) {
      const float* logits = state.logits.floats();
      const int64_t next = std::max_element(logits, logits + state.logits.count()) - logits;
      ids.push_back(next);
      state.logits = model_->network->decode(*state.sequences, {next});
      largest = std::max(largest, largest_difference(state.logits, model_->network->prefill({{ids, {}}}, {}).logits));
    }
    if (largest > kSameLogits) {
      throw Error(ErrorCode::Numerical, {.file = path_.string(),
                                         .what = "word by word gives other logits than all at once",
                                         .expected = fmt::format("at most {} of the largest", kSameLogits),
                                         .got = fmt::format("{:.1e}", largest)});
    }
    return fmt::format("logits differ by {:.1e} of the largest", largest);
  }

  const Path path_;
  const LoadOptions options_;
  const std::function<void(const DoctorCheck&)>& report_;
  const bool folder_;
  MagmaConfig config_;
  std::optional<PretrainedText> text_;
  std::unique_ptr<Network> network_;
  std::optional<Pretrained> model_;
  std::vector<DoctorCheck> checks_;
};

}  // namespace

std::vector<DoctorCheck> examine_model(const Path& path, const LoadOptions& options,
                                       const std::function<void(const DoctorCheck&)>& report) {
  return Examination(path, options, report).run();
}

}  // namespace magma
