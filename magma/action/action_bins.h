// ActionBins: numbers in [-1, 1] as the last 256 entries of a vocabulary. Source: model.md 6.6, data_formats.md 3.
#pragma once

#include <cstdint>

namespace magma {

class ActionBins {
 public:
  static constexpr int64_t kBins = 256;

  // `base_vocabulary`: entries of the tokenizer without added tokens, never the embedding's rows. Error(Refused) when
  // it has no more than 256.
  explicit ActionBins(int64_t base_vocabulary);

  int64_t first_id() const { return base_vocabulary_ - kBins; }
  int64_t last_id() const { return base_vocabulary_ - 1; }
  bool contains(int64_t id) const { return id >= first_id() && id <= last_id(); }

  // Values beyond [-1, 1] count as its ends. NaN is Error(Numerical).
  int64_t encode(double value) const;
  double decode(int64_t id) const;  // the middle of its bin; the two lowest ids share one. An action id.

 private:
  int64_t base_vocabulary_;
};

}  // namespace magma
