#include "magma/data/sample_page.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/core.h>

#include "magma/action/framed_point.h"
#include "magma/data/labels.h"
#include "magma/data/pictures.h"
#include "magma/data/sample_text.h"
#include "magma/image/codec.h"
#include "magma/image/draw.h"
#include "magma/image/image_header.h"
#include "magma/image/lanczos.h"
#include "magma/mark/report_page.h"
#include "magma/model/trace_reader.h"

namespace magma {
namespace {

constexpr int kWidest = 512, kTallest = 1024;  // px of a picture on the page
constexpr size_t kMostPictures = 8;            // of one sample

constexpr const char* kStyle =
    "<style>.tokens{white-space:pre-wrap;overflow-wrap:anywhere;font:.85rem/1.6 "
    "ui-monospace,monospace;color:var(--soft)}"
    ".tokens b,summary "
    "b{color:var(--good);font-weight:600}.pictures{grid-template-columns:repeat(auto-fit,minmax(min(100%,260px),"
    "1fr));margin:12px 0}.pictures img{width:auto;max-width:100%;min-width:min(100%,220px)}"
    "table{width:auto}th,td{white-space:nowrap;padding-right:22px}"
    "td:nth-child(n+2){font-family:ui-monospace,monospace}</style>\n";

Image fitted(Image image) {
  const double scale =
      std::min(static_cast<double>(kWidest) / image.size.w, static_cast<double>(kTallest) / image.size.h);
  if (scale >= 1) return image;
  const auto side = [&](int px) { return std::max(1, static_cast<int>(std::lround(px * scale))); };
  return resize_lanczos(image, {side(image.size.w), side(image.size.h)});
}

std::string picture_caption(const SampleImage& picture, Size size, const DataConfig& config) {
  std::string caption = picture.name.empty() ? "" : picture.name + ", ";
  caption += fmt::format("{} x {} px", size.w, size.h);
  const auto stored = picture.encoded ? read_image_header(*picture.encoded) : std::nullopt;
  if (stored && (stored->size.w != size.w || stored->size.h != size.h)) {
    caption += fmt::format(", stored {} x {} px", stored->size.w, stored->size.h);
  }
  if (picture.encoded && picture.encoded->empty()) caption += ", a camera that is not there";
  if (picture.lanczos && config.augment) caption += ", before augmentation";
  return caption;
}

void draw_traces(Image& image, const std::vector<AnsweredTrace>& traces) {
  const FrameSizes sizes{.original = image.size};
  for (size_t i = 0; i < traces.size(); ++i) {
    std::vector<Point> path;
    if (traces[i].start) path.push_back(pixel_of(*traces[i].start, sizes));
    for (const FramedPoint& point : traces[i].future) path.push_back(pixel_of(point, sizes));
    const Rgb colour = rainbow(static_cast<double>(i) / static_cast<double>(traces.size()));
    for (size_t k = 1; k < path.size(); ++k) draw_line(image, path[k - 1], path[k], 2, colour);
    if (!path.empty()) draw_disc(image, path.back(), 3.5F, colour);
  }
}

int64_t placeholders(const ChatMessage& message) {
  return std::count_if(message.content.begin(), message.content.end(),
                       [](const TextPart& part) { return part.trusted && part.text == "<image>"; });
}

// The traces that answers tell, by the number of the picture that was asked about.
std::map<int64_t, std::vector<AnsweredTrace>> traces_of(const Sample& sample) {
  std::map<int64_t, std::vector<AnsweredTrace>> result;
  int64_t pictures = 0;
  for (const ChatMessage& message : sample.messages) {
    pictures += placeholders(message);
    if (message.role != "assistant" || pictures == 0) continue;
    auto traces = read_traces(plain_text(message.content));
    if (traces) result[pictures - 1] = std::move(*traces);
  }
  return result;
}

std::string picture_html(const Image& image, const std::string& caption) {
  return "<figure><img alt=\"" + escape_html(caption) + "\" src=\"data:image/jpeg;base64," +
         base64(encode_jpeg(image)) + "\"><figcaption>" + escape_html(caption) + "</figcaption></figure>\n";
}

std::string pictures_html(const Sample& sample, const DataConfig& config) {
  if (sample.images.empty()) return "";
  const auto traces = traces_of(sample);
  std::string out = "<div class=\"grid pictures\">\n";
  for (size_t i = 0; i < std::min(sample.images.size(), kMostPictures); ++i) {
    Image image = trainer_picture(sample.images[i], config);
    std::string caption = picture_caption(sample.images[i], image.size, config);
    image = fitted(std::move(image));
    const auto found = traces.find(static_cast<int64_t>(i));
    if (found != traces.end()) {
      draw_traces(image, found->second);
      caption += ", with the traces of the answer, which the trainer does not see";
    }
    out += picture_html(image, caption);
  }
  out += "</div>\n";
  if (sample.images.size() > kMostPictures) {
    out += fmt::format("<p class=\"soft\">{} more pictures.</p>\n", sample.images.size() - kMostPictures);
  }
  return out;
}

std::string conversation_html(const Sample& sample) {
  std::string out;
  for (const ChatMessage& message : sample.messages) {
    out += "<div class=\"talk\"><b>" + escape_html(message.role) + "</b> " + escape_html(plain_text(message.content)) +
           "</div>\n";
  }
  return out;
}

std::string action_html(const Sample& sample, const TrainingTokens* tokens) {
  if (!sample.action && !sample.action_normalised) return "";
  std::vector<std::string> columns = {"axis", "stored"};
  if (sample.action_normalised) columns.insert(columns.end(), {"normalised", "bin"});
  if (sample.action_normalised && tokens != nullptr) columns.insert(columns.end(), {"token", "which says"});
  std::vector<std::vector<std::string>> rows;
  for (size_t i = 0; i < kActionNumbers; ++i) {
    rows.push_back({kActionAxes[i], stored_text(sample, i)});
    if (!sample.action_normalised) continue;
    const double normalised = (*sample.action_normalised)[i];
    rows.back().push_back(fmt::format("{:.5f}", normalised));
    rows.back().push_back(std::to_string(ActionBins::bin(normalised)));
    if (tokens == nullptr) continue;
    const int64_t id = tokens->bins.encode(normalised);
    rows.back().push_back(std::to_string(id));
    rows.back().push_back(fmt::format("{:.5f}", tokens->bins.decode(id)));
  }
  return table(fmt::format("Action: {}", kActionUnits), columns, rows);
}

std::string tokens_html(const Sample& sample, const TrainingTokens& tokens, int64_t max_length) {
  const LabelledTokens labelled = label_tokens(sample, tokens, max_length);
  std::string out = fmt::format("<details open><summary>{} tokens, <b>{} with loss</b></summary><div class=\"tokens\">",
                                labelled.ids.size(), tokens_with_loss(labelled));
  for (const TokenRun& run : token_runs(labelled, tokens.tokenizer)) {
    out += run.loss ? "<b>" + escape_html(run.text) + "</b>" : escape_html(run.text);
  }
  return out + "</div></details>\n";
}

}  // namespace

SamplePage::SamplePage(const Path& file, const std::string& title, const DataConfig& config,
                       const TrainingTokens* tokens)
    : file_(file), config_(config), tokens_(tokens) {
  file_.write(page_begin(title) + kStyle);
}

void SamplePage::add(const Sample& sample) {
  std::string out = "<section class=\"card\"><h2>" + escape_html(sample.origin.file) + "</h2>\n<p class=\"soft\">" +
                    escape_html(sample.origin.where()) + " <span class=\"badge\">" +
                    escape_html(sample.dataset.empty() ? sample.tag : sample.dataset) + "</span></p>\n";
  if (config_.images) out += pictures_html(sample, config_);
  out += conversation_html(sample) + action_html(sample, tokens_);
  if (tokens_ != nullptr) out += tokens_html(sample, *tokens_, config_.max_length);
  file_.write(out + "</section>\n");
}

void SamplePage::finish() {
  file_.write(page_end());
  file_.commit();
}

}  // namespace magma
