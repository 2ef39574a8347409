// FFmpeg's C interfaces with owners for what they allocate.
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/display.h>
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
}

#include <memory>

namespace magma {

struct FfmpegDeleter {
  void operator()(AVFrame* frame) const { av_frame_free(&frame); }
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
  void operator()(AVCodecContext* codec) const { avcodec_free_context(&codec); }
  void operator()(SwsContext* scaler) const { sws_freeContext(scaler); }
};

template <typename Type>
using FfmpegPointer = std::unique_ptr<Type, FfmpegDeleter>;

// Error(Resource) for nullptr, which is how FFmpeg's allocators say that memory is out.
void* require_allocated(void* pointer);

template <typename Type>
FfmpegPointer<Type> owned(Type* pointer) {
  require_allocated(pointer);
  return FfmpegPointer<Type>(pointer);
}

void silence_ffmpeg();  // its log would reach stderr, where only our own lines belong

}  // namespace magma
