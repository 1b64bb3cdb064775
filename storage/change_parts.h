// How a Change lies in the journal. It is one entry; a larger one, such as that of an organisation of a hundred thousand people,
// is several entries in a row: all but the last are kResponderPart, and their bodies together are the encoded Change. They are
// of one commit, which is all or nothing, so whoever reads the journal never meets a beginning without its end.
//
// So what bounds an entry bounds every buffer that holds one, and only the Change itself is ever held whole.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "model/response.h"
#include "storage/journal.h"

namespace tocsin {

// A change that the journal has made durable, and its bytes there (EncodeChange).
struct DurableChange {
  const Change* change = nullptr;
  std::string_view encoded;
  Sequence sequence;
};

// The bodies of its entries: views into `encoded`, at least one.
std::vector<std::string_view> CutChange(std::string_view encoded);

// Puts together what CutChange has cut. One reader for one walk through the journal.
class ChangeReader {
 public:
  // Requires an entry of kind kResponder or kResponderPart; they come in the order of the journal. nullopt: more of it follows.
  absl::StatusOr<std::optional<Change>> Add(const Entry& entry);
  // What the entry with this sequence goes on with; empty: it begins.
  std::string_view begun(Sequence sequence) const { return sequence == next_ ? std::string_view(parts_) : ""; }

 private:
  std::string parts_;  // so far
  Sequence next_;      // of the entry that goes on with them; when another one comes, their end was passed over
};

}  // namespace tocsin
