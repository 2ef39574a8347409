// report.html of `magma mark`: what was run, what came of it and why, with pictures of the first clips.
#pragma once

#include "magma/core/file.h"

namespace magma {

// Reads the finished shards of an output folder (layout: som_tom.md 6.2) and writes FOLDER/report.html. Memory does not
// grow with the number of clips. Errors: as of reading the folder's files.
void write_report(const Path& folder);

}  // namespace magma
