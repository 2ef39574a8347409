#include "magma/image/media/demuxer.h"

#include <algorithm>
#include <array>

#include "magma/core/error.h"
#include "magma/core/limits.h"

namespace magma {

// FFmpeg's view of the file.
struct DemuxerBytes {
  static int read(void* opaque, uint8_t* out, int count) {
    auto& demuxer = *static_cast<Demuxer*>(opaque);
    try {
      const size_t got =
          demuxer.file_.read(demuxer.position_, {reinterpret_cast<char*>(out), static_cast<size_t>(count)});
      demuxer.position_ += static_cast<int64_t>(got);
      return got == 0 ? AVERROR_EOF : static_cast<int>(got);
    } catch (const Error&) {
      demuxer.read_error_ = std::current_exception();
      return AVERROR(EIO);
    }
  }

  static int64_t seek(void* opaque, int64_t offset, int whence) {
    auto& demuxer = *static_cast<Demuxer*>(opaque);
    const int64_t size = demuxer.file_.size();
    if ((whence & AVSEEK_SIZE) != 0) return size;
    const int from = whence & ~AVSEEK_FORCE;
    const int64_t base = from == SEEK_CUR ? demuxer.position_ : from == SEEK_END ? size : 0;
    if (offset < -base || offset > INT64_MAX - base) return AVERROR(EINVAL);
    demuxer.position_ = base + offset;
    return demuxer.position_;
  }

