// Groups and incidents found again, newest opened first. What is in memory is matched there, a few rows at a time between the
// responder's decisions; what has left it is found by the index. Both by the same terms, merged, and each call bounded: when it
// has looked at enough it says where to go on.
#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "absl/strings/str_format.h"

#include "api/handlers.h"
#include "api/paging.h"
#include "api/records.h"
#include "api/search_query.h"
#include "base/status.h"
#include "model/codec/common_proto.h"
#include "model/codec/response_proto.h"

namespace tocsin {
namespace {

constexpr std::size_t kRowsInMemory = 20'000;  // looked at in one call
constexpr std::size_t kRowsPerSlice = 100;     // at a time on the responder's thread, under a millisecond
constexpr std::size_t kPlacesPerSlice = 10'000;
constexpr std::size_t kTimelineEntries = 2000;  // of one row
constexpr std::size_t kTimelinesInCall = 200;
constexpr std::size_t kPostings = 20'000;  // read in one call

struct Hit {
  DocumentPlace place;
  std::optional<Row> row;  // when it is known already
};
struct Part {
  std::vector<Hit> hits;              // in order
  std::optional<DocumentPlace> next;  // where to go on, unless there is nothing more
};

template <typename T>
bool IsOpen(const T& row) {
  return row.state != T::State::kResolved;
}

// Where a call goes on: time, number, table of the first place that has not been looked at.
absl::StatusOr<std::optional<DocumentPlace>> ParsePlace(const std::string& text) {
  if (text.empty()) return std::nullopt;
  std::int64_t ns = 0;
  std::uint64_t id = 0;
  std::uint32_t table = 0;
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto number = [&](auto& value, bool last) {
    const auto [stop, error] = std::from_chars(at, end, value);
    if (error != std::errc() || (last ? stop != end : stop == end || *stop != '.')) return false;
    at = stop + 1;
    return true;
  };
  if (!number(ns, false) || !number(id, false) || !number(table, true) || table > UINT8_MAX) {
    return Invalid("cursor: \"%s\" is not one that this method gave", text);
  }
  return DocumentPlace{
      absl::FromUnixNanos(ns), {static_cast<std::uint8_t>(table), id}
  };
}

std::string Format(const DocumentPlace& place) {
  return absl::StrFormat("%d.%d.%d", absl::ToUnixNanos(place.opened_at), place.key.id, place.key.table);
}

// The rows in memory.
class MemorySearch {
 public:
  MemorySearch(Api& api, const SearchQuery& query, const std::optional<DocumentPlace>& start)
      : api_(api), query_(query), start_(start) {}

  absl::StatusOr<Part> Run(std::size_t limit) {
    CollectPlaces<Group>([](const ResponderState& state) -> const auto& { return state.groups; });
    CollectPlaces<Incident>([](const ResponderState& state) -> const auto& { return state.incidents; });
    std::ranges::sort(places_);
    Part part;
    const std::size_t most = std::min(places_.size(), kRowsInMemory);
    std::size_t timelines = 0;
    for (std::size_t at = 0; at < most; at += kRowsPerSlice) {
      const std::size_t end = std::min(at + kRowsPerSlice, most);
      for (Candidate& candidate : Look(at, end)) {
        if (part.hits.size() == limit || timelines == kTimelinesInCall) {
          part.next = candidate.place;
          return part;
        }
        if (!candidate.is_hit) {
          ++timelines;
          TOCSIN_ASSIGN(candidate.is_hit, HasInTimeline(candidate));
        }
        if (candidate.is_hit) part.hits.push_back({candidate.place, std::move(candidate.row)});
      }
    }
    if (most < places_.size()) part.next = places_[most];
    return part;
  }

 private:
  struct Candidate {
    DocumentPlace place;
    Row row;
    bool is_hit = false;  // else its timeline may have what is missing
  };

  template <typename T, typename TableOfRows>
  void CollectPlaces(TableOfRows table) {
    decltype(T::id) after;
    for (bool more = true; more;) {
      more = false;
      api_.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
        const auto& rows = table(responder.state());
        std::size_t seen = 0;
        for (auto at = rows.upper_bound(after); at != rows.end(); ++at) {
          if (seen++ == kPlacesPerSlice) {
            more = true;
            return;
          }
          after = at->first;
          Consider(at->second);
        }
      });
    }
  }
  template <typename T>
  void Consider(const T& row) {
    if (row.opened_at < query_.from || row.opened_at >= query_.until) return;
    if (query_.open && *query_.open != IsOpen(row)) return;
    const DocumentPlace place{row.opened_at, KeyFor<T>(row.id)};
    if (!start_ || !(place < *start_)) places_.push_back(place);
  }

