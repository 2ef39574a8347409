// Strict loading: every tensor that a network needs is found once, with its shape and a type it can compute with.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "magma/nn/weight_files.h"

namespace magma {

class WeightLoader {
 public:
  // `source`: what errors name.
  WeightLoader(WeightMap weights, std::string source) : weights_(std::move(weights)), source_(std::move(source)) {}

  bool has(const std::string& name) const { return weights_.contains(name); }
  // Removes it from what is left. A fault is noted and a tensor of the right shape without memory comes back.
  Tensor take(const std::string& name, const Shape& shape);
  // The same of a matrix of a linear layer or an embedding, which may be quantised.
  Tensor take_matrix(const std::string& name, const Shape& shape);
  // Drops what is left and named so.
  void ignore_if(bool (*unused)(const std::string& name));
  void fault(std::string text) { faults_.push_back(std::move(text)); }

  // Error(Malformed) that counts all faults, tensors left over among them, names the first ones on the line and all in
  // the machine form; the log has a line for each.
  void finish();
  const std::vector<std::string>& ignored() const { return ignored_; }
  const std::vector<std::pair<std::string, Shape>>& asked() const { return asked_; }  // by take(), in order

 private:
  Tensor take(const std::string& name, const Shape& shape, bool may_be_quantised);

  WeightMap weights_;
  std::string source_;
  std::vector<std::string> faults_, ignored_;
  std::vector<std::pair<std::string, Shape>> asked_;
};

}  // namespace magma
