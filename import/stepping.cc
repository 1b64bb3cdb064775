#include "import/stepping.h"

#include <algorithm>
#include <set>

#include "base/strings.h"
#include "config/text.h"
#include "import/zones.h"

namespace tocsin::import {
namespace {

constexpr std::int64_t kSteps = 200'000;  // of one layer

struct Piece {
  absl::Time start;
  absl::Time end;
  std::size_t crew = 0;
};

absl::Time FirstAt(absl::CivilSecond local, const absl::TimeZone& zone) {
  const absl::TimeZone::TimeInfo info = zone.At(local);
  return info.kind == absl::TimeZone::TimeInfo::SKIPPED ? info.trans : info.pre;
}

std::vector<Piece> TurnsOf(const SteppedLayer& layer, absl::Time since, absl::Time until) {
  std::vector<Piece> turns;
  const absl::Time first = FirstAt(layer.start, layer.zone);
  const auto begin = [&](std::int64_t k) {
    return layer.elapsed ? first + absl::Seconds(k * layer.turn_seconds)
                         : FirstAt(layer.start + k * layer.turn_seconds, layer.zone);
  };
  for (std::int64_t k = 0; k < kSteps && begin(k) < until; ++k) {
    if (begin(k + 1) > since)
      turns.push_back({begin(k), begin(k + 1), static_cast<std::size_t>(k) % layer.crews.size()});
  }
  return turns;
}

std::vector<Piece> WindowsOf(const SteppedLayer& layer, absl::Time since, absl::Time until) {
  std::vector<Piece> windows;
  const absl::CivilDay last = absl::ToCivilDay(until, layer.zone) + 1;
  for (absl::CivilDay day = absl::ToCivilDay(since, layer.zone) - 8; day <= last; ++day) {
    for (const SteppedLayer::Window& window : layer.windows) {
      if (window.day != 0 && window.day != static_cast<int>(absl::GetWeekday(day)) + 1) continue;
      const absl::CivilSecond start = absl::CivilSecond(day) + window.start_minute * 60;
      windows.push_back({FirstAt(start, layer.zone), FirstAt(start + window.minutes * 60, layer.zone), 0});
    }
  }
  std::ranges::stable_sort(windows, {}, &Piece::start);
  return windows;
}

// The last that has begun by `at` and goes on; nullptr when there is none. None lasts longer than eight days.
const Piece* Holding(const std::vector<Piece>& spans, absl::Time at) {
  auto place = std::ranges::upper_bound(spans, at, {}, &Piece::start);
  while (place != spans.begin()) {
    --place;
    if (place->end > at) return &*place;
    if (place->start < at - absl::Hours(24 * 400)) return nullptr;
  }
  return nullptr;
}

struct SteppedSpans {
  std::vector<Piece> turns;
  std::vector<Piece> windows;
};

std::vector<UserId> OnCallAt(const SteppedSchedule& schedule, const std::vector<SteppedSpans>& spans, absl::Time at) {
  const auto holds = [&](const SteppedOverride& change) { return change.start <= at && at < change.end; };
  for (auto change = schedule.overrides.rbegin(); change != schedule.overrides.rend(); ++change) {
    if (change->layers.empty() && holds(*change)) return change->users;
  }
  std::set<UserId> on;
  for (std::size_t i = 0; i < schedule.layers.size(); ++i) {
    const SteppedLayer& layer = schedule.layers[i];
    std::vector<UserId> crew;
    const Piece* turn = Holding(spans[i].turns, at);
    const bool inside = layer.windows.empty() || Holding(spans[i].windows, at) != nullptr;
    if (turn != nullptr && inside && layer.since <= at && at < layer.until) crew = layer.crews[turn->crew];
    for (const SteppedOverride& change : schedule.overrides) {
      if (holds(change) && std::ranges::find(change.layers, i) != change.layers.end()) crew = change.users;
    }
    on.insert(crew.begin(), crew.end());
    if (schedule.hide && !on.empty()) break;
  }
  return {on.begin(), on.end()};
}

// What the fields of an API mean, without a word about what is lost: the import has told it already.
std::vector<UserId> Crew(const Item& reference, Draft& draft) {
  for (const std::string_view name : {"id", "username"}) {
    if (const auto user = draft.FindUser(reference.Text(name))) return {*user};
  }
  return {};
}

std::int64_t Minutes(const Item& item, std::string_view hour, std::string_view minute) {
  return item.Number(hour, 0, 24, 0) * 60 + item.Number(minute, 0, 59, 0);
}

}  // namespace

Rendering StepThrough(const SteppedSchedule& schedule, const ScheduleId& id, absl::Time since, absl::Duration span) {
  const absl::Time until = since + span;
  std::vector<SteppedSpans> spans;
  std::set<absl::Time> edges = {since, until};
  const auto note = [&](absl::Time at) {
    if (since < at && at < until) edges.insert(at);
  };
  for (const SteppedLayer& layer : schedule.layers) {
    spans.push_back({TurnsOf(layer, since, until), WindowsOf(layer, since, until)});
    note(layer.since);
    note(layer.until);
    for (const std::vector<Piece>* list : {&spans.back().turns, &spans.back().windows}) {
      for (const Piece& each : *list) {
        note(each.start);
        note(each.end);
      }
    }
  }
  for (const SteppedOverride& change : schedule.overrides) {
    note(change.start);
    note(change.end);
  }
  Rendering rendering{id, "the source's rules, stepped through", since, until, {}};
  for (auto at = edges.begin(); std::next(at) != edges.end(); ++at)
    rendering.entries.push_back({*at, *std::next(at), OnCallAt(schedule, spans, *at)});
  return rendering;
}

std::optional<SteppedSchedule> PagerDutySteps(const Item& item, const std::vector<Item>& overrides, Draft& draft) {
  SteppedSchedule schedule;
  schedule.hide = true;
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(KnownZone(item.Text("time_zone")), &zone)) return std::nullopt;
  for (const Item& from : item.Items("schedule_layers")) {
    SteppedLayer layer;
    layer.zone = zone;
    const auto start = ParseTime(from.FirstText({"rotation_virtual_start", "start"}), zone);
    if (!start) return std::nullopt;
    layer.start = absl::CivilSecond(absl::ToCivilMinute(*start, zone));
    layer.turn_seconds = from.Number("rotation_turn_length_seconds", 1, 365LL * 86'400, 86'400);
    // What no documentation says is not for this to find out.
    if (layer.turn_seconds % 86'400 != 0) return std::nullopt;
    if (const auto since = ParseTime(from.Text("start"), zone)) layer.since = WholeMinute(*since);
    if (const auto until = ParseTime(from.Text("end"), zone)) layer.until = WholeMinute(*until);
    layer.since = std::max(layer.since, WholeMinute(*start));
    for (const Item& user : from.Items("users"))
      layer.crews.push_back(Crew(user["user"].present() ? user["user"] : user, draft));
    if (layer.crews.empty()) continue;
    for (const Item& window : from.Items("restrictions")) {
      const bool weekly = window.Text("type") == "weekly_restriction";
      layer.windows.push_back({weekly ? static_cast<int>(window.Number("start_day_of_week", 1, 7, 1)) : 0,
                               window.TimeOfDay("start_time_of_day").value_or(0),
                               std::max<std::int64_t>(1, window.Number("duration_seconds", 1, 604'800, 60) / 60)});
    }
    schedule.layers.push_back(std::move(layer));
  }
  for (const Item& change : overrides) {
    const auto start = ParseTime(change.Text("start"), zone);
    const auto end = ParseTime(change.Text("end"), zone);
    const std::vector<UserId> crew = Crew(change["user"], draft);
    if (start && end && !crew.empty()) schedule.overrides.push_back({WholeMinute(*start), WholeMinute(*end), crew, {}});
  }
  return schedule;
}

namespace {

std::optional<SteppedLayer> OpsgenieLayer(const Item& from, const absl::TimeZone& zone, Draft& draft) {
  SteppedLayer layer;
  layer.zone = zone;
  const auto start = ParseTime(from.Text("startDate"), zone);
  const std::string type = ToLower(from.Text("type"));
  const std::int64_t length = from.Number("length", 1, 10'000, 1);
  const std::int64_t hours = length * (type == "weekly" ? 168 : type == "daily" ? 24 : 1);
  if (!start || hours % 24 != 0) return std::nullopt;
  layer.start = absl::CivilSecond(absl::ToCivilMinute(*start, zone));
  layer.turn_seconds = hours * 3600;
  layer.since = WholeMinute(*start);
  if (const auto end = ParseTime(from.Text("endDate"), zone)) layer.until = WholeMinute(*end);
  for (const Item& participant : from.Items("participants")) {
    const std::string kind = participant.Text("type");
    if (kind != "user" && kind != "none") return std::nullopt;
    layer.crews.push_back(kind == "none" ? std::vector<UserId>() : Crew(participant, draft));
  }
  const Item restriction = from["timeRestriction"];
  if (const Item one = restriction["restriction"]; one.present()) {
    const std::int64_t begin = Minutes(one, "startHour", "startMin") % 1440;
    const std::int64_t end = Minutes(one, "endHour", "endMin") % 1440;
    layer.windows.push_back({0, begin, end > begin ? end - begin : end - begin + 1440});
  }
  for (const Item& window : restriction.Items("restrictions")) {
    const auto first = ParseWeekday(window.Text("startDay"));
    const auto last = ParseWeekday(window.Text("endDay"));
    if (!first.ok() || !last.ok()) return std::nullopt;
    const std::int64_t begin = *first * 1440 + Minutes(window, "startHour", "startMin") % 1440;
    const std::int64_t end = *last * 1440 + Minutes(window, "endHour", "endMin");
    constexpr std::int64_t kWeek = 7 * 1440;
    const std::int64_t minutes = (end - begin + kWeek) % kWeek;
    layer.windows.push_back({static_cast<int>(*first), begin % 1440, minutes == 0 ? kWeek : minutes});
  }
  return layer;
}

}  // namespace

std::optional<SteppedSchedule> OpsgenieSteps(const Item& item, const std::vector<Item>& overrides, Draft& draft) {
  SteppedSchedule schedule;
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(KnownZone(item.Text("timezone")), &zone)) return std::nullopt;
  std::vector<std::string> rotations;
  for (const Item& from : item.Items("rotations")) {
    const std::optional<SteppedLayer> layer = OpsgenieLayer(from, zone, draft);
    if (!layer) return std::nullopt;
    if (layer->crews.empty()) continue;
    rotations.push_back(from.Text("id"));
    schedule.layers.push_back(*layer);
  }
  for (const Item& change : overrides) {
    const auto start = ParseTime(change.Text("startDate"), zone);
    const auto end = ParseTime(change.Text("endDate"), zone);
    const std::string kind = change["user"].Text("type");
    if (!start || !end || (kind != "user" && kind != "none")) return std::nullopt;
    SteppedOverride to{WholeMinute(*start), WholeMinute(*end), {}, {}};
    if (kind == "user") to.users = Crew(change["user"], draft);
    for (const Item& rotation : change.Items("rotations")) {
      const auto found = std::ranges::find(rotations, rotation.Text("id"));
      if (found == rotations.end()) return std::nullopt;
      to.layers.push_back(static_cast<std::size_t>(found - rotations.begin()));
    }
    if (kind == "none" || !to.users.empty()) schedule.overrides.push_back(std::move(to));
  }
  return schedule;
}

}  // namespace tocsin::import
