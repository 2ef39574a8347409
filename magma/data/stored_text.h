// A record as it is stored, for people to read.
#pragma once

#include <string>

namespace magma {

// One line of StoredFormat::show as several: where it is, then a line for each value: its kind, shape and first
// numbers. Long texts and lists are cut, and say how long they are.
void append_stored_text(std::string& out, const std::string& line);

}  // namespace magma
