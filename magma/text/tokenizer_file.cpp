#include "magma/text/tokenizer_file.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "magma/core/json.h"
#include "magma/core/limits.h"
#include "magma/text/json_cursor.h"

namespace magma {
namespace {

constexpr int64_t kMostTokens = 4'000'000;
constexpr size_t kMostMerges = 16'000'000;

// A place in the file, to complain about.
struct Place {
  std::string file;
  std::string pointer;

  Place operator/(std::string_view key) const { return {file, fmt::format("{}/{}", pointer, key)}; }
  Place operator/(size_t index) const { return {file, fmt::format("{}/{}", pointer, index)}; }
  [[noreturn]] void refuse(std::string what, std::string expected, std::string got) const {
    throw Error(ErrorCode::Refused, {file, pointer, std::move(what), std::move(expected), std::move(got), ""});
  }
  [[noreturn]] void malformed(std::string what, std::string expected, std::string got) const {
    throw Error(ErrorCode::Malformed, {file, pointer, std::move(what), std::move(expected), std::move(got), ""});
  }
};

JsonObject object_at(const Json& value, const Place& place) { return {value, place.file, place.pointer}; }

std::string type_of(const Json& value, const Place& place) { return object_at(value, place).string("type"); }

bool flag(const Json& object, const char* key, bool absent, const Place& place) {
  const JsonObject view = object_at(object, place);
  return view.has(key) && !object.at(key).is_null() ? view.boolean(key) : absent;
}

void require_flag(const Json& object, const char* key, bool wanted, const Place& place) {
  const bool found = flag(object, key, wanted, place);
  if (found != wanted)
    (place / key).refuse("setting is not supported", wanted ? "true" : "false", found ? "true" : "false");
}

void require_null(const Json& value, const Place& place) {
  if (!value.is_null()) place.refuse("is not supported", "null", dump_json(value));
}

TokenId token_id(int64_t id, const Place& place) {
  if (id < 0 || id >= kMostTokens) {
    place.malformed("not a token id", fmt::format("0 to {}", kMostTokens - 1), std::to_string(id));
  }
  return static_cast<TokenId>(id);
}

std::vector<AddedToken> added_tokens(const Json& value, const Place& place) {
  if (!value.is_array()) place.malformed("wrong type", "array", value.type_name());
  std::vector<AddedToken> tokens;
  for (const Json& entry : value) {
    const Place here = place / tokens.size();
    const JsonObject view = object_at(entry, here);
    view.refuse_unknown({"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"});
    for (const char* key : {"single_word", "lstrip", "rstrip"}) require_flag(entry, key, false, here);
    AddedToken token{.id = token_id(view.integer("id"), here / "id"), .content = view.string("content")};
    token.special = flag(entry, "special", false, here);
    token.normalized = flag(entry, "normalized", !token.special, here);
    if (token.content.empty()) (here / "content").malformed("empty added token", "a text", "");
    tokens.push_back(std::move(token));
  }
  return tokens;
}

WordRules split_rules(const Json& split, const Place& place) {
  const JsonObject view = object_at(split, place);
  view.refuse_unknown({"type", "pattern", "behavior", "invert"});
  if (view.string("behavior") != "Isolated")
    (place / "behavior").refuse("is not supported", "Isolated", view.string("behavior"));
  require_flag(split, "invert", false, place);
  const JsonObject pattern = view.object("pattern");
  if (!pattern.has("Regex")) (place / "pattern").refuse("is not supported", "Regex", dump_json(pattern.raw()));
  const std::string regex = pattern.string("Regex");
  const std::optional<WordRules> rules = word_rules_of_pattern(regex);
  if (!rules)
    (place / "pattern/Regex").refuse("unknown pre-tokenizer pattern", "that of Llama-3, Qwen2 or GPT-2", regex);
  return *rules;
}

// ByteLevel, with or without its own (GPT-2) splitting.
void require_byte_level(const Json& value, bool splits, const Place& place) {
  if (type_of(value, place) != "ByteLevel") place.refuse("unknown pre-tokenizer", "ByteLevel", type_of(value, place));
  object_at(value, place).refuse_unknown({"type", "add_prefix_space", "trim_offsets", "use_regex"});
  if (flag(value, "add_prefix_space", true, place)) {
    (place / "add_prefix_space").refuse("setting is not supported", "false", "true");
  }
  if (flag(value, "use_regex", true, place) != splits) {
    (place / "use_regex")
        .refuse("words would be split twice or not at all", splits ? "true" : "false", splits ? "false" : "true");
  }
}

WordRules word_rules(const Json& value, const Place& place) {
  if (value.is_null()) place.refuse("no pre-tokenizer", "ByteLevel, or Split or Digits before it", "null");
  if (type_of(value, place) != "Sequence") {
    require_byte_level(value, true, place);
    return WordRules::Gpt2;
  }
  const Place list = place / "pretokenizers";
  const Json& parts = object_at(value, place).array("pretokenizers");
  if (parts.size() != 2) list.refuse("unknown sequence", "Split or Digits, then ByteLevel", dump_json(parts));
  const std::string first = type_of(parts[0], list / 0);
  if (first == "Split") {
    require_byte_level(parts[1], false, list / 1);
    return split_rules(parts[0], list / 0);
  }
  if (first != "Digits") (list / 0).refuse("unknown pre-tokenizer", "Split or Digits", first);
  require_byte_level(parts[1], true, list / 1);
  if (!flag(parts[0], "individual_digits", false, list / 0)) {
    (list / 0 / "individual_digits").refuse("setting is not supported", "true", "false");
  }
  return WordRules::SmolLm;
}

// Ids that a TemplateProcessing puts before and after a single text.
void read_template(const Json& value, const Place& place, TokenizerRules& rules) {
  const JsonObject view = object_at(value, place);
  view.refuse_unknown({"type", "single", "pair", "special_tokens"});
  const JsonObject specials = view.object("special_tokens");
  bool after_text = false;
  size_t index = 0;
  for (const Json& piece : view.array("single")) {
    const Place here = place / "single" / index++;
    const JsonObject part = object_at(piece, here);
    part.refuse_unknown({"SpecialToken", "Sequence"});
    if (part.has("Sequence")) {
      if (after_text || part.object("Sequence").string("id") != "A")
        here.malformed("unknown sequence", "A, once", dump_json(piece));
      after_text = true;
      continue;
    }
    const Json& ids = specials.object(part.object("SpecialToken").string("id")).array("ids");
    for (const Json& id : ids) {
      if (!id.is_number_integer()) (place / "special_tokens").malformed("wrong type", "integer", id.type_name());
      (after_text ? rules.last : rules.first).push_back(token_id(id.get<int64_t>(), place / "special_tokens"));
    }
  }
  if (!after_text)
    (place / "single").malformed("the text itself is missing", "Sequence A", dump_json(value.at("single")));
}

void read_post_processor(const Json& value, const Place& place, TokenizerRules& rules) {
  if (value.is_null()) return;
  const std::string type = type_of(value, place);
  if (type == "ByteLevel") return;  // moves offsets only
  if (type == "TemplateProcessing") return read_template(value, place, rules);
  if (type != "Sequence") place.refuse("unknown post-processor", "ByteLevel or TemplateProcessing", type);
  size_t index = 0;
  for (const Json& part : object_at(value, place).array("processors")) {
    const Place here = place / "processors" / index++;
    const std::string part_type = type_of(part, here);
    const bool again = !rules.first.empty() || !rules.last.empty();
    if (part_type == "TemplateProcessing" && !again) {
      read_template(part, here, rules);
    } else if (part_type != "ByteLevel") {
      here.refuse("unknown post-processor", "ByteLevel, or one TemplateProcessing", part_type);
    }
  }
}

using JsonMembers = std::map<std::string, Json, std::less<>>;

// The texts of the large parts of "model", and its small members as values.
struct ModelParts {
  JsonMembers members;
  std::optional<JsonCursor> vocabulary, merges;
};

ModelParts model_parts(JsonCursor& cursor) {
  ModelParts parts;
  cursor.open('{');
  for (std::string_view key; cursor.next_member(key);) {
    const std::string name(key);
    const bool known = name == "vocab"    ? parts.vocabulary.has_value()
                       : name == "merges" ? parts.merges.has_value()
                                          : parts.members.count(name) > 0;
    if (known) cursor.fail("key appears twice in one object");
    if (name == "vocab" || name == "merges") {
      auto& part = name == "vocab" ? parts.vocabulary : parts.merges;
      part = cursor;
      cursor.skip_value();
    } else {
      parts.members.emplace(name, cursor.value());
    }
  }
  return parts;
}

BpeRules model_rules(const ModelParts& parts, const Place& place) {
  Json members = Json::object();
  for (const auto& [key, value] : parts.members) members[key] = value;
  const JsonObject view = object_at(members, place);
  if (type_of(members, place) != "BPE") (place / "type").refuse("unknown model type", "BPE", view.string("type"));
  view.refuse_unknown({"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk",
                       "byte_fallback", "ignore_merges"});
  if (view.optional_number("dropout").value_or(0) != 0)
    (place / "dropout").refuse("is not supported", "null", dump_json(members["dropout"]));
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    const std::string affix = view.optional_string(key).value_or("");
    if (!affix.empty()) (place / key).refuse("is not supported", "null", affix);
  }
  require_flag(members, "byte_fallback", false, place);
  return {.ignore_merges = flag(members, "ignore_merges", false, place), .missing_byte = MissingByte::Dropped};
}

// Texts by id. Ids may come in any order, but each from 0 to their number once.
std::vector<std::string> read_vocabulary(JsonCursor cursor, const Place& place) {
  std::vector<std::string> tokens;
  int64_t count = 0;
  cursor.open('{');
  for (std::string_view key; cursor.next_member(key); ++count) {
    std::string text(key);
    if (text.empty()) cursor.fail(place.pointer + ": empty token", "a text");
    const int64_t number = cursor.integer();
    if (number < 0 || number >= kMostTokens) token_id(number, place / text);  // says why not
    const auto id = static_cast<size_t>(number);
    if (id >= tokens.size()) tokens.resize(id + 1);
    if (!tokens[id].empty()) (place / text).malformed("two tokens with one id", "another id", std::to_string(id));
    tokens[id] = std::move(text);
  }
  if (count == 0) place.malformed("empty vocabulary", "tokens", "{}");
  for (size_t id = 0; id < tokens.size(); ++id) {
    if (tokens[id].empty())
      place.malformed("gap in the ids", fmt::format("a token with id {}", id),
                      fmt::format("ids up to {}", tokens.size() - 1));
  }
  return tokens;
}

MergeText read_merge(JsonCursor& cursor, const Place& list, size_t index) {
  if (cursor.at('"')) {
    const std::string_view line = cursor.string();
    const size_t space = line.find(' ');
    const bool two = space != std::string_view::npos && line.find(' ', space + 1) == std::string_view::npos;
    if (!two) (list / index).malformed("not a merge", "two tokens and one space", std::string(line));
    return {std::string(line.substr(0, space)), std::string(line.substr(space + 1))};
  }
  MergeText merge;
  cursor.open('[');
  for (std::string* part : {&merge.left, &merge.right}) {
    if (!cursor.next_element()) cursor.fail("not a merge", "two tokens");
    *part = cursor.string();
  }
  if (cursor.next_element()) cursor.fail("not a merge", "two tokens");
  return merge;
}

void add_merges(Bpe& bpe, std::vector<MergeText>& merges, const Place& place) {
  try {
    bpe.add_merges(merges);
  } catch (const Error& error) {
    ErrorFields fields = error.fields();
    fields.where = (place / fields.where).pointer;
    throw Error(error.code(), std::move(fields));
  }
  merges.clear();
}

void read_merges(JsonCursor cursor, Bpe& bpe, const Place& place) {
  constexpr size_t kAtOnce = 1024;
  std::vector<MergeText> merges;
  cursor.open('[');
  for (size_t index = 0; cursor.next_element(); ++index) {
    if (index >= kMostMerges) place.refuse("too many merges", std::to_string(kMostMerges), "more");
    merges.push_back(read_merge(cursor, place, index));
    if (merges.size() == kAtOnce) add_merges(bpe, merges, place);
  }
  add_merges(bpe, merges, place);
}

// Entries that are both in the vocabulary and added must be the same text.
std::vector<TokenId> shared_specials(const std::vector<std::string>& tokens, const std::vector<AddedToken>& added,
                                     const Place& place) {
  std::vector<TokenId> specials;
  for (size_t i = 0; i < added.size(); ++i) {
    const auto id = static_cast<size_t>(added[i].id);
    if (id >= tokens.size()) continue;
    if (tokens[id] != added[i].content)
      (place / i).malformed("differs from the vocabulary", tokens[id], added[i].content);
    if (added[i].special) specials.push_back(added[i].id);
  }
  return specials;
}

Tokenizer tokenizer_from(const JsonMembers& members, const ModelParts& parts, const Place& root) {
  const Place model = root / "model", list = root / "added_tokens";
  const auto member = [&members](const char* key) {
    const auto found = members.find(key);
    return found == members.end() ? Json() : found->second;
  };
  for (const char* key : {"truncation", "padding", "normalizer"}) require_null(member(key), root / key);
  TokenizerRules rules;
  rules.words = word_rules(member("pre_tokenizer"), root / "pre_tokenizer");
  if (members.count("added_tokens") > 0) rules.added = added_tokens(member("added_tokens"), list);
  read_post_processor(member("post_processor"), root / "post_processor", rules);
  const std::string decoder = type_of(member("decoder"), root / "decoder");
  if (decoder != "ByteLevel") (root / "decoder").refuse("unknown decoder", "ByteLevel", decoder);

  const BpeRules bpe_rules = model_rules(parts, model);
  const std::vector<std::string> tokens = read_vocabulary(*parts.vocabulary, model / "vocab");
  Bpe bpe(Vocabulary(tokens, shared_specials(tokens, rules.added, list)), bpe_rules);
  read_merges(*parts.merges, bpe, model / "merges");
  const auto unknown = parts.members.find("unk_token");
  if (!bpe.has_every_byte() && unknown != parts.members.end()) require_null(unknown->second, model / "unk_token");
  Tokenizer tokenizer(std::move(bpe), std::move(rules));
  for (const auto* ids : {&tokenizer.rules().first, &tokenizer.rules().last}) {
    for (const TokenId id : *ids) {
      if (id >= tokenizer.size())
        (root / "post_processor").malformed("no such token", "an id of this file", std::to_string(id));
    }
  }
  return tokenizer;
}

}  // namespace

