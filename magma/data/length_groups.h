// Batches of samples of like length. Source: data_formats.md 6.5, for one process.
#pragma once

#include <cstdint>
#include <vector>

namespace magma {

// Numbers of the samples in an order in which each run of `batch` is sorted by length, longest first.
std::vector<int64_t> length_grouped(const std::vector<int64_t>& lengths, int64_t batch, uint64_t seed);

// The same with each run of one kind: lengths > 0 are of samples with a picture, < 0 of those without. What is left of
// either kind is the last run. Error(Usage) for a length of 0.
std::vector<int64_t> modality_grouped(const std::vector<int64_t>& lengths, int64_t batch, uint64_t seed);

}  // namespace magma
