// Result<T>: a value, or the Error that kept us from having it. The member names are those of std::expected, which the
// oldest supported compiler lacks.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace fumehood {

// What kind of trouble it is: decides the exit code, the HTTP status and the Python exception (one table, src/base/error_table.h).
enum class ErrorCode {
  kInvalidArgument,   // the caller's input is wrong; nothing was made
  kNotFound,          // a thing that was named is not there
  kAlreadyExists,
  kPermissionDenied,
  kUnsupported,       // this host, file system or executor cannot do it
  kResourceExhausted, // disk, memory, processes, descriptors
  kUnavailable,       // try again later
  kCorrupt,           // stored data is not what was written
  kInternal,          // ours
};

const char* Name(ErrorCode code);  // "not_found"

// One problem of a user's input. `field` is a path such as `inputs[2].mode`; `line` counts from 1, 0 when unknown.
struct Problem {
  std::string field;
  std::string message;
  std::string source;  // the file, flag or variable it came from; may be empty
  int line = 0;
  int column = 0;
};

class [[nodiscard]] Error {
 public:
  Error(ErrorCode code, std::string message, int errno_value = 0)
      : code_(code), errno_value_(errno_value), message_(std::move(message)) {}
  Error(std::string message, std::vector<Problem> problems)
      : code_(ErrorCode::kInvalidArgument), message_(std::move(message)), problems_(std::move(problems)) {}

  ErrorCode code() const { return code_; }
  int errno_value() const { return errno_value_; }                 // 0: no system call was involved
  const std::string& message() const { return message_; }          // lower case, no full stop
  const std::vector<Problem>& problems() const { return problems_; }  // all of them, when input was bad

  // Adds what the caller was doing: "prepare run: open 'x': no such file".
  Error Within(const std::string& doing) && {
    message_ = doing + ": " + message_;
    return std::move(*this);
  }

 private:
  ErrorCode code_;
  int errno_value_ = 0;
  std::string message_;
  std::vector<Problem> problems_;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit by design
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit by design

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() & { return Checked(); }
  T&& value() && { return std::move(Checked()); }
  const T& value() const& { return const_cast<Result*>(this)->Checked(); }
  T& operator*() & { return Checked(); }
  T&& operator*() && { return std::move(Checked()); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &Checked(); }
  const T* operator->() const { return &value(); }

  Error& error() & { return std::get<1>(state_); }
  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

 private:
  T& Checked() {
    if (!has_value()) std::abort();
    return *std::get_if<0>(&state_);
  }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit by design

  bool has_value() const { return !error_.has_value(); }
  explicit operator bool() const { return has_value(); }
  Error& error() & { return *error_; }
  const Error& error() const& { return *error_; }
  Error&& error() && { return std::move(*error_); }

 private:
  std::optional<Error> error_;
};

}  // namespace fumehood

#define FH_CONCAT_INNER(a, b) a##b
#define FH_CONCAT(a, b) FH_CONCAT_INNER(a, b)

// Returns the error of `expression` to the caller, if it is one.
#define FH_TRY(expression)                                              \
  do {                                                                  \
    auto fh_result = (expression);                                      \
    if (!fh_result.has_value()) return std::move(fh_result).error();    \
  } while (false)

// Binds the value of `expression` to `declaration`, or returns its error to the caller.
#define FH_ASSIGN_OR_RETURN(declaration, expression) \
  FH_ASSIGN_OR_RETURN_INNER(FH_CONCAT(fh_result_, __LINE__), declaration, expression)
#define FH_ASSIGN_OR_RETURN_INNER(name, declaration, expression) \
  auto name = (expression);                                      \
  if (!name.has_value()) return std::move(name).error();         \
  declaration = std::move(name).value()
