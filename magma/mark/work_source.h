// WorkSource: hands out output shards. One process takes them in order; several ranks share one source (MPI).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace magma {

class Error;

class WorkSource {
 public:
  virtual ~WorkSource() = default;
  // Whether this process prepares the output folder and sums up.
  virtual bool is_first() const = 0;
  // By the first process, once: the shards to make.
  virtual void offer(std::vector<int64_t> shards) = 0;
  // The next shard for this process, nullopt when there are no more. By one thread at a time.
  // Error(Peer) naming the rank when another one failed, Error(Interrupted) when another one was stopped.
  virtual std::optional<int64_t> next_shard() = 0;
  // Waits until every process is here; `failure` is why this one ends early, or nullptr. Throws as next_shard() does.
  virtual void finish(const Error* failure) = 0;
};

std::unique_ptr<WorkSource> local_work_source();

// One rank of several when the program was started by mpirun; else nullptr.
std::unique_ptr<WorkSource> ranked_work_source();

}  // namespace magma
