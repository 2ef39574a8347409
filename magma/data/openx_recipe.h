// Recipe: how numbers of a data set are laid side by side to make an action or a state. Language: openx_layouts.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "magma/data/step_columns.h"

namespace magma {

class Recipe {
 public:
  enum class Function { Invert, Clip, Binarize, Absolute, Euler };
  struct Term {
    std::string key{};               // "steps/action/world_vector"; empty: constants
    std::optional<int64_t> whole{};  // columns the feature must have
    std::optional<int64_t> begin{}, end{};
    std::vector<Function> functions{};  // innermost first
    float constant = 0;
    int64_t constants = 0;  // how many columns of it
  };

  explicit Recipe(std::string_view text);  // one of ours: a fault in it is a bug
  const std::vector<Term>& terms() const { return terms_; }
  // Columns it makes, where that does not depend on the data.
  std::optional<int64_t> width() const;
  // Of the steps from `first` on. Error(Malformed) names the feature: missing, too narrow, of another width.
  Columns evaluate(StepColumns& steps, int64_t first) const;

 private:
  std::vector<Term> terms_;
};

// Begin and end of the columns a term takes of a feature `width` wide; nullopt: not all of them are there.
std::optional<std::pair<int64_t, int64_t>> columns_taken(const Recipe::Term& term, int64_t width);

// The columns a term takes, [steps - first, n], before its functions. Errors as of evaluate().
Columns stored_columns(const Recipe::Term& term, StepColumns& steps, int64_t first);

}  // namespace magma
