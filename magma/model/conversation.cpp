#include "magma/model/conversation.h"

#include <numeric>
#include <utility>

#include "magma/core/clock.h"
#include "magma/core/error.h"
#include "magma/model/image_input.h"
#include "magma/text/token_stream.h"

namespace magma {
namespace {

std::string trimmed(const std::string& text) {
  constexpr const char* kSpaces = " \t\r\n\v\f";
  const size_t first = text.find_first_not_of(kSpaces);
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

}  // namespace

Conversation::Conversation(const Pretrained& model, ConversationOptions options)
    : model_(model), options_(std::move(options)) {
  if (!model.chat) {
    throw Error(ErrorCode::Refused, {.file = model.source,
                                     .where = "chat_template",
                                     .what = "the model has no chat template",
                                     .hint = "it continues texts, it does not answer; see magma logits"});
  }
  if (!options_.system.empty()) messages_.push_back({"system", {{options_.system, false}}});
}

void Conversation::say(const std::string& text, const std::vector<Image>& pictures) {
  if (!pictures.empty() && !model_.images) {
    throw Error(ErrorCode::Usage, {.file = model_.source, .where = "image", .what = "this model sees no images"});
  }
  const Stopwatch watch;
  PromptText content;
  for (const Image& picture : pictures) {
    ImageCrops crops = model_.images->process(picture, options_.num_crops, options_.threads);
    if (content.empty()) frames_ = {crops.picture, crops.canvas()};
    const std::vector<ImageInput> input = {image_input(std::move(crops))};
    images_.push_back(model_.network->encode_images(input, {.strategy = options_.strategy}).front());
    content.push_back({model_.image_text + "\n", true});
  }
  encode_seconds_ = watch.seconds();
  content.push_back({text, false});
  messages_.push_back({"user", std::move(content)});
}

Ids Conversation::prompt_ids() const {
  const std::vector<TokenId> ids = model_.tokenizer.encode(model_.chat->render(messages_, true), true);
  return {ids.begin(), ids.end()};
}

Turn Conversation::answer(GenerateOptions options, const std::function<bool(std::string_view)>& on_text) {
  Turn turn;
  turn.encode_seconds = std::exchange(encode_seconds_, 0.0);
  const std::vector<Prompt> prompts = {{prompt_ids(), images_}};
  turn.prompt_tokens = std::accumulate(images_.begin(), images_.end(), static_cast<int64_t>(prompts[0].ids.size()),
                                       [](int64_t sum, const Tensor& image) { return sum + image.dim(0) - 1; });
  options.stop_ids = model_.stop_ids;
  TokenStream stream(model_.tokenizer, model_.tokenizer.answer_options());
  std::string text;
  bool wanted = true;
  const auto emit = [&](const std::string& piece) {
    text += piece;
    if (on_text && !piece.empty()) wanted = on_text(piece);
    return wanted;
  };
  const Stopwatch watch;
  options.on_token = [&](int64_t, int64_t id) {
    if (turn.reply.ids.empty()) turn.prefill_seconds = watch.seconds();
    turn.reply.ids.push_back(id);
    return emit(stream.push(static_cast<TokenId>(id)));
  };
  const Generated generated = generate(*model_.network, prompts, options).front();
  turn.stopped = generated.stopped;
  turn.drafted = generated.drafted;
  turn.accepted = generated.accepted;
  emit(stream.finish());
  turn.decode_seconds = watch.seconds() - turn.prefill_seconds;
  turn.reply.text = trimmed(text);
  messages_.push_back({"assistant", {{turn.reply.text, false}}});
  return turn;
}

}  // namespace magma
