#include "magma/image/media/media_library.h"

#include <string>

#include <dlfcn.h>

#include "magma/core/error.h"

namespace magma {
namespace {

constexpr const char* kLibrary = "media.so";

[[noreturn]] void fail(const char* what) {
  throw Error(ErrorCode::Resource, {.file = kLibrary,
                                    .what = what,
                                    .expected = "the library that was built with this program, in the program's folder",
                                    .hint = "build or install both together"});
}

void* load() {
  std::error_code error;
  const Path program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) fail("the program's own folder cannot be found");
  // Lazy: FFmpeg draws in more than a hundred libraries, and few of their functions are called.
  void* library = dlopen((program.parent_path() / kLibrary).c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (library == nullptr) fail("the library for video cannot be loaded");
  return library;
}

}  // namespace

void* media_function(const char* name) {
  static void* const library = load();  // stays loaded: videos and errors of it may live until the end
  void* function = dlsym(library, name);
  if (function == nullptr) fail("the library for video is of another version");
  return function;
}

}  // namespace magma
