// How our functions fail.
//
// Bad input and bad neighbours are an absl::Status. A broken invariant ends the process (TOCSIN_CHECK, always on): the
// journal is the repair. Absence is std::optional. Our code never throws; a library's exceptions are caught in the file
// that calls the library.
//
// Messages are lower case without a full stop and read like a path: `load policy "db": step 2: user "zoe": not found`.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_format.h"

namespace tocsin {

template <typename... Args>
absl::Status Invalid(const absl::FormatSpec<Args...>& format, const Args&... args) {
  return absl::InvalidArgumentError(absl::StrFormat(format, args...));
}
template <typename... Args>
absl::Status NotFound(const absl::FormatSpec<Args...>& format, const Args&... args) {
  return absl::NotFoundError(absl::StrFormat(format, args...));
}
// The caller's fault in time, not in form: the request is right but the present state does not permit it.
template <typename... Args>
absl::Status Precondition(const absl::FormatSpec<Args...>& format, const Args&... args) {
  return absl::FailedPreconditionError(absl::StrFormat(format, args...));
}
// We are at a limit; the same request may succeed later.
template <typename... Args>
absl::Status Exhausted(const absl::FormatSpec<Args...>& format, const Args&... args) {
  return absl::ResourceExhaustedError(absl::StrFormat(format, args...));
}
// A neighbour (disk, provider, server) could not be reached or refused.
template <typename... Args>
absl::Status Unavailable(const absl::FormatSpec<Args...>& format, const Args&... args) {
  return absl::UnavailableError(absl::StrFormat(format, args...));
}
// Bytes that we wrote are missing or are not what we wrote.
template <typename... Args>
absl::Status DataLoss(const absl::FormatSpec<Args...>& format, const Args&... args) {
  return absl::DataLossError(absl::StrFormat(format, args...));
}

// The same code with "context: " put before the message. An OK status stays OK.
absl::Status Annotate(const absl::Status& status, std::string_view context);

// absl::Status::message() as a std type.
std::string Message(const absl::Status& status);

// Reports a broken invariant on standard error and aborts.
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition, std::string_view message);

}  // namespace tocsin

#define TOCSIN_CHECK(condition, message)                              \
  do {                                                                \
    if (!(condition)) [[unlikely]] {                                  \
      ::tocsin::CheckFailed(__FILE__, __LINE__, #condition, message); \
    }                                                                 \
  } while (false)

// Returns from the enclosing function when `expression` (a Status) is not OK.
#define TOCSIN_TRY(expression)                                            \
  do {                                                                    \
    if (absl::Status tocsin_status = (expression); !tocsin_status.ok()) { \
      return tocsin_status;                                               \
    }                                                                     \
  } while (false)

// `TOCSIN_ASSIGN(auto x, F());` unwraps a StatusOr or returns its status.
#define TOCSIN_ASSIGN(left, expression) TOCSIN_ASSIGN_IMPL(TOCSIN_JOIN(tocsin_or_, __LINE__), left, expression)
// NOLINTBEGIN(bugprone-macro-parentheses): `left` may be a declaration.
#define TOCSIN_ASSIGN_IMPL(temporary, left, expression)      \
  auto temporary = (expression);                             \
  if (!temporary.ok()) return std::move(temporary).status(); \
  left = *std::move(temporary)
// NOLINTEND(bugprone-macro-parentheses)
#define TOCSIN_JOIN(a, b) TOCSIN_JOIN_IMPL(a, b)
#define TOCSIN_JOIN_IMPL(a, b) a##b
