#include "magma/data/labels.h"

#include <algorithm>

#include "magma/core/error.h"

namespace magma {
namespace {

constexpr std::string_view kAssistant = "assistant", kUser = "user";

Error bad_sample(std::string what, std::string expected, std::string got) {
  return Error(ErrorCode::Malformed, {.what = std::move(what), .expected = std::move(expected), .got = std::move(got)});
}

size_t first_question(const std::vector<ChatMessage>& messages) {
  const auto found =
      std::find_if(messages.begin(), messages.end(), [](const ChatMessage& m) { return m.role == kUser; });
  return static_cast<size_t>(found - messages.begin());
}

// Rounds are a question and its answer. The message that begins the first one that is not, or their number.
size_t first_odd_round(const std::vector<ChatMessage>& messages, size_t first) {
  const auto answers = [&](size_t i) { return i < messages.size() && messages[i].role == kAssistant; };
  size_t round = first;
  while (round < messages.size() && answers(round + 1) && !answers(round + 2)) round += 2;
  return round;
}

class Writer {
 public:
  Writer(const Sample& sample, const TrainingTokens& tokens) : sample_(sample), tokens_(tokens) {}

  LabelledTokens write(int64_t max_length) {
    const std::vector<ChatMessage>& messages = sample_.messages;
    const size_t first = first_question(messages), odd = first_odd_round(messages, first);
    add(tokens_.tokenizer.rules().first, false);
    PromptText whole;
    bool disagree = false;
    for (const ChatSegment& segment : tokens_.chat.segments(messages)) {
      const auto length = static_cast<int64_t>(result_.ids.size());
      if (segment.message == odd && !segment.content) disagree = length < max_length;
      const bool answer = messages[segment.message].role == kAssistant && segment.message > first;
      add(tokens_.tokenizer.encode(segment.text, false), answer && segment.content && segment.message < odd);
      if (answer && !segment.content && sample_.stream_labels) mark_line_breaks();
      whole.insert(whole.end(), segment.text.begin(), segment.text.end());
    }
    add(tokens_.tokenizer.rules().last, false);
    if (disagree) std::fill(result_.labels.begin(), result_.labels.end(), kNoLoss);
    require_same(whole);
    result_.text = plain_text(whole);
    return std::move(result_);
  }

 private:
  void add(const std::vector<TokenId>& ids, bool loss) {
    for (const TokenId id : ids) {
      result_.ids.push_back(id);
      result_.labels.push_back(loss ? id : kNoLoss);
    }
  }
  // The Open-X stream also learns what stands between the header of the answer and the action.
  void mark_line_breaks() {
    for (size_t i = result_.ids.size(); i > 0; --i) {
      const auto id = static_cast<TokenId>(result_.ids[i - 1]);
      if (tokens_.tokenizer.special(id)) return;
      result_.labels[i - 1] = id;
    }
  }
  // Llama-3 puts special tokens and line breaks around trimmed contents, so nothing can merge across; others may.
  void require_same(const PromptText& whole) const {
    if (tokens_.chat.family() == ChatFamily::Llama3) return;
    const std::vector<TokenId> ids = tokens_.tokenizer.encode(whole, true);
    if (std::equal(ids.begin(), ids.end(), result_.ids.begin(), result_.ids.end())) return;
    throw bad_sample("a token reaches from the frame of a message into its content",
                     "contents without white space at "
                     "their ends",
                     "");
  }

  const Sample& sample_;
  const TrainingTokens& tokens_;
  LabelledTokens result_;
};

void cut(LabelledTokens& tokens, int64_t max_length) {
  const size_t length = std::min(tokens.ids.size(), static_cast<size_t>(max_length));
  tokens.ids.resize(length);
  tokens.labels.resize(length);
}

// One placeholder becomes seven ids, or seven placeholders become one each.
void put_action(LabelledTokens& result, const Sample& sample, const TrainingTokens& tokens) {
  const auto places = static_cast<size_t>(std::count(result.ids.begin(), result.ids.end(), tokens.action));
  const size_t wanted = !sample.action_normalised ? 0 : sample.stream_labels ? 1 : kActionNumbers;
  if (places != wanted) {
    throw bad_sample("the conversation has not the places for the action", std::to_string(wanted),
                     std::to_string(places));
  }
  if (wanted == 0) return;
  std::vector<int64_t> ids, labels;
  size_t number = 0;
  for (size_t i = 0; i < result.ids.size(); ++i) {
    const bool place = result.ids[i] == tokens.action;
    const size_t repeats = place && wanted == 1 ? kActionNumbers : 1;
    for (size_t k = 0; k < repeats; ++k) {
      ids.push_back(place ? tokens.bins.encode((*sample.action_normalised)[number++]) : result.ids[i]);
      labels.push_back(result.labels[i] == kNoLoss ? kNoLoss : ids.back());
    }
  }
  result.ids = std::move(ids);
  result.labels = std::move(labels);
}

}  // namespace

LabelledTokens label_tokens(const Sample& sample, const TrainingTokens& tokens, int64_t max_length) {
  LabelledTokens result = Writer(sample, tokens).write(max_length);
  if (!sample.stream_labels) cut(result, max_length);
  put_action(result, sample, tokens);
  cut(result, max_length);
  const auto pictures = static_cast<size_t>(std::count(result.ids.begin(), result.ids.end(), tokens.image));
  if (pictures != sample.images.size()) {
    throw bad_sample("the conversation has not a place for every picture", std::to_string(sample.images.size()),
                     std::to_string(pictures));
  }
  return result;
}

}  // namespace magma
