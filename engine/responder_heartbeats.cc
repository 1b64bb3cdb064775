#include "engine/responder_heartbeats.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "base/limits.h"
#include "base/status.h"
#include "base/strings.h"
#include "engine/message.h"
#include "model/bounded_text.h"

namespace tocsin {
namespace {

constexpr absl::Duration kTellAgain = absl::Seconds(10);
constexpr absl::Duration kLongestSlack = absl::Minutes(1);
// How much of the time in which it could have been heard may be forgotten by a crash.
constexpr std::int64_t kChecksPerPeriod = 24;
constexpr absl::Duration kShortestCheck = absl::Minutes(10);
// So much listening in pieces counts as much as one period without a break.
constexpr std::int64_t kPeriodsInPieces = 2;
constexpr std::size_t kTagBytes = 100;

TimerKey HeartbeatTimer(HeartbeatId id) {
  return {Timer::Kind::kHeartbeat, id.value()};
}

absl::Duration SlackOf(const HeartbeatRule& rule) {
  return std::min(rule.interval / 60, kLongestSlack);
}
absl::Duration PeriodOf(const HeartbeatRule& rule) {
  return rule.interval + rule.grace + SlackOf(rule);
}

absl::Duration CheckEvery(const HeartbeatRule& rule) {
  return std::max(PeriodOf(rule) / kChecksPerPeriod, kShortestCheck);
}

bool IsWatched(const Heartbeat& row) {
  return row.awaited && row.rule.enabled && !row.removed && !IsExpired(row);
}

std::string Quoted(const HeartbeatName& name) {
  return OneLine(name.value(), limits::kHeartbeatNameBytes);
}

const Heartbeat* FindNamed(const Turn& turn, const HeartbeatName& name) {
  const auto found = turn.state().heartbeat_of.find(name);
  if (found == turn.state().heartbeat_of.end()) return nullptr;
  const Heartbeat* row = turn.Find<Heartbeat>(found->second);
  return row == nullptr || row->removed ? nullptr : row;
}

AlertEvent EventOf(const Heartbeat& row) {
  AlertEvent event;
  const bool fires = IsExpired(row) && !row.removed;
  event.kind = fires ? EventKind::kTrigger : EventKind::kResolve;
  event.severity = row.rule.severity;
  event.dedup_key = HeartbeatDedupKey(row.rule.id);
  event.labels = {
      {"alertname", std::string(kHeartbeatAlert)},
      {"heartbeat", row.rule.id.value()         }
  };
  if (row.rule.team.set()) event.labels.push_back({"team", row.rule.team.value()});
  if (!row.tags.empty()) event.labels.push_back({"tags", absl::StrJoin(row.tags, ",")});
  event.labels.insert(event.labels.end(), row.rule.labels.begin(), row.rule.labels.end());
  Normalise(event.labels);
  event.annotations = {
      {"summary", !row.rule.summary.empty() ? row.rule.summary
                                            : absl::StrCat("no signal from ", row.rule.id.value(), " for more than ",
       absl::FormatDuration(row.rule.interval + row.rule.grace))},
  };
  if (!row.rule.description.empty()) event.annotations.push_back({"description", row.rule.description});
  if (fires) event.starts_at = row.expired_at;
  return event;
}

// Hands over what is true of it now, and again until it is known to have arrived.
void Tell(Turn& turn, const Heartbeat& row) {
  turn.Raise({EventOf(row), row.id, row.turns});
  turn.Arm(HeartbeatTimer(row.id), turn.now().engine + kTellAgain);
}

void Watch(Turn& turn, const Heartbeat& row) {
  if (row.told < row.turns) return;  // its timer tells it again
  if (!IsWatched(row)) {
    turn.Disarm(HeartbeatTimer(row.id));
    return;
  }
  const EngineTime at = ExpiresAt(row, turn.listening_since(), turn.now());
  turn.Arm(HeartbeatTimer(row.id), std::min(at, turn.now().engine + CheckEvery(row.rule)));
}

void HearFrom(Turn& turn, Heartbeat& row) {
  row.heard = turn.now().engine;
  row.checked = row.heard;
  row.listened = absl::ZeroDuration();
}

void EndAlert(Turn& turn, Heartbeat& row) {
  if (!IsExpired(row)) return;
  row.expired_at = absl::Time();
  ++row.turns;
  Tell(turn, row);
}

// It is what `rule` says from now on; what has been heard of it stays.
void Become(Turn& turn, Heartbeat& row, const HeartbeatRule& rule) {
  const bool wakes = rule.enabled && !row.rule.enabled;
  const bool told_otherwise = row.rule != rule;
  row.rule = rule;
  Normalise(row.rule.labels);
  if (wakes) HearFrom(turn, row);
  if (!rule.enabled) {
    EndAlert(turn, row);
  } else if (IsExpired(row) && told_otherwise) {
    ++row.turns;
    Tell(turn, row);
  }
  Watch(turn, row);
}

Heartbeat& Make(Turn& turn) {
  Heartbeat& row = turn.Create<Heartbeat>();
  row.made_at = turn.now().wall;
  HearFrom(turn, row);
  return row;
}

// The row goes at once when the alert table knows nothing of it, else once it knows that it is over.
void Dismiss(Turn& turn, HeartbeatId id) {
  Heartbeat& row = turn.Edit<Heartbeat>(id);
  row.removed = true;
  if (IsExpired(row)) ++row.turns;
  if (row.told < row.turns) {
    Tell(turn, row);
    return;
  }
  turn.Disarm(HeartbeatTimer(id));
  turn.Remove<Heartbeat>(id);
}

std::size_t Standing(const Turn& turn) {
  return turn.state().heartbeat_of.size();
}

absl::StatusOr<const Heartbeat*> FindOwn(const Turn& turn, const HeartbeatName& name) {
  const Heartbeat* row = FindNamed(turn, name);
  if (row == nullptr) return NotFound("heartbeat \"%s\" does not exist", Quoted(name));
  if (row->declared) {
    return Precondition("heartbeat \"%s\" is declared in the organisation: change it there", Quoted(name));
  }
  return row;
}

}  // namespace

EngineTime ExpiresAt(const Heartbeat& heartbeat, EngineTime listening_since, const Now& now) {
  if (!IsWatched(heartbeat)) return EngineTime::Infinite();
  const absl::Duration period = PeriodOf(heartbeat.rule);
  const EngineTime whole = std::max(heartbeat.heard, listening_since) + period;
  const EngineTime counted = std::max({heartbeat.heard, heartbeat.checked, listening_since});
  const EngineTime in_pieces = std::min(counted, now.engine) + (kPeriodsInPieces * period - heartbeat.listened);
  return std::min(whole, in_pieces);
}

void CheckHeartbeat(Turn& turn, HeartbeatId id) {
  const Heartbeat& before = *turn.Find<Heartbeat>(id);
  if (before.told < before.turns) {
    Tell(turn, before);
    return;
  }
  if (!IsWatched(before)) return;
  const Now& now = turn.now();
  const EngineTime at = ExpiresAt(before, turn.listening_since(), now);
  if (at <= now.engine) {
    Heartbeat& row = turn.Edit<Heartbeat>(id);
    row.expired_at = now.wall;
    ++row.turns;
    Tell(turn, row);
    return;
  }
  const absl::Duration step = CheckEvery(before.rule);
  const EngineTime counted = std::max({before.heard, before.checked, turn.listening_since()});
  if (now.engine - counted >= step) {
    Heartbeat& row = turn.Edit<Heartbeat>(id);
    row.listened += now.engine - counted;
    row.checked = now.engine;
  }
  turn.Arm(HeartbeatTimer(id), std::min(at, now.engine + step));
}

absl::Status PingHeartbeatBy(Turn& turn, const PingHeartbeat& command) {
  const Heartbeat* before = FindNamed(turn, command.name);
  if (before == nullptr) return NotFound("heartbeat \"%s\" does not exist", Quoted(command.name));
  const bool same = before->last_ping != absl::Time() && !IsExpired(*before) && before->awaited &&
                    turn.now().engine - before->heard < SlackOf(before->rule);
  if (same) return absl::OkStatus();
  Heartbeat& row = turn.Edit<Heartbeat>(before->id);
  const bool was_watched = IsWatched(row);
  row.last_ping = turn.now().wall;
  row.awaited = true;
  HearFrom(turn, row);
  EndAlert(turn, row);
  if (!was_watched || turn.FindTimer(HeartbeatTimer(row.id)) == nullptr) Watch(turn, row);
  return absl::OkStatus();
}

absl::StatusOr<HeartbeatId> PutHeartbeatBy(Turn& turn, const PutHeartbeat& command) {
  TOCSIN_TRY(Check(command.rule));
  const Heartbeat* before = FindNamed(turn, command.rule.id);
  if (before != nullptr && command.must_be_new) {
    return absl::AlreadyExistsError(
        absl::StrCat("heartbeat \"", Quoted(command.rule.id), "\" exists already: change it, or choose another name"));
  }
  if (before == nullptr && Standing(turn) >= limits::kHeartbeats) {
    return Exhausted("there are %d heartbeats already: remove some", limits::kHeartbeats);
  }
  if (before != nullptr) TOCSIN_TRY(FindOwn(turn, command.rule.id).status());
  Heartbeat& row = before != nullptr ? turn.Edit<Heartbeat>(before->id) : Make(turn);
  std::vector<std::string> tags;
  std::size_t left = limits::kHeartbeatTextBytes;
  for (const std::string& tag : command.tags) {
    tags.push_back(Bounded(tag, std::min(left, kTagBytes)));
    left -= tags.back().size();
  }
  std::erase(tags, "");
  row.tags = std::move(tags);
  row.priority = Bounded(command.priority, kTagBytes);
  Become(turn, row, command.rule);
  turn.MakeFact();
  return row.id;
}

absl::Status RemoveHeartbeatBy(Turn& turn, const RemoveHeartbeat& command) {
  TOCSIN_ASSIGN(const Heartbeat* row, FindOwn(turn, command.name));
  Dismiss(turn, row->id);
  turn.MakeFact();
  return absl::OkStatus();
}

absl::Status EnableHeartbeatBy(Turn& turn, const EnableHeartbeat& command) {
  TOCSIN_ASSIGN(const Heartbeat* before, FindOwn(turn, command.name));
  if (before->rule.enabled == command.enabled) return absl::OkStatus();
  HeartbeatRule rule = before->rule;
  rule.enabled = command.enabled;
  Become(turn, turn.Edit<Heartbeat>(before->id), rule);
  turn.MakeFact();
  return absl::OkStatus();
}

absl::Status HeartbeatToldBy(Turn& turn, const HeartbeatTold& command) {
  const Heartbeat* before = turn.Find<Heartbeat>(command.heartbeat);
  if (before == nullptr || command.turn <= before->told || command.turn > before->turns) return absl::OkStatus();
  Heartbeat& row = turn.Edit<Heartbeat>(command.heartbeat);
  row.told = command.turn;
  if (row.told < row.turns) return absl::OkStatus();
  if (row.removed) {
    turn.Disarm(HeartbeatTimer(row.id));
    turn.Remove<Heartbeat>(row.id);
    return absl::OkStatus();
  }
  Watch(turn, row);
  return absl::OkStatus();
}

void TellHeartbeatsAgain(Turn& turn) {
  for (const auto& [id, row] : turn.state().heartbeats)
    if (row.told < row.turns) Tell(turn, row);
}

void ApplyDeclaredHeartbeats(Turn& turn, std::span<const HeartbeatRule> rules) {
  std::set<HeartbeatName> declared;
  for (const HeartbeatRule& rule : rules) {
    declared.insert(rule.id);
    const Heartbeat* before = FindNamed(turn, rule.id);
    HeartbeatRule normal = rule;
    Normalise(normal.labels);
    if (before != nullptr && before->declared && before->rule == normal) continue;
    Heartbeat& row = before != nullptr ? turn.Edit<Heartbeat>(before->id) : Make(turn);
    if (!row.awaited) HearFrom(turn, row);
    row.declared = true;
    row.awaited = true;
    Become(turn, row, normal);
  }
  for (const auto& [id, row] : turn.state().heartbeats)
    if (row.declared && !row.removed && !declared.contains(row.rule.id)) Dismiss(turn, id);
}

}  // namespace tocsin
