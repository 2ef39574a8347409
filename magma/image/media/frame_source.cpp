#include "magma/image/media/frame_source.h"

#include <algorithm>
#include <utility>

#include "magma/core/error.h"
#include "magma/core/limits.h"

namespace magma {

FrameSource::FrameSource(const VideoInput& input, int threads)
    : input_(input), threads_(threads), packet_(owned(av_packet_alloc())) {
  open();
}

void FrameSource::open() {
  decoder_.reset();
  demuxer_ = std::make_unique<Demuxer>(input_);
  decoder_ = owned(avcodec_alloc_context3(&demuxer_->codec()));
  if (avcodec_parameters_to_context(decoder_.get(), demuxer_->stream().codecpar) < 0) require_allocated(nullptr);
  decoder_->pkt_timebase = demuxer_->stream().time_base;
  decoder_->thread_count = threads_;
  decoder_->err_recognition = AV_EF_CRCCHECK;
  decoder_->max_pixels = limits().frame_side_max_px * limits().frame_side_max_px;
  if (avcodec_open2(decoder_.get(), &demuxer_->codec(), nullptr) < 0) {
    throw Error(ErrorCode::Malformed, {.file = input_.file->name(),
                                       .what = "the decoder refuses the head of the stream",
                                       .got = demuxer_->codec().name});
  }
}

bool FrameSource::next(AVFrame& frame) {
  while (true) {
    const int got = avcodec_receive_frame(decoder_.get(), &frame);
    if (got == 0) return true;
    if (got == AVERROR_EOF) return false;
    if (got == AVERROR(ENOMEM)) require_allocated(nullptr);
    if (got == AVERROR(EAGAIN)) {
      feed();
    } else {
      ++refused_;
    }
  }
}

void FrameSource::feed() {
  if (!has_packet_) has_packet_ = demuxer_->read(*packet_);
  draining_ = draining_ || !has_packet_;
  const int sent = avcodec_send_packet(decoder_.get(), draining_ ? nullptr : packet_.get());
  if (sent == AVERROR(ENOMEM)) require_allocated(nullptr);
  if (sent < 0 && sent != AVERROR_EOF) ++refused_;
  has_packet_ = false;
}

void FrameSource::restart() {
  has_packet_ = draining_ = false;
  open();
}

bool FrameSource::read_key_packet() {
  do {
    if (!demuxer_->read(*packet_)) return false;
  } while ((packet_->flags & AV_PKT_FLAG_KEY) == 0);
  return packet_->pts != AV_NOPTS_VALUE;
}

std::optional<int64_t> FrameSource::seek(int64_t pts) {
  constexpr int kTries = 8;  // each goes one key frame back, for containers that seek by decoding time
  int64_t ask = pts;
  for (int i = 0; i < kTries; ++i) {
    if (!demuxer_->seek(ask)) return std::nullopt;
    avcodec_flush_buffers(decoder_.get());
    draining_ = false;
    has_packet_ = read_key_packet();
    if (!has_packet_) return std::nullopt;
    if (packet_->pts <= pts) return packet_->pts;
    const int64_t decoded_at = packet_->dts == AV_NOPTS_VALUE ? packet_->pts : packet_->dts;
    ask = std::min(ask, decoded_at) - 1;
  }
  return std::nullopt;
}

int64_t FrameSource::take_refused() { return std::exchange(refused_, 0); }

}  // namespace magma
