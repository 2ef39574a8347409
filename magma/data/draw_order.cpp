#include "magma/data/draw_order.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <numeric>

#include "magma/core/check.h"
#include "magma/core/random.h"
#include "magma/data/permutation.h"

namespace magma {
namespace {

uint64_t stream_seed(uint64_t seed, uint64_t a, uint64_t b = 0, uint64_t c = 0) {
  uint64_t mixed = seed;
  for (const uint64_t part : {a, b, c})
    mixed = Rng(mixed ^ (part * 0x9E3779B97F4A7C15ULL + 0x632BE59BD9B4E019ULL)).next();
  return mixed;
}
enum Stage : uint64_t { kChoice = 1, kReplacement, kMapOrder, kEpisodeOrder, kFrameOrder };

// Episodes of one epoch in shuffled order; first[k] frames come before the k-th.
struct EpisodeOrder {
  std::vector<int64_t> episodes, first;
};

}  // namespace

struct DrawOrder::State {
  std::vector<DrawnEntry> entries;
  DrawRules rules;
  std::vector<int64_t> map_begin;  // [entries + 1], samples that are not of a stream before each entry
  mutable std::mutex mutex;
  // Draws of each entry (all that are no stream count as the first of them) before every kEvery-th row.
  static constexpr int64_t kEvery = 4096;
  static constexpr size_t kBlocksKept = 8;
  mutable std::vector<std::vector<int64_t>> drawn_before;
  mutable std::map<int64_t, std::vector<int64_t>>
      blocks;  // of the rows of some blocks: draws of their entry before them
  mutable std::map<std::pair<size_t, int64_t>, std::shared_ptr<const EpisodeOrder>> episode_orders;
  mutable std::map<int64_t, std::shared_ptr<const std::vector<int64_t>>> epoch_orders;

