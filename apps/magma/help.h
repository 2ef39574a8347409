// Help texts: usage, options, examples; the same on every terminal width, so that they can be compared word for word.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace magma {

std::string help_text(CLI::App& program);  // of the sub-command chosen on the command line, else of the program

}  // namespace magma
