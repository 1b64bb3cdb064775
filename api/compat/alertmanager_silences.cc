#include "api/compat/alertmanager_silences.h"

#include <algorithm>
#include <tuple>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

#include "api/compat/alertmanager_wire.h"
#include "api/records.h"
#include "api/scope.h"
#include "base/limits.h"
#include "base/status.h"
#include "base/strings.h"
#include "engine/responder_silences.h"
#include "model/command.h"

namespace tocsin::alertmanager {
namespace {

constexpr std::size_t kSilencesPerSlice = 500;  // copied at a time on the responder's thread

enum class State : std::uint8_t {
  kActive,
  kPending,
  kExpired
};  // in the order in which they are listed

struct Row {
  Silence silence;
  State state = State::kActive;
};

constexpr std::string_view NameOf(State state) {
  switch (state) {
    case State::kActive: return "active";
    case State::kPending: return "pending";
    case State::kExpired: return "expired";
  }
  return "";
}

State StateAt(const Silence& silence, absl::Time now) {
  if (now < silence.starts_at) return State::kPending;
  return now >= silence.ends_at ? State::kExpired : State::kActive;
}

// A row as clients see it. A window is a silence as long as it is in effect; one for a service has no matchers to show.
std::optional<Row> Show(const ResponderState& state, const Silence& silence, absl::Time now) {
  Row row{silence, StateAt(silence, now)};
  if (!silence.maintenance) return row;
  if (silence.matchers.empty() || !IsInEffect(state, silence)) return std::nullopt;
  row.state = State::kActive;
  if (row.silence.starts_at <= absl::UnixEpoch()) row.silence.starts_at = silence.updated_at;
  if (row.silence.ends_at == absl::InfiniteFuture()) row.silence.ends_at = now + absl::Hours(24);
  row.silence.comment =
      absl::StrCat("maintenance M", silence.id.value(), silence.comment.empty() ? "" : ": ", silence.comment);
  return row;
}

std::vector<Row> ReadAll(Api& api) {
  std::vector<Row> rows;
  SilenceId after;
  for (bool more = true; more;) {
    more = false;
    api.engine.ReadResponderAndWait([&](const Responder& responder, const Now& now) {
      const auto& silences = responder.state().silences;
      std::size_t seen = 0;
      for (auto at = silences.upper_bound(after); at != silences.end(); ++at) {
        if (seen++ == kSilencesPerSlice) {
          more = true;
          return;
        }
        after = at->first;
        if (std::optional<Row> row = Show(responder.state(), at->second, now.wall)) rows.push_back(*std::move(row));
      }
    });
  }
  return rows;
}

std::optional<Row> Find(Api& api, SilenceId id) {
  std::optional<Row> row;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now& now) {
    const auto found = responder.state().silences.find(id);
    if (found != responder.state().silences.end()) row = Show(responder.state(), found->second, now.wall);
  });
  return row;
}

std::string ToJson(const Matcher& matcher) {
  const bool equal = matcher.op == MatchOp::kEqual || matcher.op == MatchOp::kRegex;
  const bool regex = matcher.op == MatchOp::kRegex || matcher.op == MatchOp::kNotRegex;
  return absl::StrCat("{\"isEqual\":", equal ? "true" : "false", ",\"isRegex\":", regex ? "true" : "false",
                      ",\"name\":", JsonQuote(matcher.name), ",\"value\":", JsonQuote(matcher.value), "}");
}

std::string ToJson(const Row& row) {
  const Silence& silence = row.silence;
  std::string matchers;
  for (const Matcher& matcher : silence.matchers)
    absl::StrAppend(&matchers, matchers.empty() ? "" : ",", ToJson(matcher));
  return absl::StrCat("{\"id\":\"", FormatUuid(silence.id), "\",\"status\":{\"state\":\"", ToAbsl(NameOf(row.state)),
                      "\"},\"updatedAt\":\"", WireTime(silence.updated_at),
                      "\",\"annotations\":{},\"comment\":", JsonQuote(silence.comment),
                      ",\"createdBy\":", JsonQuote(silence.created_by), ",\"endsAt\":\"", WireTime(silence.ends_at),
                      "\",\"matchers\":[", matchers, "],\"startsAt\":\"", WireTime(silence.starts_at), "\"}");
}

