#include "cli/replay.h"

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include <unistd.h>

#include "base/status.h"
#include "cli/output.h"
#include "cli/session.h"

namespace tocsin {
namespace {

using v1::ReplayService;

constexpr int kRows = 20;
constexpr absl::Duration kFirstWait = absl::Milliseconds(20);
constexpr absl::Duration kLongestWait = absl::Milliseconds(500);
constexpr absl::Duration kLineEvery = absl::Seconds(10);

// Digits in threes.
std::string Count(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t at = digits.size(); at > 3; at -= 3)
    digits.insert(at - 3, ",");
  return digits;
}

std::string Count(std::uint64_t count, std::string_view one, std::string_view many) {
  return absl::StrFormat("%s %s", Count(count), count == 1 ? one : many);
}

// "12 -> 15", what got more in red and what got less in green.
Cell Arrow(const v1::ThenNow& count) {
  const Tone tone = count.now() > count.then() ? Tone::kBad : count.now() < count.then() ? Tone::kGood : Tone::kPlain;
  return {Count(count.then()) + " -> " + Count(count.now()), tone};
}

bool Differs(const v1::ThenNow& count) {
  return count.then() != count.now();
}

void PrintMore(std::uint64_t all, int shown) {
  if (all > static_cast<std::uint64_t>(shown)) {
    std::printf("... and %s more; -o json shows the first hundred\n",
                Count(all - static_cast<std::uint64_t>(shown)).c_str());
  }
}

void PrintTotals(const v1::ReplayResult& result) {
  Table table({"", "THEN -> NOW"});
  table.Add({"groups and incidents that paged", Arrow(result.paged())});
  table.Add({"groups opened", Arrow(result.groups_opened())});
  table.Add({"pages", Arrow(result.pages())});
  table.Add({"  at night (22:00 to 07:00)", Arrow(result.pages_at_night())});
  table.Add({"messages", Arrow(result.messages())});
  table.Print();
}

void PrintPeople(const v1::ReplayResult& result) {
  if (result.people().empty()) return;
  std::printf("\n");
  Table table({"PERSON", "PAGES", "AT NIGHT", "MESSAGES"});
  for (const auto& person : result.people()) {
    table.Add({Printable(person.user()), Arrow(person.pages()), Arrow(person.at_night()), Arrow(person.messages())});
  }
  table.Print();
}

// Only those with which something differs.
template <typename Places>
void PrintPlaces(const char* name, const char* pages, const Places& places) {
  Table table({name, "THAT PAGED", pages});
  int shown = 0;
  std::uint64_t all = 0;
  for (const auto& place : places) {
    if (!Differs(place.paged()) && !Differs(place.pages())) continue;
    if (++all > kRows) continue;
    table.Add({Printable(place.name()), Arrow(place.paged()), Arrow(place.pages())});
    ++shown;
  }
  if (shown == 0) return;
  std::printf("\n");
  table.Print();
  PrintMore(all, shown);
}

template <typename Users>
std::string Who(const Users& users) {
  return users.empty() ? "nobody" : Printable(absl::StrJoin(users, ", "));
}

void PrintOneSided(const char* title, const char* why, const v1::ReplayResult::Differences& list, bool now) {
  if (list.count() == 0) return;
  std::printf("\n%s: %s\n", title, Count(list.count()).c_str());
  Table table({"FIRST PAGE", "PAGES", "WHO", "WHAT", why});
  const int shown = std::min(kRows, list.rows_size());
  for (int i = 0; i < shown; ++i) {
    const auto& row = list.rows(i);
    table.Add({Show(now ? row.now() : row.then()), Count(now ? row.pages().now() : row.pages().then()),
               Who(now ? row.now_users() : row.then_users()), Printable(row.title()), Printable(row.reason())});
  }
  table.Print();
  PrintMore(list.count(), shown);
}

std::string Shift(const v1::ReplayResult::Difference& row) {
  const double then = static_cast<double>(row.then().seconds()) + row.then().nanos() * 1e-9;
  const double now = static_cast<double>(row.now().seconds()) + row.now().nanos() * 1e-9;
  const absl::Duration by = absl::Trunc(absl::Seconds(now - then), absl::Seconds(1));
  if (by == absl::ZeroDuration()) return "at the same time";
  return absl::FormatDuration(absl::AbsDuration(by)) + (by > absl::ZeroDuration() ? " later" : " earlier");
}

void PrintBoth(const char* title, const v1::ReplayResult::Differences& list) {
  if (list.count() == 0) return;
  std::printf("\n%s: %s\n", title, Count(list.count()).c_str());
  Table table({"FIRST PAGE", "NOW", "PAGES", "WHO", "WHAT"});
  const int shown = std::min(kRows, list.rows_size());
  for (int i = 0; i < shown; ++i) {
    const auto& row = list.rows(i);
    const std::string then = Who(row.then_users());
    const std::string now = Who(row.now_users());
    table.Add({Show(row.then()), Shift(row), Arrow(row.pages()), then == now ? then : then + " -> " + now,
               Printable(row.title())});
  }
  table.Print();
  PrintMore(list.count(), shown);
}

void PrintNotes(const v1::ReplayResult& result) {
  if (result.cut_short()) {
    std::printf("note: what came in is recorded from %s on\n", Show(result.from()).c_str());
  }
  if (result.versions_applied() > 0) {
    std::printf("note: the configuration was changed %s in this time\n",
                Count(result.versions_applied(), "time", "times").c_str());
  }
  if (result.downtimes() > 0) {
    std::printf("note: the server was started %s in this time; while it was down, so is the replay\n",
                Count(result.downtimes(), "time", "times").c_str());
  }
  if (result.refused() > 0) {
    std::printf("note: %s events are of integrations that the changed configuration does not have\n",
                Count(result.refused()).c_str());
  }
  for (const auto& [action, count] : result.actions_left_out()) {
    std::printf("note: %s %s found nothing to be done to, as what it was about is not open now\n", Count(count).c_str(),
                Printable(action).c_str());
  }
}

absl::Status Failure(const v1::Replay& replay) {
  if (replay.state() == v1::Replay::STATE_CANCELLED) return absl::CancelledError("the replay was cancelled");
  return Precondition("%s", replay.error());
}

void PrintMatches(const v1::SilenceMatches& matches) {
  std::printf("matches now: %s alerts that fire (%s of them held back already) in %s groups\n",
              Count(matches.alerts()).c_str(), Count(matches.suppressed()).c_str(), Count(matches.groups()).c_str());
  for (const std::string& example : matches.examples())
    std::printf("  %s\n", Printable(example).c_str());
}

}  // namespace

