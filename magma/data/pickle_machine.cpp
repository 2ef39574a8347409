#include "magma/data/pickle_machine.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include <fmt/format.h>

#include "magma/core/error.h"
#include "magma/core/limits.h"
#include "magma/data/pickle_integer.h"
#include "magma/data/pickle_names.h"
#include "magma/data/pickle_objects.h"
#include "magma/data/wtf8.h"

namespace magma {
namespace {

enum Opcode : uint8_t {
  kMark = '(',
  kStop = '.',
  kNone = 'N',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kBinFloat = 'G',
  kBinUnicode = 'X',
  kShortBinString = 'U',
  kBinBytes = 'B',
  kShortBinBytes = 'C',
  kEmptyDict = '}',
  kEmptyList = ']',
  kEmptyTuple = ')',
  kTuple = 't',
  kAppend = 'a',
  kAppends = 'e',
  kSetItem = 's',
  kSetItems = 'u',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kGlobal = 'c',
  kInst = 'i',
  kReduce = 'R',
  kBuild = 'b',
  kBinPersId = 'Q',
  kProto = 0x80,
  kNewObj = 0x81,
  kExt1 = 0x82,
  kExt2 = 0x83,
  kExt4 = 0x84,
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kLong1 = 0x8A,
  kLong4 = 0x8B,
  kShortBinUnicode = 0x8C,
  kBinUnicode8 = 0x8D,
  kBinBytes8 = 0x8E,
  kEmptySet = 0x8F,
  kAddItems = 0x90,
  kStackGlobal = 0x93,
  kMemoize = 0x94,
  kFrame = 0x95,
  kByteArray8 = 0x96
};

constexpr int kFirstProtocol = 2, kLastProtocol = 5;

}  // namespace

std::string PickleSite::where() const {
  return fmt::format("{}{}byte {}, opcode {:#04x}", entry, entry.empty() ? "" : " ", offset, opcode);
}

void PickleSite::malformed(std::string what, std::string expected, std::string got) const {
  throw Error(ErrorCode::Malformed, {.file = file,
                                     .where = where(),
                                     .what = std::move(what),
                                     .expected = std::move(expected),
                                     .got = std::move(got)});
}

void PickleSite::refused(std::string what, std::string expected, std::string got) const {
  throw Error(ErrorCode::Refused, {.file = file,
                                   .where = where(),
                                   .what = std::move(what),
                                   .expected = std::move(expected),
                                   .got = std::move(got)});
}

PickleMachine::PickleMachine(std::string_view bytes, int64_t begin, PickleSite site, PickleGraph& graph)
    : bytes_(bytes), begin_(begin), at_(begin), site_(std::move(site)), graph_(graph) {}

uint32_t PickleMachine::run() {
  while (true) {
    site_.offset = at_;
    site_.opcode = 0;
    if (at_ == frame_end_) frame_end_ = -1;
    site_.opcode = operand<uint8_t>();
    if (site_.opcode == kStop) break;
    step();
  }
  if (!has_protocol_) site_.malformed("pickle does not start with its protocol", "opcode 0x80");
  if (frame_end_ >= 0 && at_ != frame_end_) site_.refused("frame is longer than what it holds");
  if (!marks_.empty() || stack_.size() != 1) {
    site_.malformed("pickle ends with something else than one object", "1", std::to_string(stack_.size()));
  }
  return stack_.back();
}

void PickleMachine::step() {
  const uint8_t opcode = site_.opcode;
  try {
    const bool known = push_number(opcode) || push_text(opcode) || build_sequence(opcode) || fill(opcode) ||
                       remember(opcode) || name(opcode) || object(opcode);
    if (!known) site_.malformed("opcode is not allowed");
  } catch (const Error& error) {  // limits know neither file nor place
    if (!error.fields().file.empty()) throw;
    ErrorFields fields = error.fields();
    fields.file = site_.file;
    fields.where = site_.where() + ", " + fields.where;
    throw Error(error.code(), fields);
  }
}

std::string_view PickleMachine::take(int64_t count) {
  const auto left = static_cast<int64_t>(bytes_.size()) - at_;
  if (count > left) {
    site_.malformed("pickle ends too early", fmt::format("{} bytes", count), fmt::format("{} bytes", left));
  }
  if (frame_end_ >= 0 && at_ + count > frame_end_) site_.refused("operand reaches out of its frame");
  const std::string_view piece = bytes_.substr(static_cast<size_t>(at_), static_cast<size_t>(count));
  at_ += count;
  return piece;
}

template <typename T>
T PickleMachine::operand() {
  const std::string_view bytes = take(sizeof(T));
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

std::string_view PickleMachine::counted_text(uint64_t length) {
  if (length > static_cast<uint64_t>(limits().pickle_text_bytes)) {
    site_.refused("text is too long", fmt::format("at most {} bytes", limits().pickle_text_bytes),
                  std::to_string(length));
  }
  return take(static_cast<int64_t>(length));
}

std::string_view PickleMachine::line() {
  const auto most = static_cast<size_t>(limits().pickle_name_bytes);
  const std::string_view rest = bytes_.substr(static_cast<size_t>(at_), most + 1);
  const size_t end = rest.find('\n');
  if (end == std::string_view::npos && rest.size() > most) site_.refused("name is too long");
  if (end == std::string_view::npos) site_.malformed("pickle ends too early", "a name and its newline");
  return take(static_cast<int64_t>(end) + 1).substr(0, end);
}

void PickleMachine::frame() {
  if (frame_end_ >= 0) site_.refused("frame inside a frame");
  const auto length = operand<uint64_t>();
  const auto left = static_cast<uint64_t>(static_cast<int64_t>(bytes_.size()) - at_);
  if (length > left) {
    site_.refused("frame is longer than the pickle", fmt::format("at most {}", left), std::to_string(length));
  }
  frame_end_ = at_ + static_cast<int64_t>(length);
}

bool PickleMachine::push_number(uint8_t opcode) {
  switch (opcode) {
    case kNone:
      push(graph_.none());
      return true;
    case kNewTrue:
    case kNewFalse:
      push(graph_.boolean(opcode == kNewTrue));
      return true;
    case kBinInt:
      push(graph_.add(PickleKind::Int, operand<int32_t>()));
      return true;
    case kBinInt1:
      push(graph_.add(PickleKind::Int, operand<uint8_t>()));
      return true;
    case kBinInt2:
      push(graph_.add(PickleKind::Int, operand<uint16_t>()));
      return true;
    case kLong1:
      push_long(take(operand<uint8_t>()));
      return true;
    case kLong4: {
      const auto length = operand<int32_t>();
      if (length < 0) site_.malformed("length is negative");
      if (length > limits().pickle_integer_bytes) site_.refused("integer is too long", "", std::to_string(length));
      push_long(take(length));
      return true;
    }
    case kBinFloat:  // big-endian
      push(graph_.add(PickleKind::Float, static_cast<int64_t>(__builtin_bswap64(operand<uint64_t>()))));
      return true;
    default:
      return false;
  }
}

void PickleMachine::push_long(std::string_view bytes) {
  if (bytes.size() > sizeof(int64_t)) {
    push(graph_.add(PickleKind::Int, 0, graph_.keep(decimal_digits(bytes))));
    return;
  }
  uint64_t value = 0;
  std::memcpy(&value, bytes.data(), bytes.size());
  const bool negative = !bytes.empty() && (static_cast<uint8_t>(bytes.back()) & 0x80U) != 0;
  if (negative && bytes.size() < sizeof value) value |= ~uint64_t{0} << (8 * bytes.size());
  push(graph_.add(PickleKind::Int, static_cast<int64_t>(value)));
}

bool PickleMachine::push_text(uint8_t opcode) {
  std::string_view text;
  PickleKind kind = PickleKind::String;
  bool old = false;  // a string of Python 2: text, or the bytes of an array
  switch (opcode) {
    case kShortBinUnicode:
      text = counted_text(operand<uint8_t>());
      break;
    case kBinUnicode:
      text = counted_text(operand<uint32_t>());
      break;
    case kBinUnicode8:
      text = counted_text(operand<uint64_t>());
      break;
    case kShortBinString:
      text = counted_text(operand<uint8_t>());
      old = true;
      break;
    case kShortBinBytes:
      text = counted_text(operand<uint8_t>());
      kind = PickleKind::Bytes;
      break;
    case kBinBytes:
      text = counted_text(operand<uint32_t>());
      kind = PickleKind::Bytes;
      break;
    case kBinBytes8:
    case kByteArray8:
      text = counted_text(operand<uint64_t>());
      kind = PickleKind::Bytes;
      break;
    default:
      return false;
  }
  if (kind == PickleKind::String && find_invalid_wtf8(text) != std::string_view::npos) {
    if (!old) site_.malformed("text is not UTF-8");
    kind = PickleKind::Bytes;
  }
  push(graph_.add(kind, old ? 1 : 0, text));
  return true;
}

bool PickleMachine::build_sequence(uint8_t opcode) {
  switch (opcode) {
    case kEmptyDict:
      push(graph_.add(PickleKind::Dict));
      return true;
    case kEmptyList:
      push(graph_.add(PickleKind::List));
      return true;
    case kEmptySet:
      push(graph_.add(PickleKind::Set));
      return true;
    case kEmptyTuple:
      push(graph_.add(PickleKind::Tuple));
      return true;
    case kMark:
      bounded(static_cast<int64_t>(marks_.size()), 0, limits().pickle_stack - 1, "marks of a pickle");
      marks_.push_back(stack_.size());
      floor_ = stack_.size();
      return true;
    case kTuple: {
      const std::vector<uint32_t> items = pop_mark();
      const uint32_t tuple = graph_.add(PickleKind::Tuple);
      add_all(tuple, items);
      push(tuple);
      return true;
    }
    case kTuple1:
    case kTuple2:
    case kTuple3: {
      std::vector<uint32_t> items(opcode - kTuple1 + size_t{1});
      for (size_t i = items.size(); i-- > 0;) items[i] = pop();
      const uint32_t tuple = graph_.add(PickleKind::Tuple);
      add_all(tuple, items);
      push(tuple);
      return true;
    }
    default:
      return false;
  }
}

bool PickleMachine::fill(uint8_t opcode) {
  std::vector<uint32_t> items;
  switch (opcode) {
    case kAppend:
      items = {pop()};
      break;
    case kSetItem:
      items = {pop(), pop()};
      std::swap(items[0], items[1]);
      break;
    case kAppends:
    case kSetItems:
    case kAddItems:
      items = pop_mark();
      break;
    default:
      return false;
  }
  const uint32_t target = top();
  if (opcode == kAppend || opcode == kAppends) require(target, PickleKind::List, "a list");
  if (opcode == kAddItems) require(target, PickleKind::Set, "a set");
  if (opcode == kSetItem || opcode == kSetItems) {
    require(target, PickleKind::Dict, "a dictionary");
    if (items.size() % 2 != 0) site_.malformed("a key without a value");
  }
  add_all(target, items);
  return true;
}

bool PickleMachine::remember(uint8_t opcode) {
  switch (opcode) {
    case kBinPut:
      put(operand<uint8_t>());
      return true;
    case kLongBinPut:
      put(operand<uint32_t>());
      return true;
    case kMemoize:
      put(memo_.size());
      return true;
    case kBinGet:
      get(operand<uint8_t>());
      return true;
    case kLongBinGet:
      get(operand<uint32_t>());
      return true;
    default:
      return false;
  }
}

// Writers number what they remember from 0, and to remember takes a byte: no memo is larger than its pickle.
void PickleMachine::put(uint64_t index) {
  const uint32_t node = top();
  if (index >= bytes_.size()) site_.refused("memo index is too large", "", std::to_string(index));
  if (index >= memo_.size()) memo_.resize(index + 1, kNoNode);
  memo_[index] = node;
}

void PickleMachine::get(uint64_t index) {
  if (index > static_cast<uint64_t>(limits().pickle_values)) {
    site_.refused("memo index is too large", "", std::to_string(index));
  }
  if (index >= memo_.size() || memo_[index] == kNoNode) {
    site_.malformed("nothing was remembered under this index", "", std::to_string(index));
  }
  push(memo_[index]);
}

bool PickleMachine::name(uint8_t opcode) {
  switch (opcode) {
    case kGlobal: {
      const std::string_view module = line();
      push_name(module, line());
      return true;
    }
    case kStackGlobal: {
      const uint32_t name = pop(), module = pop();
      require(name, PickleKind::String, "a name");
      require(module, PickleKind::String, "a module");
      push_name(graph_[module].text, graph_[name].text);
      return true;
    }
    case kInst: {
      const std::string module(line()), name(line());
      if (!find_pickle_name(module, name)) refuse_name(module, name);
      return false;
    }
    case kExt1:
      refuse_name("extension", std::to_string(operand<uint8_t>()));
      return true;
    case kExt2:
      refuse_name("extension", std::to_string(operand<uint16_t>()));
      return true;
    case kExt4:
      refuse_name("extension", std::to_string(operand<int32_t>()));
      return true;
    default:
      return false;
  }
}

void PickleMachine::push_name(std::string_view module, std::string_view name) {
  const std::optional<int64_t> number = find_pickle_name(module, name);
  if (!number) refuse_name(std::string(module), std::string(name));
  push(graph_.add(PickleKind::Name, *number));
}

void PickleMachine::refuse_name(const std::string& module, const std::string& name) const {
  site_.refused("name is not allowed", "names of tensors, arrays and plain values",
                fmt::format("module {}, name {}", module, name));
}

bool PickleMachine::object(uint8_t opcode) {
  switch (opcode) {
    case kProto: {
      const auto version = operand<uint8_t>();
      if (site_.offset != begin_) site_.malformed("protocol is not at the beginning");
      if (version < kFirstProtocol || version > kLastProtocol) {
        site_.malformed("protocol is not known", "2 to 5", std::to_string(version));
      }
      has_protocol_ = true;
      return true;
    }
    case kFrame:
      frame();
      return true;
    case kReduce:
    case kNewObj: {
      const uint32_t arguments = pop(), callable = pop();
      push(reduce_pickle(graph_, site_, callable, arguments));
      return true;
    }
    case kBuild: {
      const uint32_t state = pop();
      build_pickle(graph_, site_, top(), state);
      return true;
    }
    case kBinPersId:
      push(pickle_storage(graph_, site_, pop()));
      return true;
    default:
      return false;
  }
}

void PickleMachine::push(uint32_t node) {
  bounded(static_cast<int64_t>(stack_.size()) + 1, 0, limits().pickle_stack, "stack of a pickle");
  stack_.push_back(node);
}

uint32_t PickleMachine::pop() {
  const uint32_t node = top();
  stack_.pop_back();
  return node;
}

uint32_t PickleMachine::top() const {
  if (stack_.size() <= floor_) site_.malformed("stack is empty");
  return stack_.back();
}

std::vector<uint32_t> PickleMachine::pop_mark() {
  if (marks_.empty()) site_.malformed("no mark on the stack");
  const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<uint32_t> items(begin, stack_.end());
  stack_.erase(begin, stack_.end());
  marks_.pop_back();
  floor_ = marks_.empty() ? 0 : marks_.back();
  return items;
}

void PickleMachine::add_all(uint32_t parent, const std::vector<uint32_t>& children) {
  for (const uint32_t child : children) graph_.add_child(parent, child);
}

void PickleMachine::require(uint32_t node, PickleKind kind, const char* expected) const {
  if (graph_[node].kind != kind) site_.malformed("opcode meets an object of another kind", expected);
}

}  // namespace magma
