#include "magma/model/text_samples.h"

#include <algorithm>

#include <fmt/core.h>

#include "magma/core/error.h"
#include "magma/core/limits.h"
#include "magma/image/codec.h"
#include "magma/model/image_input.h"

namespace magma {
namespace {

constexpr int64_t kTokensAfterImage = 64;

Ids text_ids(const PretrainedText& model, const TextSampleOptions& options, int64_t fewest) {
  const std::string text = read_file(options.text, limits().json_bytes);
  const std::vector<TokenId> ids = model.tokenizer.encode(text, false, true);
  const auto count = static_cast<int64_t>(ids.size());
  if (count < fewest) {
    throw Error(ErrorCode::Usage, {.file = options.text.string(),
                                   .what = "is too short",
                                   .expected = fmt::format("at least {} tokens", fewest),
                                   .got = std::to_string(count)});
  }
  return {ids.begin(), ids.begin() + std::min(count, options.tokens)};
}

}  // namespace

TextSamples text_samples(const PretrainedText& model, const TextSampleOptions& options, int64_t fewest) {
  if (!options.images.empty() && !model.images) {
    throw Error(ErrorCode::Usage, {.file = model.source, .where = "images", .what = "this model sees no images"});
  }
  TextSamples samples;
  const Ids ids = text_ids(model, options, fewest);
  const auto count = static_cast<int64_t>(ids.size());
  for (int64_t first = 0; first + 1 < count; first += options.window) {
    const int64_t end = std::min(count, first + options.window);
    samples.text.push_back({{ids.begin() + first, ids.begin() + end}, {}, end - first});
  }
  const std::vector<TokenId> before =
      options.images.empty() ? std::vector<TokenId>{} : model.tokenizer.encode(model.image_text + "\n", true, true);
  int64_t first = 0;
  for (const Path& file : options.images) {
    const int64_t end = std::min(count, first + kTokensAfterImage);
    TextSample sample{{before.begin(), before.end()},
                      {decode_image(read_file(file, limits().json_bytes), file.string())},
                      end - first};
    sample.ids.insert(sample.ids.end(), ids.begin() + first, ids.begin() + end);
    samples.after_images.push_back(std::move(sample));
    first = end == count ? 0 : end;
  }
  return samples;
}

Prompt prompt_of(const Pretrained& model, const TextSample& sample, int threads) {
  Prompt prompt{sample.ids, {}};
  for (const Image& picture : sample.images) {
    const std::vector<ImageInput> input = {image_input(model.images->process(picture, std::nullopt, threads))};
    prompt.images.push_back(model.network->encode_images(input, {}).front());
  }
  return prompt;
}

}  // namespace magma