absl::Status PutReplayTimes(const Arguments& arguments, v1::StartReplayRequest& request) {
  absl::Time to = absl::Now();
  if (arguments.has("to")) {
    TOCSIN_ASSIGN(to, ParseInstant(arguments.get("to")));
    request.mutable_to()->set_seconds(absl::ToUnixSeconds(to));
  }
  absl::Time from;
  if (arguments.has("from")) {
    TOCSIN_ASSIGN(from, ParseInstant(arguments.get("from")));
  } else {
    TOCSIN_ASSIGN(const absl::Duration span, ParseSpan(arguments.get("replay", "24h")));
    from = to - span;
  }
  request.mutable_from()->set_seconds(absl::ToUnixSeconds(from));
  return absl::OkStatus();
}

absl::StatusOr<v1::Replay> AwaitReplay(const Client& client, const v1::Replay& started) {
  v1::Replay replay = started;
  const absl::Time began = absl::Now();
  absl::Time shown = began;
  const bool shows = isatty(STDERR_FILENO) != 0;
  absl::Duration wait = kFirstWait;
  while (replay.state() == v1::Replay::STATE_RUNNING) {
    if (shows) {
      std::fprintf(stderr, "\rreplaying: %u%% ", replay.permille() / 10);
    } else if (absl::Now() - shown >= kLineEvery) {  // in a log, too, it is seen to go on
      shown = absl::Now();
      std::fprintf(stderr, "replaying: %u%% after %.0f s\n", replay.permille() / 10,
                   absl::ToDoubleSeconds(shown - began));
    }
    absl::SleepFor(wait);
    wait = std::min(2 * wait, kLongestWait);
    v1::GetReplayRequest request;
    request.set_id(started.id());
    TOCSIN_ASSIGN(replay, client.Call<ReplayService>(&ReplayService::Stub::GetReplay, request));
  }
  if (shows) std::fprintf(stderr, "\r                  \r");
  if (replay.state() != v1::Replay::STATE_DONE) return Failure(replay);
  return replay;
}

