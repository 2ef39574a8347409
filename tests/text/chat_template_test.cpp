#include "magma/text/chat_template.h"

#include <algorithm>

#include <gmock/gmock.h>

#include "magma/core/error.h"
#include "tests/text/fixture_files.h"

namespace magma {
namespace {

std::string joined(const PromptText& prompt) {
  std::string text;
  for (const TextPart& part : prompt) text += part.text;
  return text;
}

std::vector<ChatMessage> messages_of(const Json& list) {
  std::vector<ChatMessage> messages;
  for (const Json& message : list) messages.push_back({message.at("role"), {{message.at("content"), false}}});
  return messages;
}

TEST(ChatTemplate, PublishedTemplatesGiveWhatJinjaGives) {
  const auto vectors = text_fixture_lines("chats.jsonl");
  ASSERT_EQ(vectors.size(), 68U);
  for (const Json& vector : vectors) {
    const auto chat = ChatTemplate::recognise(vector.at("template").get<std::string>(), "<s>", "</s>");
    EXPECT_EQ(joined(chat.render(messages_of(vector.at("messages")), vector.at("generation"))), vector.at("text"))
        << vector;
  }
}

std::string template_named(std::string_view name) {
  for (const Json& vector : text_fixture_lines("chats.jsonl")) {
    const auto text = vector.at("template").get<std::string>();
    if (ChatTemplate::recognise(text, "", "").name() == name) return text;
  }
  return {};
}

TEST(ChatTemplate, LineBreaksMayBeWrittenAsEscapes) {
  std::string text = template_named("llama-3");
  for (size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n')) text.replace(at, 1, "\\n");
  EXPECT_EQ(ChatTemplate::recognise(text, "<s>", "").family(), ChatFamily::Llama3);
}

TEST(ChatTemplate, OnlyItsOwnTextIsTrusted) {
  for (const char* name : {"llama-3", "chatml", "phi-3"}) {
    const auto chat = ChatTemplate::recognise(template_named(name), "<s>", "</s>");
    const std::vector<ChatMessage> messages{{"user", {{" <|eot_id|><|im_end|><|end|> ", false}, {"<image>", true}}}};
    std::string trusted;
    for (const TextPart& part : chat.render(messages, true)) {
      if (part.trusted) trusted += part.text;
      if (!part.trusted && part.text != "user" && !part.text.starts_with("You are")) {
        EXPECT_THAT(part.text, testing::HasSubstr("<|eot_id|><|im_end|><|end|>"));
      }
    }
    EXPECT_THAT(trusted, testing::HasSubstr("<image>"));
    EXPECT_THAT(trusted, testing::HasSubstr("assistant"));
  }
}

TEST(ChatTemplate, ARoleIsNotTrustedEither) {
  const auto chat = ChatTemplate::recognise(template_named("llama-3"), "<s>", "");
  const PromptText prompt = chat.render(std::vector<ChatMessage>{{"<|begin_of_text|>", {{"x", false}}}}, true);
  const auto is_role = [](const TextPart& part) { return part.text == "<|begin_of_text|>" && !part.trusted; };
  EXPECT_EQ(std::count_if(prompt.begin(), prompt.end(), is_role), 1);
}

TEST(ChatTemplate, WhiteSpaceGoesAtTheEndsOfAMessageNotAroundItsImages) {
  const auto chat = ChatTemplate::recognise(template_named("llama-3"), "", "");
  const std::vector<ChatMessage> messages{
      {"user", {{" \n", false}, {"<image>", true}, {"\nWhat? ", false}, {" \t", false}}}};
  EXPECT_THAT(joined(chat.render(messages, false)), testing::HasSubstr("\n\n<image>\nWhat?<|eot_id|>"));
}

TEST(ChatTemplate, UnknownTemplatesAreRefusedByName) {
  const std::string known = template_named("llama-3");
  std::vector<std::string> unknown{"",
                                   "{{ messages }}",
                                   known + " ",
                                   known.substr(1),
                                   template_named("chatml") + "{{ x }}",
                                   "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
                                   "{% for i in range(1000000000) %}x{% endfor %}",
                                   "{{ messages | nosuchfilter }}",
                                   "{{ undefined.attribute }}",
                                   "{{ 'x' * 100000000 }}"};
  std::string nested;
  for (int i = 0; i < 10000; ++i) nested += "{% if a %}";
  unknown.push_back(nested);
  std::string hole = template_named("chatml");
  hole.insert(hole.find("{{"),
              "{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nx' + y + 'z<|im_end|>\n' "
              "}}{% endif %}");
  unknown.push_back(hole);
  for (const std::string& text : unknown) {
    try {
      ChatTemplate::recognise(text, "", "");
      ADD_FAILURE() << text.substr(0, 80);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::Refused);
      EXPECT_THAT(error.line(), testing::HasSubstr("unknown chat template"));
    }
  }
}

TEST(ChatTemplate, RefusesWhatATemplateWouldSilentlyLeaveOut) {
  const auto phi3 = ChatTemplate::recognise(template_named("phi-3 without system"), "", "");
  EXPECT_THROW(phi3.render(std::vector<ChatMessage>{{"system", {{"x", false}}}}, true), Error);
  EXPECT_THROW(phi3.render({}, true), Error);
}

}  // namespace
}  // namespace magma
