#include "magma/data/sample_text.h"

#include <algorithm>
#include <filesystem>
#include <iterator>

#include <fmt/format.h>

#include "magma/action/action_bins.h"
#include "magma/core/file.h"
#include "magma/image/image_header.h"

namespace magma {
namespace {

constexpr const char *kGreen = "\x1b[1;32m", *kPlain = "\x1b[0m";
constexpr const char* kMargin = "\n             ";  // below the first line of a value

std::string with_margin(std::string text) {
  for (size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at + 1)) text.replace(at, 1, kMargin);
  return text;
}

// How many bytes at the front a terminal would obey instead of showing them: controls, and what reorders a line.
size_t obeyed_bytes(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  if ((byte(0) < 0x20 && text[0] != '\n' && text[0] != '\t') || byte(0) == 0x7F) return 1;
  if (byte(0) == 0xC2 && byte(1) >= 0x80 && byte(1) < 0xA0) return 2;  // C1
  if (byte(0) != 0xE2) return 0;
  const bool embeds = byte(1) == 0x80 && byte(2) >= 0xAA && byte(2) <= 0xAE;    // U+202A to U+202E
  const bool isolates = byte(1) == 0x81 && byte(2) >= 0xA6 && byte(2) <= 0xA9;  // U+2066 to U+2069
  return embeds || isolates ? 3 : 0;
}

constexpr int64_t kHeaderBytes = int64_t{1} << 18;  // metadata may stand before the size of a JPEG

std::string encoded_text(std::string_view head, int64_t bytes) {
  const auto header = read_image_header(head);
  if (!header) return fmt::format("{} bytes of no known kind", bytes);
  return fmt::format("{}, {} x {} px, {} bytes", header->format, header->size.w, header->size.h, bytes);
}

std::string file_text(const std::string& path) {
  std::error_code absent;
  if (!std::filesystem::is_regular_file(path, absent)) return "no such file";
  const FileReader file(path);
  std::string head(static_cast<size_t>(std::min(file.size(), kHeaderBytes)), '\0');
  head.resize(file.read_at(0, head));
  return encoded_text(head, file.size());
}

std::string picture_text(const SampleImage& image) {
  const std::string name = image.name.empty() && !image.pixels && !image.encoded ? image.path : image.name;
  std::string text = name.empty() ? "" : name + ": ";
  if (image.pixels) return text + fmt::format("drawn, {} x {} px", image.pixels->size.w, image.pixels->size.h);
  if (!image.encoded) return text + file_text(image.path);
  if (image.encoded->empty()) return text + "none: black";
  return text + encoded_text(*image.encoded, static_cast<int64_t>(image.encoded->size()));
}

void append_action(std::string& out, const Sample& sample) {
  const auto write = std::back_inserter(out);
  fmt::format_to(write, "  {:<10} {:>10} {:>11} {:>4}   {}\n", "action", "stored", "normalised", "bin", kActionUnits);
  for (size_t i = 0; i < kActionNumbers; ++i) {
    fmt::format_to(write, "  {:<10} {:>10}", kActionAxes[i], stored_text(sample, i));
    if (sample.action_normalised) {
      const double normalised = (*sample.action_normalised)[i];
      fmt::format_to(write, " {:>11.5f} {:>4}", normalised, ActionBins::bin(normalised));
    }
    out += '\n';
  }
}

}  // namespace

std::string stored_text(const Sample& sample, size_t axis) {
  return sample.action ? fmt::format("{:.5f}", (*sample.action)[axis]) : "unknown";
}

std::string printable(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const size_t obeyed = obeyed_bytes(text.substr(i));
    out += obeyed > 0 ? '?' : text[i];
    i += std::max<size_t>(obeyed, 1);
  }
  return out;
}

void append_text(std::string& out, const Sample& sample) {
  const auto write = std::back_inserter(out);
  fmt::format_to(write, "{} {}: {}\n", printable(sample.origin.file), sample.origin.where(),
                 sample.dataset.empty() ? sample.tag : sample.dataset);
  for (const SampleImage& image : sample.images) {
    fmt::format_to(write, "  picture    {}\n", printable(picture_text(image)));
  }
  for (const ChatMessage& message : sample.messages) {
    fmt::format_to(write, "  {:<10} {}\n", message.role, with_margin(printable(plain_text(message.content))));
  }
  if (sample.action || sample.action_normalised) append_action(out, sample);
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
