#include "magma/image/media/frame_planes.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "magma/core/error.h"
#include "magma/core/limits.h"

namespace magma {
namespace {

constexpr int kHdHeight = 720;  // an untagged picture of this height or more is BT.709 by convention

bool is_planar_8bit(AVPixelFormat format) {
  constexpr std::array kFormats = {AV_PIX_FMT_YUV420P,  AV_PIX_FMT_YUVJ420P, AV_PIX_FMT_YUV422P, AV_PIX_FMT_YUVJ422P,
                                   AV_PIX_FMT_YUV444P,  AV_PIX_FMT_YUVJ444P, AV_PIX_FMT_YUV440P, AV_PIX_FMT_YUVJ440P,
                                   AV_PIX_FMT_YUV411P,  AV_PIX_FMT_YUVJ411P, AV_PIX_FMT_YUV410P, AV_PIX_FMT_GRAY8,
                                   AV_PIX_FMT_YUVA420P, AV_PIX_FMT_YUVA422P, AV_PIX_FMT_YUVA444P};
  return std::find(kFormats.begin(), kFormats.end(), format) != kFormats.end();
}

const AVPixFmtDescriptor& descriptor_of(AVPixelFormat format) {
  const AVPixFmtDescriptor* descriptor = av_pix_fmt_desc_get(format);
  if (descriptor == nullptr) throw Error(ErrorCode::Refused, {.what = "unknown pixel format"});
  return *descriptor;
}

bool is_rgb(const AVPixFmtDescriptor& descriptor) {
  return (descriptor.flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL)) != 0;
}

// The 8-bit planar format that keeps the chroma.
AVPixelFormat nearest_format(const AVPixFmtDescriptor& descriptor) {
  if (is_rgb(descriptor)) return AV_PIX_FMT_YUV444P;
  if (descriptor.nb_components <= 2) return AV_PIX_FMT_GRAY8;
  if (descriptor.log2_chroma_h != 0) return AV_PIX_FMT_YUV420P;
  return descriptor.log2_chroma_w != 0 ? AV_PIX_FMT_YUV422P : AV_PIX_FMT_YUV444P;
}

bool is_yuvj(AVPixelFormat format) {
  return format == AV_PIX_FMT_YUVJ420P || format == AV_PIX_FMT_YUVJ422P || format == AV_PIX_FMT_YUVJ444P ||
         format == AV_PIX_FMT_YUVJ440P || format == AV_PIX_FMT_YUVJ411P;
}

bool is_full_range(const AVFrame& frame) {
  return frame.color_range == AVCOL_RANGE_JPEG || is_yuvj(static_cast<AVPixelFormat>(frame.format));
}

bool is_bt709(const AVFrame& frame) {
  switch (frame.colorspace) {
    case AVCOL_SPC_BT709:
    case AVCOL_SPC_BT2020_NCL:  // nearest of the two
    case AVCOL_SPC_BT2020_CL:
      return true;
    case AVCOL_SPC_UNSPECIFIED:
      return frame.height >= kHdHeight;
    default:
      return false;
  }
}

}  // namespace

const DecodedFrame& FramePlanes::view(const AVFrame& frame, int rotation) {
  bounded(frame.width, limits().frame_side_min_px, limits().frame_side_max_px, "frame width");
  bounded(frame.height, limits().frame_side_min_px, limits().frame_side_max_px, "frame height");
  const auto format = static_cast<AVPixelFormat>(frame.format);
  const AVFrame& source = is_planar_8bit(format) ? frame : converted(frame);
  const AVPixFmtDescriptor& descriptor = descriptor_of(static_cast<AVPixelFormat>(source.format));
  const bool from_rgb = is_rgb(descriptor_of(format));
  view_ = {};
  view_.size = {source.width, source.height};
  view_.full_range = from_rgb || is_full_range(frame);
  view_.bt709 = !from_rgb && is_bt709(frame);
  view_.rotation = rotation;
  const int planes = descriptor.nb_components >= 3 ? 3 : 1;
  for (int i = 0; i < planes; ++i) {
    view_.plane[i] = source.data[i];
    view_.stride[i] = source.linesize[i];
  }
  if (planes == 3) {
    view_.chroma = {AV_CEIL_RSHIFT(source.width, descriptor.log2_chroma_w),
                    AV_CEIL_RSHIFT(source.height, descriptor.log2_chroma_h)};
  }
  return view_;
}

// RGB becomes full-range BT.601, whose luma is the grey that OpenCV makes of RGB; YUV keeps its range and matrix.
const AVFrame& FramePlanes::converted(const AVFrame& frame) {
  const auto from = static_cast<AVPixelFormat>(frame.format);
  const AVPixFmtDescriptor& descriptor = descriptor_of(from);
  if ((descriptor.flags & AV_PIX_FMT_FLAG_HWACCEL) != 0 || sws_isSupportedInput(from) == 0) {
    throw Error(ErrorCode::Refused, {.what = "this pixel format is not converted", .got = descriptor.name});
  }
  const AVPixelFormat to = nearest_format(descriptor);
  if (!target_ || target_->width != frame.width || target_->height != frame.height || target_->format != to) {
    target_ = owned(av_frame_alloc());
    target_->width = frame.width;
    target_->height = frame.height;
    target_->format = to;
    if (av_frame_get_buffer(target_.get(), 0) < 0) require_allocated(nullptr);
  }
  constexpr int kFlags = SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INP | SWS_BITEXACT;
  SwsContext* scaler = sws_getCachedContext(scaler_.release(), frame.width, frame.height, from, frame.width,
                                            frame.height, to, kFlags, nullptr, nullptr, nullptr);
  scaler_ = owned(scaler);
  const bool rgb = is_rgb(descriptor);
  const int full = rgb || is_full_range(frame) ? 1 : 0;
  const int* matrix = sws_getCoefficients(!rgb && is_bt709(frame) ? SWS_CS_ITU709 : SWS_CS_ITU601);
  sws_setColorspaceDetails(scaler, matrix, full, matrix, full, 0, 1 << 16, 1 << 16);
  sws_scale(scaler, frame.data, frame.linesize, 0, frame.height, target_->data, target_->linesize);
  return *target_;
}

int upright_rotation(const AVStream& stream) {
  const uint8_t* data = av_stream_get_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, nullptr);
  if (data == nullptr) return 0;
  const double anticlockwise = av_display_rotation_get(reinterpret_cast<const int32_t*>(data));
  if (!std::isfinite(anticlockwise)) return 0;
  const double quarters = std::round(-anticlockwise / 90);
  if (std::abs(-anticlockwise - quarters * 90) > 2) return 0;
  return ((static_cast<int>(quarters) % 4 + 4) % 4) * 90;
}

}  // namespace magma
