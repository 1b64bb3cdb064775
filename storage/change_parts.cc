#include "storage/change_parts.h"

#include <utility>

#include "base/limits.h"
#include "base/status.h"
#include "model/codec/response_codec.h"

namespace tocsin {

std::vector<std::string_view> CutChange(std::string_view encoded) {
  std::vector<std::string_view> bodies;
  do {
    bodies.push_back(encoded.substr(0, limits::kJournalEntryBytes));
    encoded.remove_prefix(bodies.back().size());
  } while (!encoded.empty());
  return bodies;
}

absl::StatusOr<std::optional<Change>> ChangeReader::Add(const Entry& entry) {
  if (entry.sequence != next_) parts_.clear();
  next_ = Sequence(entry.sequence.value() + 1);
  if (entry.kind == EntryKind::kResponderPart) {
    if (parts_.size() + entry.body.size() > limits::kChangeBytes) {
      return DataLoss("entry %d: a change of more than %d bytes", entry.sequence.value(), limits::kChangeBytes);
    }
    parts_ += entry.body;
    return std::nullopt;
  }
  if (parts_.empty()) return DecodeChange(entry.body);
  const std::string whole = std::exchange(parts_, "") + std::string(entry.body);
  return DecodeChange(whole);
}

}  // namespace tocsin
