#include <algorithm>
#include <charconv>
#include <filesystem>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "magma/core/json.h"
#include "magma/core/limits.h"
#include "magma/text/tokenizer_file.h"

namespace magma {
namespace {

constexpr std::string_view kAddedPointer = "/added_tokens_decoder";

// A token's text: a string, or an object that has it as "content".
std::string token_text(const JsonObject& config, std::string_view key) {
  if (!config.has(key) || config.raw().at(std::string(key)).is_null()) return {};
  const bool object = config.raw().at(std::string(key)).is_object();
  return object ? config.object(key).string("content") : config.string(key);
}

// A string, or a list of named templates of which "default" counts.
std::string template_text(const JsonObject& config, const std::string& file) {
  const Json& all = config.raw();
  if (!all.contains("chat_template") || all.at("chat_template").is_null()) return {};
  if (!all.at("chat_template").is_array()) return config.string("chat_template");
  size_t index = 0;
  for (const Json& entry : all.at("chat_template")) {
    const JsonObject named(entry, file, fmt::format("/chat_template/{}", index++));
    if (named.string("name") == "default") return named.string("template");
  }
  throw Error(ErrorCode::Refused, {.file = file,
                                   .where = "/chat_template",
                                   .what = "several chat templates",
                                   .expected = "one of them named default"});
}

void require_same_tokens(const JsonObject& config, const Tokenizer& tokenizer, const std::string& file) {
  if (!config.has("added_tokens_decoder")) return;
  for (const auto& [key, value] : config.object("added_tokens_decoder").raw().items()) {
    const std::string where = fmt::format("{}/{}", kAddedPointer, key);
    const std::string content = JsonObject(value, file, where).string("content");
    TokenId id = kNoToken;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    const bool number = error == std::errc() && end == key.data() + key.size();
    if (number && tokenizer.find(content) == id) continue;
    throw Error(ErrorCode::Malformed, {.file = file,
                                       .where = where,
                                       .what = "added token differs from tokenizer.json",
                                       .expected = fmt::format("id {} as there", tokenizer.find(content)),
                                       .got = content});
  }
}

}  // namespace

TokenizerFolder read_tokenizer_folder(const Path& folder) {
  TokenizerFolder result{.tokenizer = read_tokenizer(folder / "tokenizer.json")};
  const Path config_path = folder / "tokenizer_config.json", template_path = folder / "chat_template.jinja";
  if (std::filesystem::exists(config_path)) {
    const Json json = read_json_with_large_integers(config_path);
    const JsonObject config(json, config_path.string());
    require_same_tokens(config, result.tokenizer, config_path.string());
    result.chat_template = template_text(config, config_path.string());
    result.begin_text = token_text(config, "bos_token");
    result.end_text = token_text(config, "eos_token");
    const bool given = config.has("clean_up_tokenization_spaces") && !json.at("clean_up_tokenization_spaces").is_null();
    result.tokenizer.set_clean_up(given && config.boolean("clean_up_tokenization_spaces"));
  }
  if (std::filesystem::exists(template_path)) {
    result.chat_template = read_file(template_path, limits().config_bytes);
  }
  return result;
}

}  // namespace magma