  std::vector<Candidate> Look(std::size_t begin, std::size_t end) {
    std::vector<Candidate> candidates;
    api_.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
      for (std::size_t i = begin; i < end; ++i) {
        const DocumentPlace& place = places_[i];
        const ResponderState& state = responder.state();
        const auto group = state.groups.find(GroupId(place.key.id));
        const auto incident = state.incidents.find(IncidentId(place.key.id));
        if (group != state.groups.end() && KeyFor<Group>(group->first) == place.key) {
          LookAt(place, Row(group->second), candidates);
        } else if (incident != state.incidents.end()) {
          LookAt(place, Row(incident->second), candidates);
        }
      }
    });
    return candidates;
  }
  void LookAt(const DocumentPlace& place, Row row, std::vector<Candidate>& candidates) const {
    const std::optional<Document> document = DocumentOf(row, {});
    const auto has = [&](Term term) { return document->Has(term); };
    if (!std::ranges::all_of(query_.of_row, has)) return;
    candidates.push_back({place, std::move(row), std::ranges::all_of(query_.of_timeline, has)});
  }
  absl::StatusOr<bool> HasInTimeline(const Candidate& candidate) const {
    const auto* group = std::get_if<Group>(&candidate.row);
    const Subject subject = group != nullptr ? SubjectOf(group->id) : SubjectOf(std::get<Incident>(candidate.row).id);
    std::uint64_t next = 0;
    TOCSIN_ASSIGN(const std::vector<TimelineEntry> timeline,
                  api_.engine.store().ReadTimeline(subject, 0, kTimelineEntries, &next));
    const std::optional<Document> document = DocumentOf(candidate.row, timeline);
    return std::ranges::all_of(query_.of_timeline, [&](Term term) { return document->Has(term); });
  }

  Api& api_;
  const SearchQuery& query_;
  const std::optional<DocumentPlace>& start_;
  std::vector<DocumentPlace> places_;
};

absl::StatusOr<Part> SearchHistory(Api& api,
                                   const SearchQuery& query,
                                   const std::optional<DocumentPlace>& start,
                                   std::size_t limit) {
  if (query.open.value_or(false)) return Part();
  SearchRequest request;
  request.terms = query.of_row;
  request.terms.insert(request.terms.end(), query.of_timeline.begin(), query.of_timeline.end());
  if (request.terms.empty()) request.terms.push_back(AnyTerm());
  request.from = query.from;
  request.until = query.until;
  request.start = start;
  request.limit = limit;
  request.keys = kPostings;
  TOCSIN_ASSIGN(SearchResult result, api.engine.store().Search(request));
  Part part;
  for (const DocumentPlace& place : result.found)
    part.hits.push_back({place, {}});
  part.next = result.next;
  return part;
}

// Both parts in one order, up to where both have looked. A row that left memory between the two is in both.
Part Merge(Part memory, Part history, std::size_t limit) {
  std::optional<DocumentPlace> end = memory.next;
  if (history.next && (!end || *history.next < *end)) end = history.next;
  std::map<DocumentPlace, Hit> all;
  for (Part* part : {&memory, &history}) {
    for (Hit& hit : part->hits) {
      if (!end || hit.place < *end) all.try_emplace(hit.place, std::move(hit));
    }
  }
  Part merged;
  merged.next = end;
  for (auto& [place, hit] : all) {
    if (merged.hits.size() == limit) {
      merged.next = place;
      break;
    }
    merged.hits.push_back(std::move(hit));
  }
  return merged;
}

absl::Status Show(Api& api, Hit& hit, v1::SearchResponse& response) {
  if (!hit.row) {
    TOCSIN_ASSIGN(hit.row, api.engine.store().ReadRow(hit.place.key));
    if (!hit.row) return absl::OkStatus();  // retention has taken it since
  }
  v1::SearchHit& shown = *response.add_hits();
  if (const auto* group = std::get_if<Group>(&*hit.row)) Tell(*group, *shown.mutable_group());
  if (const auto* incident = std::get_if<Incident>(&*hit.row)) ToProto(*incident, *shown.mutable_incident());
  return absl::OkStatus();
}

}  // namespace

absl::Status Search(Api& api, const Caller&, const v1::SearchRequest& request, v1::SearchResponse& response) {
  TOCSIN_ASSIGN(SearchQuery query, ParseSearchQuery(request.query(), api.engine.Read().wall));
  absl::Time bound;
  if (request.has_from()) {
    TOCSIN_TRY(Annotate(FromProto(request.from(), bound), "from"));
    query.from = std::max(query.from, bound);
  }
  if (request.has_until()) {
    TOCSIN_TRY(Annotate(FromProto(request.until(), bound), "until"));
    query.until = std::min(query.until, bound);
  }
  TOCSIN_ASSIGN(const std::optional<DocumentPlace> start, ParsePlace(request.cursor()));
  const std::size_t limit = PageSize(request.page_size());
  // Memory first: what is on its way out of it is in the index a commit later, and may be missed only in between.
  TOCSIN_ASSIGN(Part memory, MemorySearch(api, query, start).Run(limit + 1));
  TOCSIN_ASSIGN(Part history, SearchHistory(api, query, start, limit + 1));
  Part found = Merge(std::move(memory), std::move(history), limit);
  for (Hit& hit : found.hits)
    TOCSIN_TRY(Show(api, hit, response));
  if (found.next) response.set_next_cursor(Format(*found.next));
  response.set_index_incomplete(!api.engine.store().is_indexed());
  return absl::OkStatus();
}

}  // namespace tocsin
