// VideoEncoder: the VideoWriter on FFmpeg: H.264 by libx264 on one thread, so that the same frames give the same bytes.
#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "magma/core/check.h"
#include "magma/core/error.h"
#include "magma/image/media/ffmpeg.h"
#include "magma/image/media/media_library.h"

namespace magma {
namespace {

class VideoEncoder final : public VideoWriter {
 public:
  VideoEncoder(const Path& path, Size size, const VideoWriterOptions& options)
      : name_(path.string()), size_(size), even_{(size.w + 1) / 2 * 2, (size.h + 1) / 2 * 2}, padded_(even_) {
    MAGMA_CHECK(size.w >= 1 && size.h >= 1, "a video of {}x{} px", size.w, size.h);
    try {
      open_encoder(options);
      open_file();
    } catch (const Error&) {
      close_file();
      throw;
    }
    padded_.pixels.resize(padded_.pixels.size() + AV_INPUT_BUFFER_PADDING_SIZE);  // the scaler reads past the end
    open_pictures();
  }

  ~VideoEncoder() override { close_file(); }

  void write(const Image& frame) override {
    MAGMA_CHECK(frame.size == size_, "a frame of {}x{} px in a video of {}x{}", frame.size.w, frame.size.h, size_.w,
                size_.h);
    pad(frame);
    if (av_frame_make_writable(picture_.get()) < 0) require_allocated(nullptr);
    const uint8_t* rows[1] = {padded_.pixels.data()};
    const int stride[1] = {even_.w * 3};
    sws_scale(scaler_.get(), rows, stride, 0, even_.h, picture_->data, picture_->linesize);
    picture_->pts = frames_++;
    encode(picture_.get());
  }

  void finish() override {
    encode(nullptr);
    require_written(av_write_trailer(muxer_));
    require_written(avio_closep(&muxer_->pb));
  }

 private:
  void open_encoder(const VideoWriterOptions& options) {
    const AVCodec* codec = avcodec_find_encoder_by_name("libx264");
    if (codec == nullptr) throw Error(ErrorCode::Resource, {.what = "FFmpeg was built without libx264"});
    encoder_ = owned(avcodec_alloc_context3(codec));
    encoder_->width = even_.w;
    encoder_->height = even_.h;
    encoder_->pix_fmt = AV_PIX_FMT_YUV420P;
    encoder_->color_range = AVCOL_RANGE_MPEG;
    encoder_->colorspace = AVCOL_SPC_BT709;
    encoder_->color_primaries = AVCOL_PRI_BT709;
    encoder_->color_trc = AVCOL_TRC_BT709;
    encoder_->time_base = {options.fps_den, options.fps_num};
    encoder_->framerate = {options.fps_num, options.fps_den};
    encoder_->thread_count = 1;
    encoder_->flags |= AV_CODEC_FLAG_BITEXACT | AV_CODEC_FLAG_GLOBAL_HEADER;
    av_opt_set(encoder_->priv_data, "preset", options.preset, 0);
    av_opt_set(encoder_->priv_data, "crf", std::to_string(options.crf).c_str(), 0);
    // Few frames in memory; and without cpu-independent the AVX-512 form of x264 164 lets what lies behind its
    // macroblock tree into the decisions, so that the same frames give other bytes.
    av_opt_set(encoder_->priv_data, "x264-params", "rc-lookahead=10:sync-lookahead=0:cpu-independent=1", 0);
    if (avcodec_open2(encoder_.get(), codec, nullptr) < 0) {
      throw Error(ErrorCode::Refused, {.file = name_,
                                       .what = "the encoder refuses this video",
                                       .got = std::to_string(even_.w) + "x" + std::to_string(even_.h) + " px, preset " +
                                              options.preset + ", crf " + std::to_string(options.crf)});
    }
  }

