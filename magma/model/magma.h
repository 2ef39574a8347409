// The native engine: tower + projector + decoder on the processor, weights mapped from their files.
#pragma once

#include <memory>
#include <string_view>

#include "magma/model/network.h"
#include "magma/nn/kv_cache.h"
#include "magma/nn/load_weights.h"

namespace magma {

// Number format of the matrices in memory. Stored: as the files have them, mapped or in blocks; otherwise quantised
// ones are widened.
enum class Precision { Stored, F32, BF16 };
Precision parse_precision(std::string_view name);  // "stored", "f32", "bf16"; Error(Usage)

// A model folder (config.json and safetensors; strict: model.md 0, 2.5, 2.6) or a GGUF file of the Llama family, which
// sees no images. `threads` never changes a result. `cache`: the format of keys and values; prefill reads them from
// there too, so that a sequence is the same however it was cut into passes.
std::unique_ptr<Network> load_network(const Path& path, int threads, Precision precision = Precision::Stored,
                                      CacheFormat cache = CacheFormat::F32);

// The same from tensors that come from elsewhere, by any name of model.md 2.6; `source` is what errors name.
std::unique_ptr<Network> make_network(const MagmaConfig& config, const WeightMap& weights, const std::string& source,
                                      int threads, CacheFormat cache = CacheFormat::F32);

// Names and shapes of every tensor of the configuration, in the order they are read.
std::vector<std::pair<std::string, Shape>> tensors_of(const MagmaConfig& config, int64_t vocabulary);

}  // namespace magma
