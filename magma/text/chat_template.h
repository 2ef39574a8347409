// Chat templates: messages to a prompt. The template a model carries is a program in Jinja; it is recognised by its
// text, never run. Source: model.md 6.3, 4.7.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "magma/text/tokenizer.h"

namespace magma {

struct ChatMessage {
  std::string role;    // "system", "user", "assistant"
  PromptText content;  // trusted parts are placeholders of the program, such as <image>
};

// A stretch of a rendered conversation: what opens a message (its header), or its content with what closes it.
struct ChatSegment {
  PromptText text;
  size_t message = 0;
  bool content = false;
};

enum class ChatFamily { Llama3, ChatMl, Phi3, Phi3WithoutSystem };

class ChatTemplate {
 public:
  // Error(Refused) for a template that is none of ours. `begin_text` and `end_text`: of the tokenizer, used by some.
  static ChatTemplate recognise(std::string_view jinja, std::string begin_text, std::string end_text);

  // `generation`: the answer comes next. Error(Usage) for no messages, and for a role that the template leaves out.
  PromptText render(std::span<const ChatMessage> messages, bool generation) const;
  // The same without generation, cut where contents begin and end: what labels are made from. The last segment of Phi-3
  // closes the conversation and belongs to no content.
  std::vector<ChatSegment> segments(std::span<const ChatMessage> messages) const;
  ChatFamily family() const { return family_; }
  std::string_view name() const;

 private:
  ChatTemplate(ChatFamily family, std::string begin_text, std::string end_text)
      : family_(family), begin_text_(std::move(begin_text)), end_text_(std::move(end_text)) {}
  void require_known_role(std::string_view role) const;
  ChatFamily family_;
  std::string begin_text_, end_text_;
  std::string default_system_;  // ChatMl: used when the first message is not the system's; empty: none
};

}  // namespace magma
