#include "magma/model/pretrained.h"

#include <filesystem>

#include <fmt/core.h>

#include "magma/core/error.h"
#include "magma/model/gguf_model.h"
#include "magma/model/gguf_text.h"

namespace magma {
namespace {

constexpr const char* kImage = "<image>";
constexpr const char* kImageStart = "<image_start>";
constexpr const char* kImageEnd = "<image_end>";

// Wrapped only where the tokens exist: model.md 6.1.
std::string image_text(const MagmaConfig& config, const Tokenizer& tokenizer) {
  const bool known = tokenizer.find(kImageStart) != kNoToken && tokenizer.find(kImageEnd) != kNoToken;
  return config.wrap_images && known ? std::string(kImageStart) + kImage + kImageEnd : kImage;
}

std::optional<ChatTemplate> chat_of(const TokenizerFolder& folder) {
  if (folder.chat_template.empty()) return std::nullopt;
  return ChatTemplate::recognise(folder.chat_template, folder.begin_text, folder.end_text);
}

void require_stop_ids(const PretrainedText& text, const std::string& file) {
  for (const int64_t id : text.stop_ids) {
    if (id >= 0 && id < text.tokenizer.size()) continue;
    throw Error(ErrorCode::Malformed, {.file = file,
                                       .where = "/eos_token_id",
                                       .what = "no such token",
                                       .expected = fmt::format("0 to {}", text.tokenizer.size() - 1),
                                       .got = std::to_string(id)});
  }
}

void require_image_token(const MagmaConfig& config, const Tokenizer& tokenizer) {
  const TokenId found = tokenizer.find(kImage);
  if (found != kNoToken && found == config.image_token_index) return;
  throw Error(ErrorCode::Malformed, {.file = config.file,
                                     .where = "/image_token_index",
                                     .what = "is not the tokenizer's <image>",
                                     .expected = found == kNoToken ? "a tokenizer with <image>" : std::to_string(found),
                                     .got = std::to_string(config.image_token_index),
                                     .hint = "tokenizer.json and config.json come from different models"});
}

PretrainedText text_of_folder(const Path& folder) {
  MagmaConfig config = read_model_config(folder);
  TokenizerFolder tokenizer = read_tokenizer_folder(folder);
  PretrainedText text{.source = folder.string(),
                      .config = std::move(config),
                      .tokenizer = std::move(tokenizer.tokenizer),
                      .chat = chat_of(tokenizer),
                      .images = {},
                      .stop_ids = read_generation_config(folder).eos_token_ids,
                      .actions = {},
                      .image_text = {}};
  if (text.config.vision) {
    require_image_token(text.config, text.tokenizer);
    text.images.emplace(read_image_processor_config(folder));
    text.image_text = image_text(text.config, text.tokenizer);
    text.actions.emplace(text.tokenizer.base_size());
  }
  require_stop_ids(text, (folder / "generation_config.json").string());
  return text;
}

PretrainedText text_of_gguf(const GgufFile& file, const std::string& name) {
  GgufText stored = read_gguf_text(file, name);
  return {.source = name,
          .config = read_gguf_config(file, name),
          .tokenizer = std::move(stored.text.tokenizer),
          .chat = chat_of(stored.text),
          .images = {},
          .stop_ids = std::move(stored.stop_ids),
          .actions = {},
          .image_text = {}};
}

bool is_gguf(const Path& path) { return std::filesystem::is_regular_file(path); }

// Its header is read once: with a large vocabulary that takes as long as the weights of a small model.
Pretrained load_gguf(const Path& path, const LoadOptions& options) {
  const GgufFile file(path);
  Pretrained model{text_of_gguf(file, path.string()), nullptr};
  const GgufModel stored = read_gguf_model(file, path.string(), options.threads, options.precision);
  model.network = make_network(stored.config, stored.weights, path.string(), options.threads, options.cache);
  return model;
}

Pretrained load_folder(const Path& path, const LoadOptions& options) {
  Pretrained model{text_of_folder(path), nullptr};
  model.network = load_network(path, options.threads, options.precision, options.cache);
  return model;
}

}  // namespace

void require_rows(const PretrainedText& text, int64_t rows) {
  if (text.tokenizer.size() <= rows) return;
  throw Error(ErrorCode::Malformed, {.file = text.source,
                                     .where = "tokenizer",
                                     .what = "more tokens than the embedding has rows",
                                     .expected = fmt::format("at most {}", rows),
                                     .got = std::to_string(text.tokenizer.size()),
                                     .hint = "tokenizer and weights come from different models"});
}

PretrainedText load_pretrained_text(const Path& path) {
  return is_gguf(path) ? text_of_gguf(GgufFile(path), path.string()) : text_of_folder(path);
}

Pretrained load_pretrained(const Path& path, const LoadOptions& options) {
  Pretrained model = is_gguf(path) ? load_gguf(path, options) : load_folder(path, options);
  require_rows(model, model.network->vocabulary());
  return model;
}

}  // namespace magma
