#include "magma/data/pickle_graph.h"

#include <algorithm>

#include "magma/core/error.h"
#include "magma/core/limits.h"

namespace magma {
namespace {

// What a small pickle may refer to again and again.
constexpr int64_t kSharedValues = 262'144;
constexpr int64_t kSharedTextBytes = int64_t{16} << 20;

}  // namespace

PickleGraph::PickleGraph(int64_t pickle_bytes)
    : most_values_(std::min(limits().pickle_values, kSharedValues + 4 * pickle_bytes)),
      most_text_bytes_(kSharedTextBytes + 4 * pickle_bytes) {
  add(PickleKind::None);
  add(PickleKind::Bool, 0);
  add(PickleKind::Bool, 1);
}

uint32_t PickleGraph::add(PickleKind kind, int64_t number, std::string_view text) {
  charge(1);
  nodes_.push_back({.kind = kind, .number = number, .text = text});
  return static_cast<uint32_t>(nodes_.size() - 1);
}

std::string_view PickleGraph::keep(std::string text) {
  text_bytes_ = bounded(text_bytes_ + static_cast<int64_t>(text.size()), 0, most_text_bytes_, "text of a pickle");
  return kept_.emplace_back(std::move(text));
}

void PickleGraph::charge(int64_t values) {
  values_ = bounded(values_ + values, 0, 2 * most_values_, "values of a pickle");
}

const std::vector<uint32_t>& PickleGraph::children(uint32_t node) const {
  static const std::vector<uint32_t> kNone;
  return nodes_[node].list == kNoNode ? kNone : lists_[nodes_[node].list];
}

void PickleGraph::add_child(uint32_t parent, uint32_t child) {
  charge(1);
  PickleNode& node = nodes_[parent];
  if (node.list == kNoNode) {
    node.list = static_cast<uint32_t>(lists_.size());
    lists_.emplace_back();
  }
  lists_[node.list].push_back(child);
  const int64_t depth = std::max<int64_t>(node.depth, int64_t{nodes_[child].depth} + 1);
  node.depth = static_cast<uint16_t>(bounded(depth, 0, limits().pickle_depth, "nesting of a pickle"));
}

}  // namespace magma
