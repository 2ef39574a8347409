// Reader "chat_json": conversations about pictures in the style of LLaVA: tags sharegpt4v, aitw, mind2web, llava,
// magma, vision2ui, seeclick_ocr, and a file without a tag. Source: data_formats.md 5.1 to 5.8.
#include "magma/data/chat_item.h"

namespace magma {
namespace {

constexpr std::string_view kPad = "<pad>";  // of the published tokenizer

class ChatJson final : public ChatReader {
 public:
  static constexpr const char* kSummary = "conversations about pictures, in the style of LLaVA";

  explicit ChatJson(const ReaderOptions& options) : ChatReader(options) {
    if (options.tag != "llava" && options.tag != "magma") return;
    items().filter([this](int64_t index) { return !has_pad(index); });
  }

 private:
  // Such a message would be padding to the reference, which leaves its item out. Most items need not be parsed: without
  // an escape the letters stand in the file as they are.
  bool has_pad(int64_t index) {
    const std::string_view text = items().text(index);
    if (!text.empty() && text.find(kPad) == text.npos && text.find("\\u") == text.npos) return false;
    for (const ChatTurn& turn : item(index).turns) {
      if (turn.text.find(kPad) != std::string::npos) return true;
    }
    return false;
  }
};

MAGMA_REGISTER(Readers, ChatJson);

}  // namespace
}  // namespace magma
