// DrawOrder: which sample stands at which place of an endless shuffled stream. Every place can be asked for at once, so
// a stream resumes anywhere and does not depend on workers. Source: data_formats.md 2.9 step 12, 2.10, 6.3, 6.5.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace magma {

struct DrawnEntry {
  int64_t size = 0;
  bool stream = false;
  double probability = 0;           // of a stream, among the streams; all together 1
  std::vector<int64_t> episodes{};  // number of each episode's first sample; empty: none
};

struct DrawRules {
  uint64_t seed = 0;
  double stream_probability = 0;     // of the streams together, against the other entries
  int64_t shuffle_buffer = 256'000;  // a stream's frames change places within this range
  // Order of the samples that are not of a stream in an epoch, numbered over those entries; none: shuffled as they are.
  std::function<std::vector<int64_t>(int64_t epoch)> epoch_order{};
};

struct DrawnSample {
  size_t entry = 0;
  int64_t index = 0;
};

class DrawOrder {
 public:
  DrawOrder(std::vector<DrawnEntry> entries, DrawRules rules);
  ~DrawOrder();
  // Of row `row`; attempt 1, 2, ... replace a sample that turned out bad, at random within the same entry or, where it
  // is not of a stream, within all that are not. From any thread.
  DrawnSample at(int64_t row, int64_t attempt = 0) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace magma