  void open_file() {
    const std::string address = "file:" + name_;
    if (avformat_alloc_output_context2(&muxer_, nullptr, "mp4", address.c_str()) < 0) require_allocated(nullptr);
    AVStream* stream = avformat_new_stream(muxer_, nullptr);
    require_allocated(stream);
    if (avcodec_parameters_from_context(stream->codecpar, encoder_.get()) < 0) require_allocated(nullptr);
    stream->time_base = encoder_->time_base;
    stream->avg_frame_rate = encoder_->framerate;
    muxer_->flags |= AVFMT_FLAG_BITEXACT;
    require_written(avio_open(&muxer_->pb, address.c_str(), AVIO_FLAG_WRITE));
    AVDictionary* options = nullptr;
    av_dict_set(&options, "movflags", "+faststart", 0);  // a browser plays before all has arrived
    const int begun = avformat_write_header(muxer_, &options);
    av_dict_free(&options);
    require_written(begun);
  }

  void open_pictures() {
    picture_ = owned(av_frame_alloc());
    packet_ = owned(av_packet_alloc());
    picture_->width = even_.w;
    picture_->height = even_.h;
    picture_->format = AV_PIX_FMT_YUV420P;
    if (av_frame_get_buffer(picture_.get(), 0) < 0) require_allocated(nullptr);
    constexpr int kFlags = SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INP | SWS_BITEXACT;
    scaler_ = owned(sws_getContext(even_.w, even_.h, AV_PIX_FMT_RGB24, even_.w, even_.h, AV_PIX_FMT_YUV420P, kFlags,
                                   nullptr, nullptr, nullptr));
    const int* matrix = sws_getCoefficients(SWS_CS_ITU709);
    sws_setColorspaceDetails(scaler_.get(), matrix, 1, matrix, 0, 0, 1 << 16, 1 << 16);
  }

  // To even sides, which H.264 in 4:2:0 needs, by repeating the last column and row.
  void pad(const Image& frame) {
    const size_t row_bytes = static_cast<size_t>(size_.w) * 3;
    for (int y = 0; y < even_.h; ++y) {
      uint8_t* out = padded_.row(y);
      std::memcpy(out, frame.row(std::min(y, size_.h - 1)), row_bytes);
      if (even_.w != size_.w) std::memcpy(out + row_bytes, out + row_bytes - 3, 3);
    }
  }

  void encode(const AVFrame* picture) {
    const int sent = avcodec_send_frame(encoder_.get(), picture);
    MAGMA_CHECK(sent >= 0, "the encoder refused a frame ({})", sent);
    while (true) {
      const int got = avcodec_receive_packet(encoder_.get(), packet_.get());
      if (got == AVERROR(EAGAIN) || got == AVERROR_EOF) return;
      MAGMA_CHECK(got >= 0, "the encoder failed ({})", got);
      packet_->duration = 1;
      av_packet_rescale_ts(packet_.get(), encoder_->time_base, muxer_->streams[0]->time_base);
      packet_->stream_index = 0;
      require_written(av_write_frame(muxer_, packet_.get()));
      av_packet_unref(packet_.get());
      require_written(muxer_->pb->error);  // the muxer itself does not look
    }
  }

  void require_written(int result) const {
    if (result < 0) throw system_error("write", name_, AVUNERROR(result));
  }

  void close_file() {
    if (muxer_ == nullptr) return;
    avio_closep(&muxer_->pb);
    avformat_free_context(std::exchange(muxer_, nullptr));
  }

  std::string name_;
  Size size_, even_;
  Image padded_;
  int64_t frames_ = 0;
  FfmpegPointer<AVCodecContext> encoder_;
  AVFormatContext* muxer_ = nullptr;
  FfmpegPointer<AVFrame> picture_;
  FfmpegPointer<AVPacket> packet_;
  FfmpegPointer<SwsContext> scaler_;
};

}  // namespace

extern "C" __attribute__((visibility("default"))) VideoWriter* media_open_writer(const Path& path, Size size,
                                                                                 const VideoWriterOptions& options) {
  silence_ffmpeg();
  return std::make_unique<VideoEncoder>(path, size, options).release();
}

}  // namespace magma
