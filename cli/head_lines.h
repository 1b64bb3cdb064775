// The lines with heads of an audit log that `tocsin audit verify` compares, out of files of any length to which anybody may have
// appended anything. Of each store its newest heads stay whatever stands beside them, since they vouch for everything before, and of the
// older ones as many as there is room for. No signature is looked at here: who verifies the lines does that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <istream>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "absl/status/status.h"

#include "storage/audit_head.h"

namespace tocsin {

class HeadLines {
 public:
  // At most so many lines come of it, of as many stores at most.
  explicit HeadLines(std::size_t most) : most_(most) {}

  // FailedPrecondition: a line without an end, heads of too many stores, or it cannot be read.
  absl::Status Read(std::istream& in);
  bool empty() const { return stores_.empty() && unreadable_.empty(); }
  // One head a line.
  std::string Text() &&;

 private:
  using Key = std::tuple<std::uint64_t, AuditHash, std::string>;  // the entry first: the order is theirs
  using Lines = std::map<Key, std::string>;

  absl::Status Add(std::string_view line);
  void ThinAll(std::size_t most);
  static void Thin(Lines& lines, std::size_t most);

  const std::size_t most_;
  std::map<std::string, Lines> stores_;
  std::size_t count_ = 0;
  std::vector<std::string> unreadable_;  // the first of those that look like heads
};

}  // namespace tocsin