// Active ones, those that end first in front; pending ones, those that begin first in front; expired ones, the last to end in front.
bool ComesFirst(const Row& a, const Row& b) {
  if (a.state != b.state) return a.state < b.state;
  const auto key = [](const Row& row) {
    const absl::Time epoch = absl::UnixEpoch();
    const absl::Duration first = row.state == State::kActive    ? row.silence.ends_at - epoch
                                 : row.state == State::kPending ? row.silence.starts_at - epoch
                                                                : epoch - row.silence.ends_at;
    return std::tuple(first, row.silence.id);
  };
  return key(a) < key(b);
}

// A pattern that does not compile, in the words of a silence's check: there it stands as it was written.
std::string Unanchored(const Matcher& matcher, std::string_view message) {
  return absl::StrReplaceAll(ToAbsl(message),
                             {
                                 {absl::StrCat("`^(?:", matcher.value, ")$`"), absl::StrCat("`", matcher.value, "`")}
  });
}

// What Alertmanager would not take; empty: nothing.
std::string Invalidity(const std::vector<Matcher>& matchers) {
  bool all_match_empty = true;
  for (std::size_t i = 0; i < matchers.size(); ++i) {
    const Matcher& matcher = matchers[i];
    if (matcher.name.empty()) return absl::StrFormat("invalid label matcher %d: invalid label name \"\"", i);
    const absl::StatusOr<CompiledMatchers> compiled = CompiledMatchers::Compile({&matcher, 1});
    if (!compiled.ok()) {
      return absl::StrFormat("invalid label matcher %d: invalid regular expression %s: %s", i, GoQuote(matcher.value),
                             Unanchored(matcher, Message(compiled.status())));
    }
    all_match_empty = all_match_empty && compiled->Match(std::span<const Label>());
  }
  return all_match_empty ? "at least one matcher must not match the empty string" : "";
}

absl::Status MaySilence(Api& api, const Caller& caller, const Silence& silence) {
  if (caller.everywhere()) return absl::OkStatus();
  v1::CreateSilenceRequest request;
  request.set_id(silence.id.value());
  for (const Matcher& matcher : silence.matchers)
    request.add_matchers(Format(matcher));
  return ScopeOfSilence(api, caller, request);
}

absl::Status MayEnd(Api& api, const Caller& caller, SilenceId id) {
  if (caller.everywhere()) return absl::OkStatus();
  v1::ExpireSilenceRequest request;
  request.set_id(id.value());
  return ScopeOfExpiry(api, caller, request);
}

HttpResponse Refused(const absl::Status& status) {
  if (absl::IsPermissionDenied(status)) return ErrorObject(403, 403, Message(status));
  if (absl::IsUnavailable(status) || absl::IsResourceExhausted(status)) return ErrorText(503, Message(status));
  return ErrorText(400, Message(status));
}

HttpResponse Made(SilenceId id) {
  return JsonResponse(200, absl::StrCat("{\"silenceID\":\"", FormatUuid(id), "\"}\n"));
}

absl::StatusOr<SilenceId> Save(Api& api, const Caller& caller, Silence silence) {
  v1::CommandResponse answer;
  TOCSIN_TRY(Run(api, caller, "", CreateSilence{std::move(silence)}, answer));
  return SilenceId(answer.id());
}

// The new one first: at no instant do alerts get through in between.
absl::StatusOr<SilenceId> Replace(Api& api, const Caller& caller, const Row& before, Silence silence) {
  silence.id = SilenceId();
  TOCSIN_ASSIGN(const SilenceId made, Save(api, caller, std::move(silence)));
  if (before.state != State::kExpired) {
    v1::CommandResponse answer;
    const absl::Status ended = Run(api, caller, "", ExpireSilence{before.silence.id}, answer);
    if (!ended.ok() && !absl::IsFailedPrecondition(ended)) return ended;  // somebody else may have ended it
  }
  return made;
}

std::string WindowWords(SilenceId id) {
  return absl::StrFormat("M%d is a maintenance window: change it by `tocsin maintenance`", id.value());
}

}  // namespace

SilenceUpdate Judge(const Silence& before, const Silence& posted, absl::Time now) {
  if (before.matchers != posted.matchers) return SilenceUpdate::kReplace;
  switch (StateAt(before, now)) {
    case State::kActive:
      return absl::ToUnixSeconds(posted.starts_at) == absl::ToUnixSeconds(before.starts_at) && posted.ends_at >= now
                 ? SilenceUpdate::kInPlace
                 : SilenceUpdate::kReplace;
    case State::kPending: return posted.starts_at >= now ? SilenceUpdate::kInPlace : SilenceUpdate::kReplace;
    case State::kExpired: return SilenceUpdate::kReplace;
  }
  return SilenceUpdate::kReplace;
}

