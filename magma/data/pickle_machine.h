// PickleMachine: the opcodes that torch and numpy write, protocols 2 to 5. It builds plain nodes; no name of the file
// is ever imported or called. Source: data_formats.md 8.2.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "magma/data/pickle_graph.h"

namespace magma {

// Where a pickle has come to, for its errors.
struct PickleSite {
  std::string file{}, entry{};
  int64_t offset = 0;  // of the opcode, in the entry
  uint8_t opcode = 0;
  std::string where() const;
  [[noreturn]] void malformed(std::string what, std::string expected = "", std::string got = "") const;
  [[noreturn]] void refused(std::string what, std::string expected = "", std::string got = "") const;
};

class PickleMachine {
 public:
  // The pickle starts at `begin` of `bytes`, which outlive the graph. `entry` names them in errors.
  PickleMachine(std::string_view bytes, int64_t begin, PickleSite site, PickleGraph& graph);
  uint32_t run();                           // the node of the object
  int64_t position() const { return at_; }  // behind STOP

 private:
  void step();
  bool push_number(uint8_t opcode);
  bool push_text(uint8_t opcode);
  bool build_sequence(uint8_t opcode);
  bool fill(uint8_t opcode);
  bool remember(uint8_t opcode);
  bool name(uint8_t opcode);
  bool object(uint8_t opcode);

  std::string_view take(int64_t count);
  template <typename T>
  T operand();
  std::string_view counted_text(uint64_t length);
  std::string_view line();
  void frame();
  void push_long(std::string_view bytes);
  void push_name(std::string_view module, std::string_view name);
  void refuse_name(const std::string& module, const std::string& name) const;

  void push(uint32_t node);
  uint32_t pop();
  uint32_t top() const;
  std::vector<uint32_t> pop_mark();
  void add_all(uint32_t parent, const std::vector<uint32_t>& children);
  void require(uint32_t node, PickleKind kind, const char* expected) const;
  void put(uint64_t index);
  void get(uint64_t index);

  std::string_view bytes_;
  int64_t begin_, at_, frame_end_ = -1;
  PickleSite site_;
  PickleGraph& graph_;
  bool has_protocol_ = false;
  size_t floor_ = 0;  // of the stack, set by the last mark
  std::vector<uint32_t> stack_, memo_;
  std::vector<size_t> marks_;
};

}  // namespace magma
