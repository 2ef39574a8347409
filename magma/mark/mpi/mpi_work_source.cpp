// Ranks of one run: rank 0 hands out shards one by one, so that a slow one does not hold the others; when a rank fails,
// all end with an error that names it. In a library of its own: the program does not need MPI otherwise.
#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>

#include <mpi.h>

#include "magma/core/error.h"
#include "magma/core/log.h"
#include "magma/mark/work_source.h"

namespace magma {
namespace {

constexpr int kToFirst = 1;
constexpr int kFromFirst = 2;

enum class Kind : int64_t { Request, Finished, Failed, Shard, NoMore, Stop };

// The one message there is; ranks run the same program, so it travels as it lies in memory.
struct Message {
  Kind kind = Kind::Request;
  int64_t shard = 0;
  int64_t code = 0;  // of the failure
  int64_t rank = 0;  // that failed
  std::array<char, 512> line{};
};

Message failure_message(Kind kind, int rank, const Error& error) {
  Message message{.kind = kind, .shard = 0, .code = error.exit_code(), .rank = rank, .line = {}};
  std::strncpy(message.line.data(), error.line().c_str(), message.line.size() - 1);
  return message;
}

[[noreturn]] void throw_failure(const Message& stop) {
  const bool interrupted = stop.code == static_cast<int64_t>(ErrorCode::Interrupted);
  throw Error(interrupted ? ErrorCode::Interrupted : ErrorCode::Peer,
              {.where = "rank " + std::to_string(stop.rank),
               .what = interrupted ? "the rank was stopped" : "the rank failed, so all ranks end",
               .got = stop.line.data()});
}

void send(const Message& message, int rank, int tag) {
  MPI_Send(&message, sizeof message, MPI_BYTE, rank, tag, MPI_COMM_WORLD);
}

// Waits asleep: a waiting MPI call would keep a core busy for as long as the slowest item takes.
Message receive(int from, int tag, int* sender = nullptr) {
  int arrived = 0;
  MPI_Status status{};
  while (true) {
    MPI_Iprobe(from, tag, MPI_COMM_WORLD, &arrived, &status);
    if (arrived != 0) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  Message message;
  MPI_Recv(&message, sizeof message, MPI_BYTE, status.MPI_SOURCE, tag, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  if (sender != nullptr) *sender = status.MPI_SOURCE;
  return message;
}

// Rank 0. Its serving thread is the only one that talks MPI until finish() has joined it.
class FirstRank : public WorkSource {
 public:
  explicit FirstRank(int ranks) : ranks_(ranks), server_([this] { serve(); }) {}
  ~FirstRank() override {
    if (server_.joinable()) server_.join();
  }

  bool is_first() const override { return true; }

  void offer(std::vector<int64_t> shards) override {
    const std::lock_guard lock(mutex_);
    shards_ = std::move(shards);
    offered_ = true;
    ready_.notify_all();
  }

  std::optional<int64_t> next_shard() override {
    const std::lock_guard lock(mutex_);
    if (failed_) throw_failure(failure_);
    if (next_ == shards_.size()) return std::nullopt;
    return shards_[next_++];
  }

  void finish(const Error* failure) override {
    if (failure != nullptr) {
      const std::lock_guard lock(mutex_);
      note_failure(failure_message(Kind::Stop, 0, *failure));
      ready_.notify_all();
    }
    server_.join();
    Message verdict = failure_;
    verdict.kind = failed_ ? Kind::Stop : Kind::Finished;
    for (int rank = 1; rank < ranks_; ++rank) send(verdict, rank, kFromFirst);
    MPI_Finalize();
    if (failed_ && failure != nullptr && failure_.rank == 0) log_line(LogLevel::Error, failure->line());
    if (failed_) throw_failure(failure_);
  }

 private:
  void note_failure(const Message& failure) {
    if (failed_) return;
    failed_ = true;
    failure_ = failure;
  }

  void serve() {
    {
      std::unique_lock lock(mutex_);
      ready_.wait(lock, [this] { return offered_ || failed_; });
    }
    for (int working = ranks_ - 1; working > 0;) {
      int rank = 0;
      const Message message = receive(MPI_ANY_SOURCE, kToFirst, &rank);
      if (message.kind == Kind::Request) {
        send(answer(), rank, kFromFirst);
        continue;
      }
      --working;
      const std::lock_guard lock(mutex_);
      if (message.kind == Kind::Failed) note_failure(message);
    }
  }

  Message answer() {
    const std::lock_guard lock(mutex_);
    Message message = failure_;
    message.kind = Kind::Stop;
    if (failed_) return message;
    message.kind = Kind::NoMore;
    if (next_ == shards_.size()) return message;
    message.kind = Kind::Shard;
    message.shard = shards_[next_++];
    return message;
  }

  int ranks_;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::vector<int64_t> shards_;
  size_t next_ = 0;
  bool offered_ = false;
  bool failed_ = false;
  Message failure_;
  std::thread server_;  // last: it uses the rest
};

class OtherRank : public WorkSource {
 public:
  explicit OtherRank(int rank) : rank_(rank) {}

  bool is_first() const override { return false; }
  void offer(std::vector<int64_t> /*shards*/) override {}

  std::optional<int64_t> next_shard() override {
    if (no_more_) return std::nullopt;
    send({}, 0, kToFirst);
    const Message message = receive(0, kFromFirst);
    if (message.kind == Kind::Stop) throw_failure(message);
    if (message.kind == Kind::Shard) return message.shard;
    no_more_ = true;
    return std::nullopt;
  }

  void finish(const Error* failure) override {
    Message message;
    message.kind = Kind::Finished;
    if (failure != nullptr) message = failure_message(Kind::Failed, rank_, *failure);
    send(message, 0, kToFirst);
    const Message verdict = receive(0, kFromFirst);
    MPI_Finalize();
    if (failure != nullptr && verdict.rank == rank_) log_line(LogLevel::Error, failure->line());
    if (verdict.kind == Kind::Stop) throw_failure(verdict);
  }

 private:
  int rank_;
  bool no_more_ = false;
};

}  // namespace
}  // namespace magma

extern "C" magma::WorkSource* open_mpi_work_source() {
  int provided = 0;
  int rank = 0;
  int ranks = 1;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided);
  if (provided < MPI_THREAD_SERIALIZED) {
    throw magma::Error(magma::ErrorCode::Resource, {.what = "this MPI library cannot be used by several threads"});
  }
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  if (rank == 0) return new magma::FirstRank(ranks);
  return new magma::OtherRank(rank);
}
