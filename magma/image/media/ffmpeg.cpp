#include "magma/image/media/ffmpeg.h"

#include "magma/core/error.h"

namespace magma {

void* require_allocated(void* pointer) {
  if (pointer == nullptr) throw Error(ErrorCode::Resource, {.what = "out of memory for video"});
  return pointer;
}

void silence_ffmpeg() {
  av_log_set_callback([](void*, int, const char*, va_list) {});
}

}  // namespace magma
