// Conversation: turns of text and pictures with a model, its answers streamed word by word. Source: model.md 6.3
// to 6.5.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "magma/model/answer.h"
#include "magma/model/generate.h"
#include "magma/model/pretrained.h"

namespace magma {

// Unless told otherwise a model that sees is addressed as its demos do it.
constexpr const char* kSystemMessage = "You are agent that can see, talk and act.";

struct ConversationOptions {
  std::string system;                // empty: no system message
  std::string strategy;              // of the images: "crop", "global"; empty: as the configuration says
  std::optional<int64_t> num_crops;  // at most, of one picture; none: as the configuration says
  int threads = 1;
};

struct Turn {
  Reply reply;                        // text without special tokens and without spaces at both ends
  bool stopped = false;               // false: max_new_tokens came first
  int64_t prompt_tokens = 0;          // merged: with those of the images
  int64_t drafted = 0, accepted = 0;  // by prompt lookup
  double encode_seconds = 0, prefill_seconds = 0, decode_seconds = 0;
};

class Conversation {
 public:
  // `model` must outlive it. Error(Refused) for a model without chat template.
  Conversation(const Pretrained& model, ConversationOptions options);

  // The user's next turn. `text` is plain whatever it spells; the pictures stand before it, one per line. Error(Usage)
  // for pictures where the model sees none.
  void say(const std::string& text, const std::vector<Image>& pictures = {});

  // The model's turn; it becomes part of the conversation. `on_text` gets the answer in pieces; false ends it.
  // The stop ids of `options` are the model's.
  Turn answer(GenerateOptions options, const std::function<bool(std::string_view)>& on_text = {});

  // Of the first picture of the last turn that had some.
  const FrameSizes& frames() const { return frames_; }

  // The ids that the network will be given, one per image.
  Ids prompt_ids() const;

 private:
  const Pretrained& model_;
  ConversationOptions options_;
  std::vector<ChatMessage> messages_;
  std::vector<Tensor> images_;  // tokens of each picture so far
  FrameSizes frames_;
  double encode_seconds_ = 0;  // of this turn's
};

}  // namespace magma
