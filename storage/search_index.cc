#include "storage/search_index.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <rocksdb/db.h>

#include "base/status.h"
#include "storage/keys.h"
#include "storage/rocks.h"

namespace tocsin {
namespace {

// One term's list, and where in it we are.
class List {
 public:
  List(rocksdb::DB& db, Term term) : term_(term), end_(keys::PostingsEnd(term)), end_slice_(end_) {
    rocksdb::ReadOptions options;
    options.iterate_upper_bound = &end_slice_;
    at_.reset(db.NewIterator(options));
  }
  // To the first place at or after `place`.
  void Seek(std::string_view place) { at_->Seek(keys::Posting(term_, place)); }
  bool Valid() const { return at_->Valid(); }
  std::string_view place() const { return keys::PlaceOf(ToView(at_->key())); }
  absl::Status status() const { return FromRocks(at_->status(), "search"); }

 private:
  const Term term_;
  const std::string end_;
  const rocksdb::Slice end_slice_;
  std::unique_ptr<rocksdb::Iterator> at_;
};

DocumentPlace Start(const SearchRequest& request) {
  DocumentPlace start{absl::InfiniteFuture(), {0, UINT64_MAX}};
  if (request.until != absl::InfiniteFuture()) start.opened_at = request.until - absl::Nanoseconds(1);
  return request.start && start < *request.start ? *request.start : start;
}

}  // namespace

absl::StatusOr<SearchResult> SearchPostings(rocksdb::DB& db, const SearchRequest& request) {
  std::vector<std::unique_ptr<List>> lists;
  for (const Term term : request.terms)
    lists.push_back(std::make_unique<List>(db, term));
  SearchResult result;
  DocumentPlace wanted = Start(request);
  std::size_t agreeing = 0;  // lists in a row that have `wanted`
  for (std::size_t i = 0; !lists.empty(); i = (i + 1) % lists.size()) {
    if (result.keys_read >= request.keys || result.found.size() >= request.limit) {
      result.next = wanted;
      return result;
    }
    List& list = *lists[i];
    list.Seek(keys::Place(wanted));
    ++result.keys_read;
    if (!list.Valid()) {
      TOCSIN_TRY(list.status());
      return result;
    }
    const std::optional<DocumentPlace> place = keys::ParsePlace(list.place());
    if (!place) return DataLoss("views: a posting's key is damaged");
    if (place->opened_at < request.from) return result;
    agreeing = *place == wanted ? agreeing + 1 : 1;
    wanted = *place;
    if (agreeing < lists.size()) continue;
    result.found.push_back(wanted);
    wanted = wanted.Next();
    agreeing = 0;
  }
  return result;
}

std::vector<std::string> PostingsOf(const Document& document, RowKey key) {
  const std::string place = keys::Place({document.opened_at, key});
  std::vector<std::string> postings;
  postings.reserve(document.terms.size());
  for (const Term term : document.terms)
    postings.push_back(keys::Posting(term, place));
  return postings;
}

}  // namespace tocsin
