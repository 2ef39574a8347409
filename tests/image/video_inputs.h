// Videos that the ffmpeg program makes for a test, and what that program says is in them.
#pragma once

#include <array>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

#include "magma/core/file.h"
#include "magma/image/video_reader.h"

namespace magma {

inline std::string output_of(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), &pclose);
  if (!pipe) throw std::runtime_error("cannot run " + command);
  std::string output;
  std::array<char, 1 << 16> buffer;
  while (const size_t got = fread(buffer.data(), 1, buffer.size(), pipe.get())) output.append(buffer.data(), got);
  return output;
}

// ffmpeg with `arguments`, writing folder/name.
inline Path make_video(const Path& folder, const std::string& name, const std::string& arguments) {
  const Path path = folder / name;
  const std::string command = "ffmpeg -nostdin -v error -y " + arguments + " '" + path.string() + "' 2>&1";
  const std::string said = output_of(command);
  if (!std::filesystem::exists(path)) throw std::runtime_error(command + ": " + said);
  return path;
}

inline const std::string kMovingPicture = "-f lavfi -i testsrc2=size=160x96:rate=25 ";

// All luma samples of all frames as ffmpeg decodes them to 8-bit planes of their own sampling.
inline std::string luma_by_ffmpeg(const Path& path, const std::string& pixel_format) {
  return output_of("ffmpeg -nostdin -v error -noautorotate -i '" + path.string() +
                   "' -map 0:v:0 -vsync passthrough -vf extractplanes=y -pix_fmt " + pixel_format + " -f rawvideo -");
}

inline std::string luma_of(const DecodedFrame& frame) {
  std::string luma;
  for (int y = 0; y < frame.size.h; ++y) {
    const auto* row = reinterpret_cast<const char*>(frame.plane[0] + y * frame.stride[0]);
    luma.append(row, static_cast<size_t>(frame.size.w));
  }
  return luma;
}

}  // namespace magma