  int64_t map_items() const { return map_begin.back(); }
  size_t choice(int64_t row) const;
  int64_t draws_before(int64_t row) const;  // of the entry that the row draws from
  DrawnSample map_item(int64_t number) const;
  DrawnSample map_draw(int64_t draw) const;
  DrawnSample stream_draw(size_t entry, int64_t draw) const;
  std::shared_ptr<const EpisodeOrder> episode_order(size_t entry, int64_t epoch) const;
};

// The entry of a stream, or entries.size() for what is no stream.
size_t DrawOrder::State::choice(int64_t row) const {
  Rng rng(stream_seed(rules.seed, kChoice, static_cast<uint64_t>(row)));
  if (rules.stream_probability <= 0 || rng.uniform() >= rules.stream_probability) return entries.size();
  double at = rng.uniform();
  size_t last = entries.size();
  for (size_t i = 0; i < entries.size(); ++i) {
    if (!entries[i].stream || entries[i].size == 0) continue;
    last = i;
    at -= entries[i].probability;
    if (at < 0) break;
  }
  return last;
}

int64_t DrawOrder::State::draws_before(int64_t row) const {
  const std::scoped_lock lock(mutex);
  const int64_t block = row / kEvery;
  if (drawn_before.empty()) drawn_before.emplace_back(entries.size() + 1, 0);
  const auto count_block = [&](int64_t number, std::vector<int64_t> counts) {
    std::vector<int64_t>& before = blocks[number];
    for (int64_t r = number * kEvery; r < (number + 1) * kEvery; ++r) before.push_back(counts[choice(r)]++);
    if (blocks.size() > kBlocksKept)
      blocks.erase(blocks.begin()->first == number ? std::prev(blocks.end()) : blocks.begin());
    return counts;
  };
  while (static_cast<int64_t>(drawn_before.size()) <= block) {
    const auto last = static_cast<int64_t>(drawn_before.size()) - 1;
    drawn_before.push_back(count_block(last, drawn_before.back()));
  }
  if (!blocks.contains(block)) {
    std::vector<int64_t> after = count_block(block, drawn_before[static_cast<size_t>(block)]);
    if (static_cast<int64_t>(drawn_before.size()) == block + 1) drawn_before.push_back(std::move(after));
  }
  return blocks.at(block)[static_cast<size_t>(row % kEvery)];
}

DrawnSample DrawOrder::State::map_item(int64_t number) const {
  const auto next = std::upper_bound(map_begin.begin(), map_begin.end(), number);
  const auto entry = static_cast<size_t>(next - map_begin.begin()) - 1;
  return {entry, number - map_begin[entry]};
}

DrawnSample DrawOrder::State::map_draw(int64_t draw) const {
  const int64_t epoch = draw / map_items(), place = draw % map_items();
  if (!rules.epoch_order) {
    return map_item(
        Permutation(map_items(), stream_seed(rules.seed, kMapOrder, static_cast<uint64_t>(epoch))).at(place));
  }
  std::shared_ptr<const std::vector<int64_t>> order;
  {
    const std::scoped_lock lock(mutex);
    auto& cached = epoch_orders[epoch];
    if (!cached) cached = std::make_shared<const std::vector<int64_t>>(rules.epoch_order(epoch));
    order = cached;
    if (epoch_orders.size() > 2)
      epoch_orders.erase(epoch_orders.begin()->first == epoch ? std::prev(epoch_orders.end()) : epoch_orders.begin());
  }
  return map_item((*order)[static_cast<size_t>(place)]);
}

std::shared_ptr<const EpisodeOrder> DrawOrder::State::episode_order(size_t entry, int64_t epoch) const {
  const std::scoped_lock lock(mutex);
  const auto key = std::make_pair(entry, epoch);
  if (const auto found = episode_orders.find(key); found != episode_orders.end()) return found->second;
  const std::vector<int64_t>& begins = entries[entry].episodes;
  auto made = std::make_shared<EpisodeOrder>();
  made->episodes.resize(begins.size());
  std::iota(made->episodes.begin(), made->episodes.end(), 0);
  Rng(stream_seed(rules.seed, kEpisodeOrder, entry, static_cast<uint64_t>(epoch))).shuffle(made->episodes);
  int64_t frames = 0;
  for (const int64_t episode : made->episodes) {
    made->first.push_back(frames);
    const auto next = static_cast<size_t>(episode) + 1;
    frames += (next < begins.size() ? begins[next] : entries[entry].size) - begins[static_cast<size_t>(episode)];
  }
  if (episode_orders.size() > 2 * entries.size()) episode_orders.clear();
  return episode_orders[key] = std::move(made);
}

DrawnSample DrawOrder::State::stream_draw(size_t entry, int64_t draw) const {
  const int64_t size = entries[entry].size, epoch = draw / size, place = draw % size;
  const int64_t window = place / rules.shuffle_buffer, begin = window * rules.shuffle_buffer;
  const int64_t length = std::min(rules.shuffle_buffer, size - begin);
  const uint64_t seed = stream_seed(stream_seed(rules.seed, kFrameOrder, entry), static_cast<uint64_t>(epoch),
                                    static_cast<uint64_t>(window));
  const int64_t frame = begin + Permutation(length, seed).at(place - begin);
  if (entries[entry].episodes.empty()) return {entry, frame};
  const std::shared_ptr<const EpisodeOrder> order = episode_order(entry, epoch);
  const auto k =
      static_cast<size_t>(std::upper_bound(order->first.begin(), order->first.end(), frame) - order->first.begin()) - 1;
  return {entry, entries[entry].episodes[static_cast<size_t>(order->episodes[k])] + frame - order->first[k]};
}

DrawOrder::DrawOrder(std::vector<DrawnEntry> entries, DrawRules rules) : state_(std::make_unique<State>()) {
  state_->map_begin.push_back(0);
  bool streams = false;
  for (const DrawnEntry& entry : entries) {
    state_->map_begin.push_back(state_->map_begin.back() + (entry.stream ? 0 : entry.size));
    streams = streams || (entry.stream && entry.size > 0);
  }
  state_->entries = std::move(entries);
  state_->rules = std::move(rules);
  MAGMA_CHECK(state_->map_items() > 0 || streams, "nothing to draw from");
  MAGMA_CHECK(state_->rules.stream_probability <= 0 || streams, "no stream to draw from");
}

DrawOrder::~DrawOrder() = default;

DrawnSample DrawOrder::at(int64_t row, int64_t attempt) const {
  const State& state = *state_;
  const size_t entry = state.choice(row);
  const bool stream = entry < state.entries.size();
  if (attempt > 0) {
    Rng rng(stream_seed(state.rules.seed, kReplacement, static_cast<uint64_t>(row), static_cast<uint64_t>(attempt)));
    if (stream) return {entry, rng.integer(0, state.entries[entry].size - 1)};
    return state.map_item(rng.integer(0, state.map_items() - 1));
  }
  const bool alone = state.rules.stream_probability <= 0;
  const int64_t draw = alone ? row : state.draws_before(row);
  return stream ? state.stream_draw(entry, draw) : state.map_draw(draw);
}

}  // namespace magma