  static int refuse_open(AVFormatContext*, AVIOContext** bytes, const char*, int, AVDictionary**) {
    *bytes = nullptr;
    return AVERROR(EPERM);
  }
};

namespace {

constexpr int kBufferBytes = 1 << 16;
constexpr double kFastestFps = 1000;

const char* demuxer_name(VideoContainer container) {
  switch (container) {
    case VideoContainer::None:
      return "";
    case VideoContainer::Iso:
      return "mov";
    case VideoContainer::Avi:
      return "avi";
    case VideoContainer::Matroska:
      return "matroska";
    case VideoContainer::Gif:
      return "gif";
    case VideoContainer::MpegTs:
      return "mpegts";
    case VideoContainer::MpegPs:
      return "mpeg";
    case VideoContainer::Flv:
      return "flv";
    case VideoContainer::Ogg:
      return "ogg";
    case VideoContainer::Yuv4Mpeg:
      return "yuv4mpegpipe";
    case VideoContainer::Asf:
      return "asf";
  }
  return "";
}

bool is_allowed(AVCodecID codec) {
  constexpr std::array kCodecs = {AV_CODEC_ID_H264,
                                  AV_CODEC_ID_HEVC,
                                  AV_CODEC_ID_MPEG4,
                                  AV_CODEC_ID_MSMPEG4V1,
                                  AV_CODEC_ID_MSMPEG4V2,
                                  AV_CODEC_ID_MSMPEG4V3,
                                  AV_CODEC_ID_MPEG1VIDEO,
                                  AV_CODEC_ID_MPEG2VIDEO,
                                  AV_CODEC_ID_VP8,
                                  AV_CODEC_ID_VP9,
                                  AV_CODEC_ID_AV1,
                                  AV_CODEC_ID_THEORA,
                                  AV_CODEC_ID_MJPEG,
                                  AV_CODEC_ID_PNG,
                                  AV_CODEC_ID_GIF,
                                  AV_CODEC_ID_RAWVIDEO,
                                  AV_CODEC_ID_FFV1,
                                  AV_CODEC_ID_HUFFYUV,
                                  AV_CODEC_ID_FFVHUFF,
                                  AV_CODEC_ID_CINEPAK,
                                  AV_CODEC_ID_MSVIDEO1,
                                  AV_CODEC_ID_PRORES,
                                  AV_CODEC_ID_DNXHD,
                                  AV_CODEC_ID_H263,
                                  AV_CODEC_ID_FLV1,
                                  AV_CODEC_ID_WMV1,
                                  AV_CODEC_ID_WMV2,
                                  AV_CODEC_ID_WMV3,
                                  AV_CODEC_ID_VC1,
                                  AV_CODEC_ID_QTRLE,
                                  AV_CODEC_ID_WRAPPED_AVFRAME};
  return std::find(kCodecs.begin(), kCodecs.end(), codec) != kCodecs.end();
}

bool is_pictures(const AVStream& stream) {
  return stream.codecpar->codec_type == AVMEDIA_TYPE_VIDEO && (stream.disposition & AV_DISPOSITION_ATTACHED_PIC) == 0;
}

void require_side(int side, std::string_view field) {
  if (side != 0) bounded(side, limits().frame_side_min_px, limits().frame_side_max_px, field);
}

}  // namespace

Demuxer::Demuxer(const VideoInput& input) : file_(*input.file), container_(input.container) {
  try {
    open_bytes();
    open_container();
    choose_stream();
    require_packets_inside();
  } catch (const Error& error) {
    avformat_close_input(&format_);
    if (bytes_ != nullptr) av_freep(&bytes_->buffer);
    avio_context_free(&bytes_);
    throw error.with_file(file_.name());
  }
}

Demuxer::~Demuxer() {
  avformat_close_input(&format_);
  av_freep(&bytes_->buffer);
  avio_context_free(&bytes_);
}

void Demuxer::open_bytes() {
  auto* buffer = static_cast<unsigned char*>(require_allocated(av_malloc(kBufferBytes)));
  bytes_ = avio_alloc_context(buffer, kBufferBytes, 0, this, &DemuxerBytes::read, nullptr, &DemuxerBytes::seek);
  if (bytes_ == nullptr) av_free(buffer);
  require_allocated(bytes_);
}

void Demuxer::open_container() {
  format_ = avformat_alloc_context();
  require_allocated(format_);
  format_->pb = bytes_;
  format_->io_open = &DemuxerBytes::refuse_open;
  format_->max_streams = static_cast<int>(limits().video_streams);
  const AVInputFormat* kind = av_find_input_format(demuxer_name(container_));
  if (kind == nullptr) throw Error(ErrorCode::Refused, {.what = "FFmpeg was built without this container"});
  const int opened = avformat_open_input(&format_, "", kind, nullptr);  // frees and nulls format_ when it fails
  if (read_error_) std::rethrow_exception(read_error_);
  if (opened < 0) malformed("the head of the file is damaged");
  for (unsigned i = 0; i < format_->nb_streams; ++i) {  // before any decoder allocates by them
    if (!is_pictures(*format_->streams[i])) continue;
    require_side(format_->streams[i]->codecpar->width, "frame width");
    require_side(format_->streams[i]->codecpar->height, "frame height");
  }
  const int found = avformat_find_stream_info(format_, nullptr);
  if (read_error_) std::rethrow_exception(read_error_);
  if (found < 0) malformed("the head of the file is damaged");
}

void Demuxer::choose_stream() {
  for (unsigned i = 0; i < format_->nb_streams; ++i) {
    if (stream_ == nullptr && is_pictures(*format_->streams[i])) stream_ = format_->streams[i];
    if (stream_ != format_->streams[i]) format_->streams[i]->discard = AVDISCARD_ALL;
  }
  if (stream_ == nullptr) malformed("no video stream");
  const AVCodecID id = stream_->codecpar->codec_id;
  codec_ = is_allowed(id) ? avcodec_find_decoder(id) : nullptr;
  if (codec_ == nullptr) {
    throw Error(ErrorCode::Refused, {.where = "stream " + std::to_string(stream_->index),
                                     .what = "this codec is not decoded",
                                     .expected = "H.264, HEVC, VP8, VP9, AV1, MPEG-4 or another common one",
                                     .got = avcodec_get_name(id),
                                     .hint = "convert the video to H.264"});
  }
  require_side(stream_->codecpar->width, "frame width");
  require_side(stream_->codecpar->height, "frame height");
}

// Where the container has an index of packets, none may lie past the end of the file.
void Demuxer::require_packets_inside() const {
  if (container_ != VideoContainer::Iso && container_ != VideoContainer::Avi) return;  // others index positions only
  for (int i = 0; i < avformat_index_get_entries_count(stream_); ++i) {
    const AVIndexEntry* entry = avformat_index_get_entry(stream_, i);
    if (entry->pos >= 0 && entry->pos <= file_.size() - entry->size) continue;
    malformed("the file is truncated: a packet lies past its end", "packet " + std::to_string(i));
  }
}

void Demuxer::malformed(std::string what, std::string where) const {
  throw Error(ErrorCode::Malformed, {.file = file_.name(), .where = std::move(where), .what = std::move(what)});
}

Rational Demuxer::fps() const {
  const AVRational average = stream_->avg_frame_rate;
  if (average.num > 0 && average.den > 0 && av_q2d(average) <= kFastestFps) return {average.num, average.den};
  return {30, 1};
}

bool Demuxer::has_audio() const {
  return std::any_of(format_->streams, format_->streams + format_->nb_streams,
                     [](const AVStream* stream) { return stream->codecpar->codec_type == AVMEDIA_TYPE_AUDIO; });
}

double Demuxer::claimed_duration_s() const {
  if (stream_->duration != AV_NOPTS_VALUE) return static_cast<double>(stream_->duration) * av_q2d(stream_->time_base);
  if (format_->duration != AV_NOPTS_VALUE) return static_cast<double>(format_->duration) / AV_TIME_BASE;
  return -1;
}

bool Demuxer::read(AVPacket& packet) {
  while (true) {
    av_packet_unref(&packet);
    const int got = av_read_frame(format_, &packet);
    if (read_error_) std::rethrow_exception(read_error_);
    if (got == AVERROR_EOF) return false;
    if (got < 0) malformed("the file is damaged or truncated", "byte " + std::to_string(position_));
    if (packet.stream_index == stream_->index) return true;
  }
}

bool Demuxer::seek(int64_t pts) {
  const int done = av_seek_frame(format_, stream_->index, pts, AVSEEK_FLAG_BACKWARD);
  if (read_error_) std::rethrow_exception(read_error_);
  return done >= 0;
}

}  // namespace magma
