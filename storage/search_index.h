// Where terms are found: postings in RocksDB (storage/keys.h, 'i'), newest first. A search walks the lists of all its terms at
// once, each seeking to where the others are, and stops when it has enough or has read as many keys as it may: then it says
// where to go on. It never reads a list that it does not intersect, nor a row.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "storage/search_terms.h"

namespace rocksdb {
class DB;
}

namespace tocsin {

struct SearchRequest {
  std::vector<Term> terms;                    // all of them; at least one
  absl::Time from = absl::InfinitePast();     // opened at or after
  absl::Time until = absl::InfiniteFuture();  // opened before
  std::optional<DocumentPlace> start;         // a cursor: this place and those after it
  std::size_t limit = 100;
  std::size_t keys = 20'000;  // that may be read
};
struct SearchResult {
  std::vector<DocumentPlace> found;   // newest first
  std::optional<DocumentPlace> next;  // where to go on: all before it has been looked at; absent: there is nothing more
  std::size_t keys_read = 0;
};

absl::StatusOr<SearchResult> SearchPostings(rocksdb::DB& db, const SearchRequest& request);

// The keys of a document's postings.
std::vector<std::string> PostingsOf(const Document& document, RowKey key);

}  // namespace tocsin
