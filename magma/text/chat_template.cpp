#include "magma/text/chat_template.h"

#include <algorithm>
#include <array>
#include <optional>

#include "magma/core/check.h"
#include "magma/core/error.h"
#include "magma/text/white_space.h"

namespace magma {
namespace {

// The templates as they are published; line breaks in their strings are real ones here.
constexpr std::string_view kLlama3 =
    "{% set loop_messages = messages %}{% for message in loop_messages %}"
    "{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + "
    "'<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}";
constexpr std::string_view kChatMlStart = "{% for message in messages %}";
constexpr std::string_view kChatMlSystemStart =
    "{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\n";
constexpr std::string_view kChatMlSystemEnd = "<|im_end|>\n' }}{% endif %}";
constexpr std::string_view kChatMlEnd =
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
constexpr std::string_view kPhi3 =
    "{% for message in messages %}{% if message['role'] == 'system' %}"
    "{{'<|system|>\n' + message['content'] + '<|end|>\n'}}{% elif message['role'] == 'user' %}"
    "{{'<|user|>\n' + message['content'] + '<|end|>\n'}}{% elif message['role'] == 'assistant' %}"
    "{{'<|assistant|>\n' + message['content'] + '<|end|>\n'}}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}";
constexpr std::string_view kPhi3WithoutSystem =
    "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') %}"
    "{{'<|user|>' + '\n' + message['content'] + '<|end|>' + '\n' + '<|assistant|>' + '\n'}}"
    "{% elif (message['role'] == 'assistant') %}{{message['content'] + '<|end|>' + '\n'}}{% endif %}{% endfor %}";

// "\n" written in a string of the template and a line break there mean the same.
std::string with_real_newlines(std::string_view jinja) {
  std::string text;
  for (size_t i = 0; i < jinja.size(); ++i) {
    const bool escaped = jinja.substr(i).starts_with("\\n");
    text.push_back(escaped ? '\n' : jinja[i]);
    i += escaped ? 1 : 0;
  }
  return text;
}

// The default system message of a ChatML template, empty when it has none; nullopt: not ChatML.
std::optional<std::string> chatml_system(std::string_view text) {
  if (!text.starts_with(kChatMlStart) || !text.ends_with(kChatMlEnd)) return std::nullopt;
  if (text.size() < kChatMlStart.size() + kChatMlEnd.size()) return std::nullopt;
  text.remove_prefix(kChatMlStart.size());
  text.remove_suffix(kChatMlEnd.size());
  if (text.empty()) return std::string();
  if (text.size() <= kChatMlSystemStart.size() + kChatMlSystemEnd.size()) return std::nullopt;
  if (!text.starts_with(kChatMlSystemStart) || !text.ends_with(kChatMlSystemEnd)) return std::nullopt;
  text.remove_prefix(kChatMlSystemStart.size());
  text.remove_suffix(kChatMlSystemEnd.size());
  if (text.find_first_of("'\\{}") != std::string_view::npos) return std::nullopt;
  return std::string(text);
}

// Without white space at the ends of the whole, wherever its parts begin and end.
PromptText trimmed(PromptText content) {
  for (auto part = content.begin(); part != content.end(); ++part) {
    part->text.erase(0, leading_space(part->text));
    if (!part->text.empty()) break;
  }
  for (auto part = content.rbegin(); part != content.rend(); ++part) {
    part->text.resize(part->text.size() - trailing_space(part->text));
    if (!part->text.empty()) break;
  }
  return content;
}

class SegmentWriter {
 public:
  void begin(size_t message, bool content) {
    segments_.push_back({.text = {}, .message = message, .content = content});
  }
  void control(std::string_view text) { add({std::string(text), true}); }
  void plain(std::string_view text) { add({std::string(text), false}); }
  void parts(const PromptText& parts) {
    for (const TextPart& part : parts) add(part);
  }
  std::vector<ChatSegment> take() { return std::move(segments_); }

