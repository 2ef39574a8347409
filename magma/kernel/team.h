// Team: threads that stay awake between the many short pieces of work of one forward pass.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace magma {

class Team {
 public:
  explicit Team(int threads);  // >= 1, the caller included
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;
  ~Team();
  int threads() const;

  // body(index) for every index of [0, count), on all threads, in any order. Bodies write apart from each other and
  // compute nothing that depends on who runs them, so results are the same for any number of threads.
  template <typename Body>
  void run(int64_t count, const Body& body) {
    run_items(
        count, [](const void* context, int64_t index) { (*static_cast<const Body*>(context))(index); }, &body);
  }

 private:
  using Item = void (*)(const void* context, int64_t index);
  void run_items(int64_t count, Item item, const void* context);
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace magma
