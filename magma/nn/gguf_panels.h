// Quantised blocks of GGUF -> panels (kernel/quantised_matrix.h): the same codes and scales in another order.
#pragma once

#include <optional>
#include <span>

#include "magma/kernel/quantised_matrix.h"
#include "magma/nn/gguf_blocks.h"

namespace magma {

// The format of panels that holds the type exactly; none: its values are floating-point numbers.
std::optional<QuantisedFormat> panel_format(GgufTensorType type);

// Rows 64 panel .. of the matrix, `rows[i]` its blocks. `panels`: of the whole matrix, zero before.
void write_gguf_panel(GgufTensorType type, std::span<const char* const> rows, const QuantisedMatrix& matrix,
                      int64_t panel, uint8_t* panels);

}  // namespace magma
