// Quantised matrices in a safetensors file. Each is a U8 tensor [panels, bytes of a panel] in the layout of
// kernel/quantised_matrix.h; the metadata under "magma.quantised" is JSON:
//   {"version": 1, "tensors": {NAME: {"format": "int4", "group": 64, "rows": N, "columns": K}}}
#pragma once

#include <map>
#include <string>

#include "magma/kernel/quantised_matrix.h"
#include "magma/nn/safetensors.h"

namespace magma {

struct StoredMatrix {
  QuantisedFormat format;
  int64_t rows = 0, columns = 0;
};

constexpr const char* kQuantisedKey = "magma.quantised";

std::string quantised_metadata(const std::map<std::string, StoredMatrix>& matrices);
// By name; empty for a file without any. Error(Malformed) where metadata and tensors disagree, Error(Refused) for
// another version.
std::map<std::string, StoredMatrix> read_quantised_metadata(const SafetensorsFile& file, const std::string& name);

}  // namespace magma
