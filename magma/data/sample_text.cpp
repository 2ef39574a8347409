#include "magma/data/sample_text.h"

#include <fmt/format.h>

namespace magma {

void append_text(std::string& out, const Sample& sample) {
  const auto write = std::back_inserter(out);
  fmt::format_to(write, "{} {}: {}\n", sample.origin.file, sample.origin.where(),
                 sample.dataset.empty() ? sample.tag : sample.dataset);
  for (const SampleImage& image : sample.images) {
    const std::string stored = image.encoded ? fmt::format("{} bytes", image.encoded->size()) : "drawn";
    fmt::format_to(write, "  picture    {}\n", image.name.empty() ? stored : image.name);
  }
  for (const ChatMessage& message : sample.messages) {
    std::string content = plain_text(message.content);
    for (size_t at = content.find('\n'); at != std::string::npos; at = content.find('\n', at + 1)) {
      content.replace(at, 1, "\n             ");
    }
    fmt::format_to(write, "  {:<10} {}\n", message.role, content);
  }
  for (size_t i = 0; sample.action && i < kActionNumbers; ++i) {
    fmt::format_to(write, "  {:<10} {:>10.5f}   normalised {:>8.5f}\n", kActionAxes[i], (*sample.action)[i],
                   sample.action_normalised ? (*sample.action_normalised)[i] : 0.0);
  }
}

}  // namespace magma
