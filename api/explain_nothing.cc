// An alert that is not there: it never came, was not taken, or is over and forgotten. What the server knows about each.
#include <algorithm>

#include "absl/strings/str_format.h"

#include "api/explain.h"
#include "base/strings.h"

namespace tocsin {
namespace {

constexpr std::size_t kTextShown = 200;

// How many alerts fit each matcher by itself: a slip of the pen shows in it.
void AddNearMisses(Api& api, std::span<const Matcher> matchers, ExplainAnswer& answer) {
  std::vector<CompiledMatchers> alone;
  for (const Matcher& matcher : matchers) {
    absl::StatusOr<CompiledMatchers> compiled = CompiledMatchers::Compile({&matcher, 1});
    if (!compiled.ok()) return;
    alone.push_back(*std::move(compiled));
  }
  std::vector<std::uint64_t> fits(matchers.size(), 0);
  std::uint64_t all = 0;
  for (std::uint32_t i = 0; i < api.engine.shard_count(); ++i) {
    std::uint64_t cursor = 0;
    do {
      api.engine.ReadShardAndWait(i, [&](const Shard& shard) {
        cursor = shard.List(cursor, kReadSlice, [&](const AlertRecord& alert) {
          ++all;
          for (std::size_t m = 0; m < alone.size(); ++m)
            fits[m] += alone[m].Match(std::span<const Label>(alert.summary.labels)) ? 1U : 0U;
          return true;
        });
      });
    } while (cursor != 0);
  }
  AddFact(answer, std::nullopt, absl::StrFormat("%d alerts are in memory: those that fire, and those just over", all));
  if (matchers.size() < 2) return;
  for (std::size_t m = 0; m < matchers.size(); ++m) {
    AddFact(answer, std::nullopt,
            absl::StrFormat("%d of them match %s alone", fits[m], TruncateUtf8(Format(matchers[m]), kTextShown)));
  }
}

void AddDoors(Api& api, ExplainAnswer& answer) {
  const Engine::Statistics statistics = api.engine.ReadStatistics();
  AddFact(answer, std::nullopt,
          absl::StrFormat("since the server started, %d events were taken in %d batches", statistics.submitted_events,
                          statistics.submitted_batches));
  bool any = false;
  const auto not_taken = [&](std::string_view what, std::uint64_t count) {
    if (count > 0) AddFact(answer, std::nullopt, absl::StrFormat("not taken since then, %s: %d", what, count));
    any |= count > 0;
  };
  for (const Admission why : {Admission::kOverloaded, Admission::kDiskLow, Admission::kTooLarge, Admission::kStopping})
    not_taken(absl::StrFormat("batches told to come again (%s)", Name(why)),
              statistics.refused[static_cast<std::size_t>(why)]);
  std::uint64_t over_budget = 0;
  for (const ShardStatistics& shard : statistics.shards)
    over_budget += shard.outcomes[static_cast<std::size_t>(Outcome::kRejected)];
  not_taken("alerts beyond their integration's budget", over_budget);
  if (!api.outside) return;
  const Outside outside = api.outside();
  for (const Outside::Count& each : outside.not_taken)
    not_taken(each.name, each.count);
  if (!any) AddFact(answer, std::nullopt, "nothing was refused at any door since then");
  for (const Outside::Refusal& each : outside.lately)
    AddFact(answer, each.at, "not taken, " + each.text);
}

// What `tocsin search` would be asked for the same.
std::string SearchFor(std::span<const Matcher> matchers) {
  std::string query;
  for (const Matcher& matcher : matchers) {
    const bool plain = matcher.op == MatchOp::kEqual && !matcher.value.empty() && matcher.value.size() <= kTextShown &&
                       matcher.value.find_first_of(" \"'\\") == std::string::npos;
    if (plain) absl::StrAppendFormat(&query, "%slabel:%s=%s", query.empty() ? "" : " ", matcher.name, matcher.value);
  }
  return query.empty() ? "QUERY" : query;
}

}  // namespace

void ExplainNothing(Api& api,
                    std::span<const Matcher> matchers,
                    std::string_view asked,
                    v1::ExplainResponse& response) {
  response.set_nothing_matches(true);
  ExplainAnswer& answer = *response.add_answers();
  answer.set_subject(absl::StrFormat("alerts that match %s", asked));
  answer.set_verdict("no alert in memory matches: it never came, was refused at the door, or is over and forgotten");
  AddNearMisses(api, matchers, answer);
  AddDoors(api, answer);
  AddAdvice(answer, "`tocsin alerts --all` lists what is in memory");
  AddAdvice(answer, absl::StrFormat("`tocsin search '%s'` finds groups that are over", SearchFor(matchers)));
  AddAdvice(answer, "`tocsin parse --source NAME FILE` shows what a payload would become, without a server");
  AddAdvice(answer, "the same request with `?explain=1` at the end of its URL answers where its alerts went");
  AddAdvice(answer, "`tocsin events --follow` shows what comes of the next one");
}

}  // namespace tocsin