 private:
  void add(TextPart part) {
    if (!part.text.empty()) segments_.back().text.push_back(std::move(part));
  }
  std::vector<ChatSegment> segments_;
};

void write_header(SegmentWriter& out, ChatFamily family, std::string_view role) {
  switch (family) {
    case ChatFamily::Llama3:
      out.control("<|start_header_id|>");
      out.plain(role);
      return out.control("<|end_header_id|>\n\n");
    case ChatFamily::ChatMl:
      out.control("<|im_start|>");
      out.plain(role);
      return out.control("\n");
    case ChatFamily::Phi3:
      return out.control("<|" + std::string(role) + "|>\n");
    case ChatFamily::Phi3WithoutSystem:  // the assistant's follows every user's message
      return out.control(role == "user" ? "<|user|>\n" : "");
  }
}

void write_content(SegmentWriter& out, ChatFamily family, const ChatMessage& message) {
  out.parts(family == ChatFamily::Llama3 ? trimmed(message.content) : message.content);
  switch (family) {
    case ChatFamily::Llama3:
      return out.control("<|eot_id|>");
    case ChatFamily::ChatMl:
      return out.control("<|im_end|>\n");
    case ChatFamily::Phi3:
      return out.control("<|end|>\n");
    case ChatFamily::Phi3WithoutSystem:
      return out.control(message.role == "user" ? "<|end|>\n<|assistant|>\n" : "<|end|>\n");
  }
}

}  // namespace

ChatTemplate ChatTemplate::recognise(std::string_view jinja, std::string begin_text, std::string end_text) {
  const std::string text = with_real_newlines(jinja);
  const auto made = [&](ChatFamily family) { return ChatTemplate(family, std::move(begin_text), std::move(end_text)); };
  if (text == kLlama3) return made(ChatFamily::Llama3);
  if (text == kPhi3) return made(ChatFamily::Phi3);
  if (text == kPhi3WithoutSystem) return made(ChatFamily::Phi3WithoutSystem);
  if (std::optional<std::string> system = chatml_system(text)) {
    ChatTemplate chatml = made(ChatFamily::ChatMl);
    chatml.default_system_ = std::move(*system);
    return chatml;
  }
  throw Error(ErrorCode::Refused, {.where = "chat_template",
                                   .what = "unknown chat template",
                                   .expected = "that of Llama-3, Qwen2, SmolLM2, ChatML or Phi-3",
                                   .got = std::string(jinja)});
}

std::string_view ChatTemplate::name() const {
  constexpr std::array<std::string_view, 4> kNames = {"llama-3", "chatml", "phi-3", "phi-3 without system"};
  return kNames[static_cast<size_t>(family_)];
}

std::vector<ChatSegment> ChatTemplate::segments(std::span<const ChatMessage> messages) const {
  if (messages.empty()) throw Error(ErrorCode::Usage, {.where = "messages", .what = "a conversation needs a message"});
  SegmentWriter out;
  out.begin(0, false);
  if (family_ == ChatFamily::Llama3 || family_ == ChatFamily::Phi3WithoutSystem) out.control(begin_text_);
  if (!default_system_.empty() && messages.front().role != "system") {
    write_header(out, family_, "system");
    write_content(out, family_, {.role = "system", .content = {{default_system_, false}}});
  }
  for (size_t i = 0; i < messages.size(); ++i) {
    require_known_role(messages[i].role);
    if (i > 0) out.begin(i, false);
    write_header(out, family_, messages[i].role);
    out.begin(i, true);
    write_content(out, family_, messages[i]);
  }
  if (family_ == ChatFamily::Phi3) {
    out.begin(messages.size() - 1, false);
    out.control(end_text_);
  }
  return out.take();
}

PromptText ChatTemplate::render(std::span<const ChatMessage> messages, bool generation) const {
  PromptText prompt;
  std::vector<ChatSegment> written = segments(messages);
  if (generation && family_ == ChatFamily::Phi3) written.pop_back();
  for (ChatSegment& segment : written) {
    for (TextPart& part : segment.text) prompt.push_back(std::move(part));
  }
  const auto open = [&](std::string_view header) { prompt.push_back({std::string(header), true}); };
  if (generation && family_ == ChatFamily::Llama3) open("<|start_header_id|>assistant<|end_header_id|>\n\n");
  if (generation && family_ == ChatFamily::ChatMl) open("<|im_start|>assistant\n");
  if (generation && family_ == ChatFamily::Phi3) open("<|assistant|>\n");
  return prompt;
}

void ChatTemplate::require_known_role(std::string_view role) const {
  const bool phi3 = family_ == ChatFamily::Phi3 || family_ == ChatFamily::Phi3WithoutSystem;
  const bool system = role == "system" && family_ != ChatFamily::Phi3WithoutSystem;
  if (!phi3 || system || role == "user" || role == "assistant") return;
  throw Error(ErrorCode::Usage,
              {.where = "role",
               .what = "this model's chat template leaves such messages out",
               .expected = family_ == ChatFamily::Phi3 ? "system, user or assistant" : "user or assistant",
               .got = std::string(role)});
}

}  // namespace magma
