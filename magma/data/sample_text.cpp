#include "magma/data/sample_text.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "magma/image/image_header.h"

namespace magma {
namespace {

constexpr const char *kGreen = "\x1b[1;32m", *kPlain = "\x1b[0m";
constexpr const char* kMargin = "\n             ";  // below the first line of a value

std::string with_margin(std::string text) {
  for (size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at + 1)) text.replace(at, 1, kMargin);
  return text;
}

// Control characters of a file must not reach the terminal.
std::string printable(std::string text) {
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7F) c = '?';
  }
  return text;
}

std::string picture_text(const SampleImage& image) {
  if (!image.name.empty()) return image.name;
  if (image.pixels) return fmt::format("drawn, {} x {} px", image.pixels->size.w, image.pixels->size.h);
  if (!image.encoded) return image.path;
  if (image.encoded->empty()) return "none: black";
  const auto header = read_image_header(*image.encoded);
  if (!header) return fmt::format("{} bytes of no known kind", image.encoded->size());
  return fmt::format("{}, {} x {} px, {} bytes", header->format, header->size.w, header->size.h, image.encoded->size());
}

}  // namespace

void append_text(std::string& out, const Sample& sample) {
  const auto write = std::back_inserter(out);
  fmt::format_to(write, "{} {}: {}\n", sample.origin.file, sample.origin.where(),
                 sample.dataset.empty() ? sample.tag : sample.dataset);
  for (const SampleImage& image : sample.images) {
    fmt::format_to(write, "  picture    {}\n", printable(picture_text(image)));
  }
  for (const ChatMessage& message : sample.messages) {
    fmt::format_to(write, "  {:<10} {}\n", message.role, with_margin(printable(plain_text(message.content))));
  }
  for (size_t i = 0; sample.action && i < kActionNumbers; ++i) {
    fmt::format_to(write, "  {:<10} {:>10.5f}   normalised {:>8.5f}\n", kActionAxes[i], (*sample.action)[i],
                   sample.action_normalised ? (*sample.action_normalised)[i] : 0.0);
  }
}

std::vector<TokenRun> token_runs(const LabelledTokens& tokens, const Tokenizer& tokenizer) {
  std::vector<TokenRun> runs;
  std::vector<TokenId> ids;
  for (size_t i = 0; i < tokens.ids.size(); ++i) {
    ids.push_back(static_cast<TokenId>(tokens.ids[i]));
    const bool loss = tokens.labels[i] != kNoLoss;
    const bool last = i + 1 == tokens.ids.size() || (tokens.labels[i + 1] != kNoLoss) != loss;
    if (!last) continue;
    runs.push_back({tokenizer.decode(ids, {}), loss});
    ids.clear();
  }
  return runs;
}

int64_t tokens_with_loss(const LabelledTokens& tokens) {
  return static_cast<int64_t>(tokens.labels.size()) - std::count(tokens.labels.begin(), tokens.labels.end(), kNoLoss);
}

void append_tokens(std::string& out, const LabelledTokens& tokens, const Tokenizer& tokenizer, bool colour) {
  fmt::format_to(std::back_inserter(out), "  tokens     {}, {} with loss\n             ", tokens.ids.size(),
                 tokens_with_loss(tokens));
  for (const TokenRun& run : token_runs(tokens, tokenizer)) {
    const std::string text = with_margin(printable(run.text));
    const char *before = colour ? kGreen : "\u00ab", *after = colour ? kPlain : "\u00bb";
    out += run.loss ? before + text + after : text;
  }
  out += '\n';
}

}  // namespace magma
