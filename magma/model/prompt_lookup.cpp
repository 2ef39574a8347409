#include "magma/model/prompt_lookup.h"

#include <algorithm>

namespace magma {
namespace {

// Where the last `length` ids stood before, as the index of what followed them; 0: nowhere.
size_t follower(const Ids& ids, size_t length) {
  if (ids.size() <= length) return 0;
  const auto last = ids.end() - static_cast<std::ptrdiff_t>(length);
  const auto found = std::find_end(ids.begin(), ids.end() - 1, last, ids.end());
  return found == ids.end() - 1 ? 0 : static_cast<size_t>(found - ids.begin()) + length;
}

}  // namespace

Ids looked_up(const Ids& ids, int64_t most) {
  Ids draft;
  for (int64_t length = kLongestMatch; length >= kShortestMatch && most > 0; --length) {
    const size_t from = follower(ids, static_cast<size_t>(length));
    if (from == 0) continue;
    for (size_t at = from; static_cast<int64_t>(draft.size()) < most; ++at) {
      draft.push_back(at < ids.size() ? ids[at] : draft[at - ids.size()]);
    }
    break;
  }
  return draft;
}

}  // namespace magma
