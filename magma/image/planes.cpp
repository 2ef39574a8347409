#include "magma/image/planes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "magma/core/check.h"
#include "magma/core/simd.h"
#include "magma/image/area_average.h"

namespace magma {
namespace {

// One plane of a decoded frame.
struct StoredPlane {
  const uint8_t* pixels = nullptr;
  int stride = 0;
  Size size;
};

void set_size(GreyImage& image, Size size) {
  image.size = size;
  image.pixels.resize(static_cast<size_t>(size.w) * static_cast<size_t>(size.h));
}

cv::Mat matrix_of(GreyImage& image) { return {image.size.h, image.size.w, CV_8UC1, image.pixels.data()}; }

Size turned(Size size, int rotation) { return rotation == 90 || rotation == 270 ? Size{size.h, size.w} : size; }

Size chroma_of(Size luma) { return {(luma.w + 1) / 2, (luma.h + 1) / 2}; }

void resize_plane(const StoredPlane& from, Size to, bool area, cv::Mat& out) {
  const cv::Mat source(from.size.h, from.size.w, CV_8UC1, const_cast<uint8_t*>(from.pixels),
                       static_cast<size_t>(from.stride));
  if (from.size == to) {
    source.copyTo(out);
    return;
  }
  const bool shrinks = to.w <= from.size.w && to.h <= from.size.h;
  const bool is_halved = from.size.w == 2 * to.w && from.size.h == 2 * to.h;  // where OpenCV is fast
  if (area && shrinks && !is_halved) {
    out.create(to.h, to.w, CV_8UC1);
    average_areas(from.pixels, static_cast<size_t>(from.stride), from.size, to, out.data);
    return;
  }
  cv::resize(source, out, {to.w, to.h}, 0, 0, area && shrinks ? cv::INTER_AREA : cv::INTER_LINEAR);
}

// Resized, then turned upright, into memory that `out` owns.
void take_plane(const StoredPlane& from, Size to, bool area, int rotation, GreyImage& out) {
  set_size(out, to);
  cv::Mat target = matrix_of(out);
  if (rotation == 0) {
    resize_plane(from, to, area, target);
  } else {
    cv::Mat small;
    resize_plane(from, turned(to, rotation), area, small);
    const int code = rotation == 90    ? cv::ROTATE_90_CLOCKWISE
                     : rotation == 180 ? cv::ROTATE_180
                                       : cv::ROTATE_90_COUNTERCLOCKWISE;
    cv::rotate(small, target, code);
  }
  MAGMA_CHECK(target.data == out.pixels.data(), "a plane of {}x{} px was reallocated", to.w, to.h);
}

// Limited range to full range, rounded to nearest: 219 steps of luma become 255.
MAGMA_CPU_CLONES void widen_luma(GreyImage& luma) {
  for (uint8_t& value : luma.pixels) {
    const int above = std::max(int{value} - 16, 0);
    value = static_cast<uint8_t>(std::min(above + ((above * 10773 + 32768) >> 16), 255));  // 10773 / 65536 = 36 / 219
  }
}

// 224 steps of chroma become 255, around 128.
MAGMA_CPU_CLONES void widen_chroma(GreyImage& chroma) {
  for (uint8_t& value : chroma.pixels) {
    const int offset = int{value} - 128;
    const int wide = 128 + offset + ((offset * 9070 + 32768) >> 16);  // 9070 / 65536 = 31 / 224
    value = static_cast<uint8_t>(std::clamp(wide, 0, 255));
  }
}

void fill_chroma(Size size, GreyImage& out) {
  set_size(out, size);
  std::fill(out.pixels.begin(), out.pixels.end(), uint8_t{128});
}

void take_planes(const DecodedFrame& frame, Size luma, bool area, Planes& out) {
  MAGMA_CHECK(luma.w >= 1 && luma.h >= 1, "planes of {}x{} px", luma.w, luma.h);
  const auto stored = [&](int i) {
    return StoredPlane{frame.plane[i], frame.stride[i], i == 0 ? frame.size : frame.chroma};
  };
  out.bt709 = frame.bt709;
  take_plane(stored(0), luma, area, frame.rotation, out.luma);
  if (!frame.full_range) widen_luma(out.luma);
  if (frame.plane[1] == nullptr) {
    fill_chroma(chroma_of(luma), out.u);
    fill_chroma(chroma_of(luma), out.v);
    return;
  }
  take_plane(stored(1), chroma_of(luma), area, frame.rotation, out.u);
  take_plane(stored(2), chroma_of(luma), area, frame.rotation, out.v);
  if (frame.full_range) return;
  widen_chroma(out.u);
  widen_chroma(out.v);
}

// 16-bit fixed point; full range.
struct RgbMatrix {
  int v_to_r, u_to_g, v_to_g, u_to_b;
};
constexpr RgbMatrix kBt601 = {91881, -22554, -46802, 116130};
constexpr RgbMatrix kBt709 = {103206, -12277, -30679, 121609};

// 16 times the chroma (minus 128) of luma row y, one value per luma column. Rows and columns mix 3 : 1: chroma samples
// lie between those of luma.
MAGMA_CPU_CLONES void spread_chroma(const GreyImage& chroma, int y, std::vector<int16_t>& mixed, int16_t* out) {
  const int near = y / 2, w = chroma.size.w;
  const int far = std::clamp((y & 1) != 0 ? near + 1 : near - 1, 0, chroma.size.h - 1);
  const uint8_t* a = chroma.row(near);
  const uint8_t* b = chroma.row(far);
  mixed.resize(static_cast<size_t>(w) + 2);  // a column beyond each edge
  int16_t* mix = mixed.data() + 1;
  for (int x = 0; x < w; ++x) mix[x] = static_cast<int16_t>(3 * a[x] + b[x] - 512);
  mix[-1] = mix[0];
  mix[w] = mix[w - 1];
  for (int x = 0; x < w; ++x) {
    out[2 * x] = static_cast<int16_t>(3 * mix[x] + mix[x - 1]);
    out[2 * x + 1] = static_cast<int16_t>(3 * mix[x] + mix[x + 1]);
  }
}

MAGMA_INLINE uint8_t to_byte(int fixed) { return static_cast<uint8_t>(std::clamp((fixed + (1 << 19)) >> 20, 0, 255)); }

MAGMA_CPU_CLONES void mix_colours(const uint8_t* luma, const int16_t* u, const int16_t* v, int count,
                                  const RgbMatrix& matrix, uint8_t* r, uint8_t* g, uint8_t* b) {
  const RgbMatrix m = matrix;
  for (int x = 0; x < count; ++x) r[x] = to_byte((int{luma[x]} << 20) + m.v_to_r * v[x]);
  for (int x = 0; x < count; ++x) g[x] = to_byte((int{luma[x]} << 20) + m.u_to_g * u[x] + m.v_to_g * v[x]);
  for (int x = 0; x < count; ++x) b[x] = to_byte((int{luma[x]} << 20) + m.u_to_b * u[x]);
}

}  // namespace

Size display_size(const DecodedFrame& frame) { return turned(frame.size, frame.rotation); }

Size fit_size(Size source, int longer_side) {
  const int longer = std::max(source.w, source.h);
  if (longer <= longer_side) return source;
  const double scale = static_cast<double>(longer_side) / longer;
  return {std::max(1, static_cast<int>(std::lround(source.w * scale))),
          std::max(1, static_cast<int>(std::lround(source.h * scale)))};
}

void scale_planes(const DecodedFrame& frame, Size luma, Planes& out) { take_planes(frame, luma, true, out); }

void sample_planes(const DecodedFrame& frame, Size luma, Planes& out) { take_planes(frame, luma, false, out); }

void planes_to_rgb(const Planes& planes, Image& out) {
  constexpr int kRows = 16;  // colours of so many rows lie side by side before they are interleaved
  const Size size = planes.luma.size;
  const RgbMatrix& matrix = planes.bt709 ? kBt709 : kBt601;
  out.size = size;
  out.pixels.resize(static_cast<size_t>(size.w) * static_cast<size_t>(size.h) * 3);
  std::vector<int16_t> mixed, u(static_cast<size_t>(size.w) + 1), v(static_cast<size_t>(size.w) + 1);
  std::vector<uint8_t> colours(static_cast<size_t>(size.w) * kRows * 3);
  for (int top = 0; top < size.h; top += kRows) {
    const int rows = std::min(kRows, size.h - top);
    const size_t pixels = static_cast<size_t>(size.w) * static_cast<size_t>(rows);
    uint8_t *r = colours.data(), *g = r + pixels, *b = g + pixels;
    for (int y = top; y < top + rows; ++y) {
      const size_t at = static_cast<size_t>(size.w) * static_cast<size_t>(y - top);
      spread_chroma(planes.u, y, mixed, u.data());
      spread_chroma(planes.v, y, mixed, v.data());
      mix_colours(planes.luma.row(y), u.data(), v.data(), size.w, matrix, r + at, g + at, b + at);
    }
    const std::array<cv::Mat, 3> channels = {cv::Mat(rows, size.w, CV_8UC1, r), cv::Mat(rows, size.w, CV_8UC1, g),
                                             cv::Mat(rows, size.w, CV_8UC1, b)};
    cv::Mat interleaved(rows, size.w, CV_8UC3, out.row(top));
    cv::merge(channels.data(), channels.size(), interleaved);
  }
}

}  // namespace magma
