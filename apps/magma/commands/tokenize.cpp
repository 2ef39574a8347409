// magma tokenize: text to token ids and back, with the tokenizer of a model folder.
#include <iterator>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "apps/magma/command.h"
#include "magma/core/clock.h"
#include "magma/core/error.h"
#include "magma/core/file.h"
#include "magma/core/json.h"
#include "magma/model/gguf_text.h"
#include "magma/text/chat_template.h"
#include "magma/text/tokenizer_file.h"

namespace magma {
namespace {

std::string read_standard_input() {
  constexpr size_t kBlock = 1 << 16;
  std::string text;
  for (ssize_t got = 1; got != 0;) {
    const size_t had = text.size();
    text.resize(had + kBlock);
    got = ::read(STDIN_FILENO, text.data() + had, kBlock);
    if (got < 0 && errno != EINTR) throw system_error("read", "standard input", errno);
    text.resize(had + static_cast<size_t>(std::max<ssize_t>(got, 0)));
  }
  return text;
}

class Tokenize final : public Command {
 public:
  static constexpr const char* kSummary = "text to token ids and back, with a model's tokenizer";

  void options(CLI::App& app) override {
    app.add_option("TEXT", texts_, "texts, each on its own; - reads one from standard input");
    app.add_option("--model", model_, "model folder, GGUF file or tokenizer.json")->required()->type_name("DIR");
    app.add_flag("--no-bos", no_bos_, "leave out what the tokenizer puts around every text");
    app.add_flag("--special", special_, "special tokens spelled in TEXT are those tokens, not plain text");
    app.add_flag("--chat", chat_, "TEXT is a user's message: put it into the model's chat template");
    app.add_option("--lines", lines_, "texts from a file, a JSON string per line; prints one JSON list of ids per line")
        ->type_name("FILE");
    app.add_option("--decode", decode_, "token ids to text, instead")->type_name("IDS")->expected(1, -1);
    app.add_flag("--skip-special", skip_special_, "with --decode: as an answer is shown");
  }

  std::string examples() const override {
    return "  magma tokenize --model DIR \"What is 2+2?\"\n"
           "  magma tokenize --model DIR --decode 3923 374 220 17\n"
           "  magma tokenize --model DIR --chat --json \"What is on the screen?\"\n";
  }

  int run(const Output& out) override {
    const Stopwatch watch;
    const TokenizerFolder folder = read_model_tokenizer();
    load_seconds_ = watch.seconds();
    if (!decode_.empty()) return show_text(out, folder.tokenizer);
    if (!lines_.empty()) return write_lines(folder);
    if (texts_.empty()) {
      throw Error(ErrorCode::Usage,
                  {.where = "command line", .what = "nothing to do", .expected = "TEXT, --lines or --decode"});
    }
    return show_ids(out, folder);
  }

 private:
  TokenizerFolder read_model_tokenizer() const {
    const std::string extension = Path(model_).extension().string();
    if (extension == ".gguf") return read_gguf_text(GgufFile(model_), model_).text;
    if (extension == ".json") return {.tokenizer = read_tokenizer(model_)};
    return read_tokenizer_folder(model_);
  }

  int show_text(const Output& out, const Tokenizer& tokenizer) const {
    for (const TokenId id : decode_) {
      if (id >= 0 && id < tokenizer.size()) continue;
      throw Error(ErrorCode::Usage, {.where = "--decode",
                                     .what = "no such token",
                                     .expected = fmt::format("0 to {}", tokenizer.size() - 1),
                                     .got = std::to_string(id)});
    }
    const DecodeOptions options = skip_special_ ? tokenizer.answer_options() : DecodeOptions{};
    const std::string text = tokenizer.decode(decode_, options);
    out.line("{}", text);
    out.value({{"text", text}});
    return 0;
  }

  int write_lines(const TokenizerFolder& folder) const {
    JsonLines lines(lines_);
    std::string written;
    while (const auto line = lines.next()) {
      if (!line->is_string()) {
        throw Error(ErrorCode::Malformed, {.file = lines_,
                                           .where = lines.where(),
                                           .what = "wrong type",
                                           .expected = "string",
                                           .got = line->type_name()});
      }
      written +=
          dump_json(folder.tokenizer.encode(prompt_of(line->get_ref<const std::string&>(), folder), !no_bos_)) + "\n";
    }
    Output::write(written);
    return 0;
  }

  PromptText prompt_of(const std::string& text, const TokenizerFolder& folder) const {
    if (!chat_) return {{text, special_}};
    if (folder.chat_template.empty()) {
      throw Error(ErrorCode::Usage, {.file = model_, .what = "the model has no chat template"});
    }
    const auto chat = ChatTemplate::recognise(folder.chat_template, folder.begin_text, folder.end_text);
    const std::vector<ChatMessage> messages{{.role = "user", .content = {{text, special_}}}};
    return chat.render(messages, true);
  }

  int show_ids(const Output& out, const TokenizerFolder& folder) const {
    Json results = Json::array();
    for (const std::string& given : texts_) {
      const PromptText prompt = prompt_of(given == "-" ? read_standard_input() : given, folder);
      const Stopwatch watch;
      const std::vector<TokenId> ids = folder.tokenizer.encode(prompt, !no_bos_);
      const double seconds = watch.seconds();
      if (!out.json()) {
        show_pieces(out, folder.tokenizer, ids);
        continue;
      }
      Json pieces = Json::array();
      for (const TokenId id : ids) pieces.push_back(folder.tokenizer.bytes(id));
      results.push_back({{"ids", ids}, {"pieces", pieces}, {"encode_seconds", seconds}});
    }
    out.value({{"texts", results}, {"load_seconds", load_seconds_}});
    return 0;
  }

  static void show_pieces(const Output& out, const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
    std::string line, pieces;
    for (const TokenId id : ids) {
      line += fmt::format("{}{}", line.empty() ? "" : " ", id);
      pieces += fmt::format("{}{}", pieces.empty() ? "" : "|", escape_text(tokenizer.bytes(id)));
    }
    out.line("{} tokens: {}\n{}", ids.size(), line, pieces);
  }

  std::string model_, lines_;
  std::vector<std::string> texts_;
  std::vector<TokenId> decode_;
  bool no_bos_ = false, special_ = false, chat_ = false, skip_special_ = false;
  double load_seconds_ = 0;
};

MAGMA_REGISTER(Commands, Tokenize);

}  // namespace
}  // namespace magma
