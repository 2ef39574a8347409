#include "magma/core/error.h"

#include <cerrno>
#include <cstring>
#include <iterator>
#include <vector>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/utf8.h"

namespace magma {
namespace {

constexpr size_t kLineBytes = 511;  // 512 with the newline
constexpr size_t kFileBytes = 200;
constexpr size_t kFieldBytes = 80;
constexpr size_t kSentenceBytes = 160;
constexpr size_t kMachineBytes = 4096;
constexpr std::string_view kCut = "...";

// C1 controls, and characters that reorder or hide the text around them on a terminal.
bool is_deceptive(uint32_t c) {
  return (c >= 0x80 && c < 0xA0) || c == 0xAD || c == 0x61C || (c >= 0x200B && c <= 0x200F) ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || (c >= 0xE0000 && c <= 0xE0FFF);
}

std::string escape_byte(char byte) {
  if (byte == '\n') return "\\n";
  if (byte == '\t') return "\\t";
  return fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
}

// The printable pieces of `text`, none of which may be split.
std::vector<std::string> pieces_of(std::string_view text, size_t most) {
  std::vector<std::string> pieces;
  for (size_t i = 0; i < text.size() && pieces.size() <= most;) {
    const Utf8Character character = utf8_character(text, i);
    const bool control = character.code_point < 0x20 || character.code_point == 0x7F;
    if (character.length > 0 && !control && !is_deceptive(character.code_point)) {
      pieces.emplace_back(text.substr(i, character.length));
    } else {
      for (size_t k = 0; k < std::max<size_t>(character.length, 1); ++k) pieces.push_back(escape_byte(text[i + k]));
    }
    i += std::max<size_t>(character.length, 1);
  }
  return pieces;
}

template <typename Iterator>
std::vector<std::string> leading(Iterator begin, Iterator end, size_t bytes) {
  std::vector<std::string> taken;
  for (size_t used = 0; begin != end && used + begin->size() <= bytes; ++begin) {
    used += begin->size();
    taken.push_back(*begin);
  }
  return taken;
}

std::string joined(const std::vector<std::string>& pieces) {
  std::string text;
  for (const std::string& piece : pieces) text += piece;
  return text;
}

// A file name is known by its beginning and, more so, by its end.
std::string escape_file(std::string_view file) {
  const std::vector<std::string> pieces = pieces_of(file, std::string_view::npos - 1);
  if (const std::string whole = joined(pieces); whole.size() <= kFileBytes) return whole;
  const size_t half = (kFileBytes - kCut.size()) / 2;
  const std::string head = joined(leading(pieces.begin(), pieces.end(), half));
  std::vector<std::string> tail = leading(pieces.rbegin(), pieces.rend(), half);
  return head + std::string(kCut) + joined({tail.rbegin(), tail.rend()});
}

std::string line_without_hint(ErrorCode code, const ErrorFields& fields) {
  std::string line = fmt::format("error[{}] ", error_code_name(code));
  if (!fields.file.empty()) line += escape_file(fields.file) + ": ";
  if (!fields.where.empty()) line += escape_text(fields.where, kFieldBytes) + ": ";
  line += escape_text(fields.what, kSentenceBytes);
  std::string compared;
  if (!fields.expected.empty()) compared = "expected " + escape_text(fields.expected, kFieldBytes);
  if (!fields.got.empty()) compared += (compared.empty() ? "got " : ", got ") + escape_text(fields.got, kFieldBytes);
  if (!compared.empty()) line += " (" + compared + ")";
  return line;
}

std::string make_line(ErrorCode code, const ErrorFields& fields) {
  std::string line = line_without_hint(code, fields);
  if (line.size() > kLineBytes) return escape_text(line, kLineBytes);
  constexpr std::string_view kDash = " - ";
  if (fields.hint.empty() || line.size() + kDash.size() + kCut.size() >= kLineBytes) return line;
  const size_t room = kLineBytes - line.size() - kDash.size();
  return line + std::string(kDash) + escape_text(fields.hint, std::min(room, kSentenceBytes));
}

std::string error_number_text(int error_number) {
  switch (error_number) {
    case ENOENT:
      return "no such file or folder";
    case EACCES:
    case EPERM:
      return "permission denied";
    case ENOSPC:
      return "no space left on the device";
    case EDQUOT:
      return "disk quota exceeded";
    case EROFS:
      return "read-only file system";
    case EIO:
      return "input/output error";
    case EISDIR:
      return "is a folder, not a file";
    case ENOTDIR:
      return "a part of the path is not a folder";
    case EEXIST:
      return "exists already";
    case ENOTEMPTY:
      return "folder is not empty";
    case EFBIG:
      return "file too large";
    case ENAMETOOLONG:
      return "file name too long";
    case ELOOP:
      return "too many symbolic links";
    case EMFILE:
    case ENFILE:
      return "too many open files";
    case ENOMEM:
      return "out of memory";
    default:
      return fmt::format("system call failed with error number {}", error_number);
  }
}

}  // namespace

std::string_view error_code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::Usage:
      return "usage";
    case ErrorCode::Malformed:
      return "malformed";
    case ErrorCode::Refused:
      return "refused";
    case ErrorCode::FileSystem:
      return "file-system";
    case ErrorCode::Numerical:
      return "numerical";
    case ErrorCode::Peer:
      return "peer";
    case ErrorCode::Resource:
      return "resource";
    case ErrorCode::Bug:
      return "bug";
    case ErrorCode::Interrupted:
      return "interrupted";
    case ErrorCode::Stopped:
      return "stopped";
    case ErrorCode::Terminated:
      return "terminated";
  }
  return "bug";
}

Error::Error(ErrorCode code, ErrorFields fields)
    : code_(code), fields_(std::move(fields)), line_(make_line(code_, fields_)) {}

std::string Error::to_json() const {
  nlohmann::ordered_json members;
  members["code"] = error_code_name(code_);
  members["exit"] = exit_code();
  members["file"] = escape_text(fields_.file, kMachineBytes);
  members["where"] = escape_text(fields_.where, kMachineBytes);
  members["what"] = escape_text(fields_.what, kMachineBytes);
  members["expected"] = escape_text(fields_.expected, kMachineBytes);
  members["got"] = escape_text(fields_.got, kMachineBytes);
  members["hint"] = escape_text(fields_.hint, kMachineBytes);
  return nlohmann::ordered_json{{"error", members}}.dump();
}

Error Error::with_file(std::string file) const {
  ErrorFields fields = fields_;
  if (fields.file.empty()) fields.file = std::move(file);
  return {code_, std::move(fields)};
}

Error Error::with_where(std::string where) const {
  ErrorFields fields = fields_;
  if (fields.where.empty()) fields.where = std::move(where);
  return {code_, std::move(fields)};
}

std::string escape_text(std::string_view text, size_t max_bytes) {
  const std::vector<std::string> pieces = pieces_of(text, max_bytes);
  std::string whole = joined(pieces);
  if (whole.size() <= max_bytes) return whole;
  const size_t room = max_bytes > kCut.size() ? max_bytes - kCut.size() : 0;
  return joined(leading(pieces.begin(), pieces.end(), room)) + std::string(kCut.substr(0, max_bytes));
}

Error system_error(std::string_view call, std::string file, int error_number) {
  const bool exhausted = error_number == ENOMEM || error_number == EMFILE || error_number == ENFILE;
  return {exhausted ? ErrorCode::Resource : ErrorCode::FileSystem,
          {.file = std::move(file), .where = std::string(call), .what = error_number_text(error_number)}};
}

}  // namespace magma
