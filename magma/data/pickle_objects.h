// What the allowed names of a pickle make: dictionaries, bytes, tensors, arrays. Source: data_formats.md 8.4.
#pragma once

#include "magma/data/pickle_graph.h"
#include "magma/data/pickle_machine.h"

namespace magma {

// The node that `callable` applied to the tuple `arguments` stands for.
uint32_t reduce_pickle(PickleGraph& graph, const PickleSite& site, uint32_t callable, uint32_t arguments);
// Gives `target` its state.
void build_pickle(PickleGraph& graph, const PickleSite& site, uint32_t target, uint32_t state);
// The storage of a persistent id.
uint32_t pickle_storage(PickleGraph& graph, const PickleSite& site, uint32_t id);

}  // namespace magma
