# Third-party libraries, all from the distribution (packages.txt): version in Debian 12, licence, why this one.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

# fmt 9.1, MIT: text formatting with checked format strings.
find_package(fmt REQUIRED)
# nlohmann-json 3.11, MIT: JSON values; our own checks sit in its streaming parser.
find_package(nlohmann_json REQUIRED)
# yaml-cpp 0.7, MIT: configuration files; used through its event parser, which expands no aliases.
find_package(yaml-cpp REQUIRED)
# CLI11 2.1, BSD-3: command lines with sub-commands and generated help.
find_package(CLI11 REQUIRED)
# xxHash 0.8, BSD-2: fast content hashes of outputs.
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
# OpenSSL 3.0 (libcrypto), Apache-2.0: SHA-1 and SHA-256 of inputs.
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
# OpenCV 4.6, Apache-2.0: pixel arithmetic, optical flow, robust homographies. Not its imgcodecs and videoio, which
# pull in a hundred libraries; nor libopencv-dev with its CMake files, which wants those too.
find_path(OPENCV_INCLUDE opencv2/core.hpp PATH_SUFFIXES opencv4 REQUIRED)
foreach(part core imgproc video calib3d)
  find_library(OPENCV_${part} opencv_${part} REQUIRED)
  add_library(opencv_${part} SHARED IMPORTED)
  set_target_properties(opencv_${part} PROPERTIES IMPORTED_LOCATION ${OPENCV_${part}}
                        INTERFACE_INCLUDE_DIRECTORIES ${OPENCV_INCLUDE})
endforeach()
# FFmpeg 5.1, LGPL/GPL as packaged: decoding and encoding of video. Only in the media library, loaded on first use.
pkg_check_modules(FFMPEG REQUIRED IMPORTED_TARGET libavformat libavcodec libavutil libswscale)
# zlib 1.2, zlib licence: compressed TFRecords and tensors, checksums of archives.
find_package(ZLIB REQUIRED)
# libpng 1.6 and libjpeg-turbo 2.1 (zlib-like, BSD-3): pictures, without the weight of a general codec library.
find_package(PNG REQUIRED)
find_package(JPEG REQUIRED)
# oneDNN 2.6, Apache-2.0: products of many rows in bf16 on processors that multiply bf16 themselves (AVX-512 BF16, AMX);
# weights packed once run two to four times as fast as in PyTorch. Headers only: it is loaded when first asked for.
find_path(ONEDNN_INCLUDE oneapi/dnnl/dnnl.h REQUIRED)
# Open MPI 4.1, BSD-3: several machines share the work of one list. Only in a library loaded under mpirun.
find_package(MPI COMPONENTS CXX)
# GoogleTest 1.12, BSD-3.
find_package(GTest REQUIRED)