HttpResponse ListSilences(Api& api, std::string_view query) {
  std::vector<Matcher> filter;
  for (const FormField& field : ParseForm(query)) {
    if (field.name != "filter") continue;
    absl::StatusOr<Matcher> matcher = ParseMatcher(field.value);
    if (!matcher.ok()) return ErrorText(400, Message(matcher.status()));
    filter.push_back(*std::move(matcher));
  }
  if (const absl::Status counted = CheckMatcherCount(filter); !counted.ok()) return ErrorText(400, Message(counted));
  const bool shown[] = {FlagOf(query, "active", true), FlagOf(query, "pending", true), FlagOf(query, "expired", true)};
  std::vector<Row> rows = ReadAll(api);
  std::erase_if(rows, [&](const Row& row) {
    // Not whether it would match: whether it has this very matcher.
    const auto has = [&](const Matcher& wanted) {
      return std::ranges::find(row.silence.matchers, wanted) != row.silence.matchers.end();
    };
    return !shown[static_cast<std::size_t>(row.state)] || !std::ranges::all_of(filter, has);
  });
  std::ranges::sort(rows, ComesFirst);
  std::string json = "[";
  for (const Row& row : rows)
    absl::StrAppend(&json, json.size() > 1 ? "," : "", ToJson(row));
  return JsonResponse(200, json + "]\n");
}

HttpResponse GetSilence(Api& api, std::string_view id) {
  const std::optional<SilenceId> number = ParseUuid(id);
  const std::optional<Row> row = number ? Find(api, *number) : std::nullopt;
  if (!row) return {.status = 404};
  return JsonResponse(200, ToJson(*row) + "\n");
}

HttpResponse PostSilence(Api& api, const Caller& caller, std::string_view body) {
  PostedSilence posted;
  if (std::optional<HttpResponse> refusal = ReadSilence(body, posted)) return *std::move(refusal);
  Silence& silence = posted.silence;
  const absl::Time now = api.engine.Read().wall;
  if (silence.ends_at <= silence.starts_at) {
    return ErrorText(400, "Failed to create silence: start time must be before end time");
  }
  if (silence.ends_at < now) return ErrorText(400, "Failed to create silence: end time can't be in the past");
  std::optional<Row> before;
  if (!posted.id.empty()) {
    const std::optional<SilenceId> id = ParseUuid(posted.id);
    before = id ? Find(api, *id) : std::nullopt;
    if (!before) return ErrorText(404, "silence not found");
    if (before->silence.maintenance) return ErrorText(400, WindowWords(*id));
    silence.id = *id;
  }
  if (silence.matchers.size() > limits::kMatchersPerSilence) {
    return ErrorText(400, absl::StrFormat("silence invalid: %d matchers, at most %d", silence.matchers.size(),
                                          limits::kMatchersPerSilence));
  }
  if (const std::string invalid = Invalidity(silence.matchers); !invalid.empty()) {
    return ErrorText(400, "silence invalid: " + invalid);
  }
  if (const absl::Status may = MaySilence(api, caller, silence); !may.ok()) return Refused(may);
  const bool replaces = before && Judge(before->silence, silence, now) == SilenceUpdate::kReplace;
  const absl::StatusOr<SilenceId> made =
      replaces ? Replace(api, caller, *before, std::move(silence)) : Save(api, caller, std::move(silence));
  return made.ok() ? Made(*made) : Refused(made.status());
}

HttpResponse DeleteSilence(Api& api, const Caller& caller, std::string_view id) {
  const std::optional<SilenceId> number = ParseUuid(id);
  const std::optional<Row> row = number ? Find(api, *number) : std::nullopt;
  // Up to 0.25 Alertmanager says 500, since 0.26 404: clients of both know 500, and show its words.
  if (!row) return ErrorText(500, "silence not found");
  if (const absl::Status may = MayEnd(api, caller, *number); !may.ok()) return Refused(may);
  if (row->state == State::kExpired) return {.status = 200};
  v1::CommandResponse answer;
  const absl::Status ended = Run(api, caller, "", ExpireSilence{*number, row->silence.maintenance}, answer);
  const bool over = !ended.ok() && absl::IsFailedPrecondition(ended) && !row->silence.declared.set();
  if (ended.ok() || over) return {.status = 200};
  return Refused(ended);
}

}  // namespace tocsin::alertmanager
