// Error: the one way an expected failure travels. Contract: one line, one code, one exit status for the
// program, HTTP and MCP alike.
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

namespace magma {

// The values are the program's exit codes.
enum class ErrorCode : int {
  Usage = 2,         // wrong usage or configuration
  Malformed = 3,     // input is not what its format promises
  Refused = 4,       // input refused by a policy or limit
  FileSystem = 5,    // missing, unreadable, full, read-only, I/O
  Numerical = 6,     // numerical failure beyond the budget
  Peer = 7,          // another rank or process failed
  Resource = 8,      // out of memory, threads, descriptors
  Bug = 70,          // our own code is wrong
  Interrupted = 75,  // stopped, state saved, resumable
  Stopped = 130,     // by SIGINT, with nothing to save
  Terminated = 143   // by SIGTERM, with nothing to save
};

std::string_view error_code_name(ErrorCode code);  // "usage", "malformed", "file-system", ...

// Every part but `what` may be empty. Outside text may be given raw: it is escaped and cut when printed.
struct ErrorFields {
  std::string file{};   // as the user gave it
  std::string where{};  // byte offset, line:column, JSON pointer, record, frame
  std::string what{};   // a fixed sentence
  std::string expected{};
  std::string got{};
  std::string hint{};
};

class Error : public std::exception {
 public:
  Error(ErrorCode code, ErrorFields fields);

  ErrorCode code() const { return code_; }
  int exit_code() const { return static_cast<int>(code_); }
  const ErrorFields& fields() const { return fields_; }

  // "error[CODE] FILE: where: what (expected ..., got ...) - hint"; one line, at most 512 bytes.
  const std::string& line() const { return line_; }
  // {"error":{"code":..,"exit":..,"file":..,"where":..,"what":..,"expected":..,"got":..,"hint":..}}
  std::string to_json() const;
  const char* what() const noexcept override { return line_.c_str(); }

  // The same error with an empty `file` or `where` filled in by a caller that knows more.
  Error with_file(std::string file) const;
  Error with_where(std::string where) const;

 private:
  ErrorCode code_;
  ErrorFields fields_;
  std::string line_;
};

// Printable ASCII and valid UTF-8 stay, everything else becomes \n, \t or \xNN; cut to `max_bytes` with "...".
std::string escape_text(std::string_view text, size_t max_bytes = 80);

// An Error for a failed system call: code FileSystem (Resource for ENOMEM, EMFILE), `what` from errno.
Error system_error(std::string_view call, std::string file, int error_number);

}  // namespace magma