void PrintReplay(const v1::ReplayResult& result) {
  std::printf("replayed from %s to %s, in %.1f s: %s, of which %s; people did %s\n", Show(result.from()).c_str(),
              Show(result.to()).c_str(), result.seconds(), Count(result.events(), "event", "events").c_str(),
              Count(result.began(), "alert began to fire", "alerts began to fire").c_str(),
              Count(result.actions(), "thing", "things").c_str());
  PrintNotes(result);
  std::printf("\n");
  PrintTotals(result);
  PrintPeople(result);
  PrintPlaces("ROUTE", "PAGES", result.routes());
  PrintPlaces("SERVICE", "PAGES", result.services());
  PrintPlaces("RECEIVER", "MESSAGES", result.receivers());
  PrintOneSided("would page now and did not then", "WHY NOT THEN", result.gained(), /*now=*/true);
  PrintOneSided("paged then and would not now", "WHY NOT NOW", result.lost(), /*now=*/false);
  PrintBoth("would page at other times, other people or another number of times", result.changed());
  PrintBoth("would page as parts of other groups", result.regrouped());
  const bool differs =
      result.gained().count() + result.lost().count() + result.changed().count() + result.regrouped().count() > 0;
  std::printf("\n%s that paged page the same people as often, at the same time%s\n", Count(result.same()).c_str(),
              differs ? "" : "; nothing would have been different");
}

absl::Status PreviewSilence(const Arguments& arguments, const Client& client) {
  v1::PreviewSilenceRequest request;
  for (std::size_t i = 1; i < arguments.positional().size(); ++i)
    request.add_matchers(arguments.positional()[i]);
  request.set_service(arguments.get("service"));
  if (request.matchers().empty() && request.service().empty()) {
    return Invalid("which alerts? for example alertname=DiskFull, or --service NAME");
  }
  if (arguments.has("since")) {
    TOCSIN_ASSIGN(const absl::Duration span, ParseSpan(arguments.get("since")));
    request.mutable_from()->set_seconds(absl::ToUnixSeconds(absl::Now() - span));
  }
  TOCSIN_ASSIGN(const v1::Replay started, client.Call<ReplayService>(&ReplayService::Stub::PreviewSilence, request));
  TOCSIN_ASSIGN(v1::Replay replay, AwaitReplay(client, started));
  *replay.mutable_matches() = started.matches();
  if (WantsJson(arguments)) {
    PrintJson(replay);
    return absl::OkStatus();
  }
  PrintMatches(started.matches());
  const v1::ReplayResult& result = replay.result();
  if (request.service().empty()) {
    std::printf("matched since %s: %s times an alert began to fire, %s different alerts\n", Show(result.from()).c_str(),
                Count(result.matched()).c_str(), Count(result.matched_alerts()).c_str());
  }
  const std::uint64_t then = result.pages().then();
  const std::uint64_t now = result.pages().now();
  std::printf("it would have stopped %s of %s pages since then; \"now\" below is with it\n\n",
              Count(then - std::min(then, now)).c_str(), Count(then).c_str());
  PrintReplay(result);
  return absl::OkStatus();
}

}  // namespace tocsin