Tokenizer parse_tokenizer(std::string_view json, const std::string& file) {
  const Place root{file, ""};
  JsonMembers members;
  std::optional<ModelParts> parts;
  JsonCursor cursor(json, file);
  cursor.open('{');
  for (std::string_view key; cursor.next_member(key);) {
    const std::string name(key);
    if (name == "model" ? parts.has_value() : members.count(name) > 0) cursor.fail("key appears twice in one object");
    if (name == "model" && cursor.at('{')) {
      parts = model_parts(cursor);
    } else {
      members.emplace(name, cursor.value());
    }
  }
  cursor.finish();
  if (!parts || !parts->vocabulary || !parts->merges) {
    (root / "model").malformed("not a tokenizer", "model with vocab and merges", "");
  }
  for (const auto& [name, value] : members) {
    const auto known = {"version",    "truncation",    "padding",        "added_tokens",
                        "normalizer", "pre_tokenizer", "post_processor", "decoder"};
    if (std::find(known.begin(), known.end(), name) == known.end())
      (root / name).malformed("unknown member", "none of this name", dump_json(value));
  }
  try {
    return tokenizer_from(members, *parts, root);
  } catch (const Error& error) {
    throw error.with_file(file);
  }
}

Tokenizer read_tokenizer(const Path& path) {
  return parse_tokenizer(read_file(path, limits().json_bytes), path.string());
}

}  // namespace magma
