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

  // 1 for -1 to 256 for 1, as the reference counts bins. Values beyond count as the ends. NaN is Error(Numerical).
  static int64_t bin(double value);
  int64_t encode(double value) const { return base_vocabulary_ - bin(value); }
  double decode(int64_t id) const;  // the middle of its bin; the two lowest ids share one. An action id.

 private:
  int64_t base_vocabulary_;
};

}  // namespace magma
