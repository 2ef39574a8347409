#include "magma/image/codec.h"

#include <algorithm>
#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <jpeglib.h>
#include <png.h>

#include "magma/core/check.h"
#include "magma/core/error.h"

namespace magma {
namespace {

// libjpeg and libpng report errors by a jump. Everything with a destructor lives outside the functions that jump.

Error malformed(const std::string& file, const char* what) {
  return Error(ErrorCode::Malformed, {.file = file, .what = what});
}

void require_pixels(uint64_t w, uint64_t h, const std::string& file, int64_t max_pixels) {
  if (w == 0 || h == 0) throw malformed(file, "the picture has no pixels");
  if (w <= static_cast<uint64_t>(max_pixels) / h) return;
  throw Error(ErrorCode::Refused, {.file = file,
                                   .what = "the picture is too large",
                                   .expected = "at most " + std::to_string(max_pixels) + " pixels",
                                   .got = std::to_string(w) + "x" + std::to_string(h)});
}

struct JpegErrors {
  jpeg_error_mgr base;  // first, so that libjpeg's pointer is ours
  jmp_buf jump;
};

[[noreturn]] void jump_out(j_common_ptr info) { longjmp(reinterpret_cast<JpegErrors*>(info->err)->jump, 1); }

// Warnings are damage too: a truncated file is only a warning to libjpeg.
void jump_out_of_warnings(j_common_ptr info, int level) {
  if (level < 0) jump_out(info);
}

jpeg_error_mgr* set_errors(JpegErrors& errors) {
  jpeg_std_error(&errors.base);
  errors.base.error_exit = &jump_out;
  errors.base.emit_message = &jump_out_of_warnings;
  return &errors.base;
}

bool read_jpeg_header(jpeg_decompress_struct& info, JpegErrors& errors, std::string_view bytes) {
  if (setjmp(errors.jump) != 0) return false;
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_read_header(&info, TRUE);
  return true;
}

// CMYK stays as it is stored; every other kind becomes RGB.
bool read_jpeg_rows(jpeg_decompress_struct& info, JpegErrors& errors, uint8_t* out) {
  if (setjmp(errors.jump) != 0) return false;
  info.dct_method = JDCT_ISLOW;
  jpeg_start_decompress(&info);
  const size_t stride = size_t{info.output_width} * static_cast<size_t>(info.output_components);
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = out + info.output_scanline * stride;
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);
  return true;
}

struct JpegReader {
  jpeg_decompress_struct info = {};
  JpegErrors errors = {};
  JpegReader() { info.err = set_errors(errors); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;
  ~JpegReader() { jpeg_destroy_decompress(&info); }
};

Image decode_jpeg(std::string_view bytes, const std::string& file, int64_t max_pixels) {
  JpegReader reader;
  if (!read_jpeg_header(reader.info, reader.errors, bytes)) throw malformed(file, "the JPEG is damaged or truncated");
  require_pixels(reader.info.image_width, reader.info.image_height, file, max_pixels);
  if (reader.info.num_components == 4) {
    throw Error(ErrorCode::Refused, {.file = file, .what = "CMYK pictures are not read", .hint = "convert it to RGB"});
  }
  reader.info.out_color_space = JCS_RGB;
  Image image(Size{static_cast<int>(reader.info.image_width), static_cast<int>(reader.info.image_height)});
  if (!read_jpeg_rows(reader.info, reader.errors, image.pixels.data())) {
    throw malformed(file, "the JPEG is damaged or truncated");
  }
  return image;
}

struct JpegWriter {
  jpeg_compress_struct info = {};
  JpegErrors errors = {};
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  JpegWriter() { info.err = set_errors(errors); }
  JpegWriter(const JpegWriter&) = delete;
  JpegWriter& operator=(const JpegWriter&) = delete;
  ~JpegWriter() {
    jpeg_destroy_compress(&info);
    std::free(bytes);
  }
};

bool write_jpeg(JpegWriter& writer, const Image& image, int quality) {
  if (setjmp(writer.errors.jump) != 0) return false;
  jpeg_compress_struct& info = writer.info;
  jpeg_create_compress(&info);
  jpeg_mem_dest(&info, &writer.bytes, &writer.size);
  info.image_width = static_cast<JDIMENSION>(image.size.w);
  info.image_height = static_cast<JDIMENSION>(image.size.h);
  info.input_components = 3;
  info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, quality, TRUE);
  info.dct_method = JDCT_ISLOW;
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    JSAMPROW row = const_cast<uint8_t*>(image.row(static_cast<int>(info.next_scanline)));
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  return true;
}

struct PngState {
  png_image image = {};
  PngState() { image.version = PNG_IMAGE_VERSION; }
  PngState(const PngState&) = delete;
  PngState& operator=(const PngState&) = delete;
  ~PngState() { png_image_free(&image); }
};

// Bytes of a PNG for libpng, and where its errors jump to.
struct PngSource {
  std::string_view rest;
  jmp_buf jump;
};

void read_png_bytes(png_structp png, png_bytep to, size_t count) {
  auto& source = *static_cast<PngSource*>(png_get_io_ptr(png));
  if (count > source.rest.size()) png_error(png, "truncated");
  std::memcpy(to, source.rest.data(), count);
  source.rest.remove_prefix(count);
}

[[noreturn]] void jump_out_of_png(png_structp png, png_const_charp /*message*/) {
  longjmp(static_cast<PngSource*>(png_get_error_ptr(png))->jump, 1);
}

void ignore_png_warning(png_structp /*png*/, png_const_charp /*message*/) {}

struct PngReader {
  PngSource source;
  png_structp png;
  png_infop info;
  explicit PngReader(std::string_view bytes)
      : source{bytes, {}},
        png(png_create_read_struct(PNG_LIBPNG_VER_STRING, &source, &jump_out_of_png, &ignore_png_warning)),
        info(png == nullptr ? nullptr : png_create_info_struct(png)) {
    if (info == nullptr) throw Error(ErrorCode::Resource, {.what = "out of memory for a PNG"});
    png_set_read_fn(png, &source, &read_png_bytes);
  }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;
  ~PngReader() { png_destroy_read_struct(&png, &info, nullptr); }
};

bool read_png_header(PngReader& reader) {
  if (setjmp(reader.source.jump) != 0) return false;
  png_read_info(reader.png, reader.info);
  return true;
}

// Values as they are stored: no gamma, no colour profile, of 16 bits the upper 8, alpha dropped.
bool read_png_rows(PngReader& reader, png_bytepp rows, size_t row_bytes) {
  if (setjmp(reader.source.jump) != 0) return false;
  png_set_strip_16(reader.png);
  if (png_get_color_type(reader.png, reader.info) == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(reader.png);
  png_set_expand_gray_1_2_4_to_8(reader.png);
  png_set_gray_to_rgb(reader.png);
  png_set_strip_alpha(reader.png);
  png_set_interlace_handling(reader.png);
  png_read_update_info(reader.png, reader.info);
  if (png_get_rowbytes(reader.png, reader.info) != row_bytes) return false;
  png_read_image(reader.png, rows);
  png_read_end(reader.png, nullptr);  // the end mark must be there
  return true;
}

Image decode_png(std::string_view bytes, const std::string& file, int64_t max_pixels) {
  PngReader reader(bytes);
  constexpr const char* kDamaged = "the PNG is damaged or truncated";
  if (!read_png_header(reader)) throw malformed(file, kDamaged);
  const png_uint_32 w = png_get_image_width(reader.png, reader.info), h = png_get_image_height(reader.png, reader.info);
  require_pixels(w, h, file, max_pixels);
  Image image(Size{static_cast<int>(w), static_cast<int>(h)});
  std::vector<png_bytep> rows;
  for (int y = 0; y < image.size.h; ++y) rows.push_back(image.row(y));
  if (!read_png_rows(reader, rows.data(), size_t{w} * 3)) throw malformed(file, kDamaged);
  return image;
}

}  // namespace

std::string encode_jpeg(const Image& image, int quality) {
  MAGMA_CHECK(image.size.w >= 1 && image.size.h >= 1 && image.size.w <= 65500 && image.size.h <= 65500,
              "a JPEG of {}x{} px", image.size.w, image.size.h);
  JpegWriter writer;
  if (!write_jpeg(writer, image, quality)) throw Error(ErrorCode::Resource, {.what = "out of memory for a JPEG"});
  return {reinterpret_cast<const char*>(writer.bytes), writer.size};
}

std::string encode_png(const Image& image) {
  MAGMA_CHECK(image.size.w >= 1 && image.size.h >= 1, "a PNG of {}x{} px", image.size.w, image.size.h);
  PngState writer;
  writer.image.width = static_cast<png_uint_32>(image.size.w);
  writer.image.height = static_cast<png_uint_32>(image.size.h);
  writer.image.format = PNG_FORMAT_RGB;
  std::string bytes(PNG_IMAGE_PNG_SIZE_MAX(writer.image), '\0');
  png_alloc_size_t size = bytes.size();
  if (png_image_write_to_memory(&writer.image, bytes.data(), &size, 0, image.pixels.data(), 0, nullptr) == 0) {
    throw Error(ErrorCode::Resource, {.what = "out of memory for a PNG"});
  }
  bytes.resize(size);
  return bytes;
}

Image decode_image(std::string_view bytes, const std::string& file, int64_t max_pixels) {
  if (bytes.starts_with("\x89PNG\r\n\x1A\n")) return decode_png(bytes, file, max_pixels);
  if (bytes.starts_with("\xFF\xD8\xFF")) return decode_jpeg(bytes, file, max_pixels);
  throw Error(ErrorCode::Malformed,
              {.file = file, .where = "byte 0", .what = "not a picture", .expected = "PNG or JPEG"});
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k) group = group << 8 | (k < count ? static_cast<uint8_t>(bytes[i + k]) : 0U);
    for (size_t k = 0; k < 4; ++k) text += k <= count ? kDigits[group >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

}  // namespace magma
