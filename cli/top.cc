// top: what goes through the server, and what waits, each second anew.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <thread>

#include "absl/strings/str_format.h"
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include "base/status.h"
#include "cli/commands.h"
#include "cli/groups.h"
#include "cli/output.h"
#include "cli/session.h"

namespace tocsin {
namespace {

using v1::GroupService;
using v1::StatusService;
using Clock = std::chrono::steady_clock;

constexpr int kRefreshMilliseconds = 1000;
constexpr int kGroupsShown = 15;

struct Sample {
  v1::GetLoadResponse load;
  v1::GetStatusResponse status;
  std::vector<v1::Group> groups;
  Clock::time_point at;
};

enum class Order : std::uint8_t {
  kSeverity,
  kFiring,
  kAge
};

absl::StatusOr<Sample> Take(const Client& client) {
  Sample sample;
  TOCSIN_ASSIGN(sample.load, client.Call<StatusService>(&StatusService::Stub::GetLoad, v1::GetLoadRequest()));
  TOCSIN_ASSIGN(sample.status, client.Call<StatusService>(&StatusService::Stub::GetStatus, v1::GetStatusRequest()));
  v1::ListGroupsRequest request;
  request.set_page_size(1000);
  TOCSIN_ASSIGN(const auto groups, client.Call<GroupService>(&GroupService::Stub::ListGroups, request));
  sample.groups.assign(groups.groups().begin(), groups.groups().end());
  sample.at = Clock::now();
  return sample;
}

// A second; counters of two servers, before and after a restart, make no rate.
double Rate(std::uint64_t before, std::uint64_t after, const Sample& old, const Sample& now) {
  const double seconds = std::chrono::duration<double>(now.at - old.at).count();
  return seconds <= 0 || after < before ? 0 : static_cast<double>(after - before) / seconds;
}

std::string Bytes(std::uint64_t bytes) {
  constexpr std::string_view kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double amount = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; amount >= 1024 && unit + 1 < std::size(kUnits); ++unit)
    amount /= 1024;
  return absl::StrFormat(unit == 0 ? "%.0f %s" : "%.1f %s", amount, kUnits[unit]);
}

// "3 open, 1 snoozed"; what is zero is left out.
std::string List(const google::protobuf::RepeatedPtrField<v1::GetLoadResponse::Count>& counts) {
  std::string text;
  for (const auto& each : counts) {
    if (each.count() > 0)
      absl::StrAppendFormat(&text, "%s%d %s", text.empty() ? "" : ", ", each.count(), Printable(each.name()));
  }
  return text.empty() ? "none" : text;
}

std::string Row(std::string_view name, const std::string& value, Tone tone = Tone::kPlain) {
  return absl::StrFormat("%-22s %s\n", name, Paint(value, tone, StandardOutput()));
}

std::string Figures(const Sample& old, const Sample& now) {
  const v1::GetLoadResponse& load = now.load;
  const double late = load.oldest_undelivered_seconds();
  const std::string& why_not = now.status.why_not_paging();
  const bool disk_low = load.disk_bytes() > 0 && load.disk_free_bytes() < load.disk_bytes() / 20;
  std::string out = absl::StrFormat("tocsin %s  %s\n\n", Printable(now.status.version()), Show(load.now()));
  out += Row("pages can go out", why_not.empty() ? "yes" : "NO: " + Printable(why_not),
             why_not.empty() ? Tone::kGood : Tone::kBad);
  out +=
      Row("events a second", absl::StrFormat("%.0f in, %.0f commits", Rate(old.load.events(), load.events(), old, now),
                                             Rate(old.load.commits(), load.commits(), old, now)));
  out += Row("alerts", absl::StrFormat("%d firing, %d held back", load.alerts_firing(), load.alerts_held_back()));
  out += Row("groups", List(load.groups()));
  out += Row("incidents open", std::to_string(load.incidents_open()));
  out += Row("pages under way", std::to_string(load.pages()));
  out += Row("notifications", List(load.notifications()));
  out += Row("attempts",
             absl::StrFormat("%d under way; waiting: %s", load.attempts_under_way(), List(load.attempts_waiting())));
  out += Row("oldest undelivered", late <= 0 ? "none" : absl::StrFormat("%.0f s", late),
             late > 60 ? Tone::kBad : Tone::kPlain);
  out += Row("taken in, not applied", Bytes(load.ring_bytes()));
  out += Row("refused batches", List(load.refused()));
  out += Row("not taken at the doors", List(load.not_taken()));
  if (load.disk_bytes() > 0) {
    out += Row("disk", Bytes(load.disk_free_bytes()) + " free of " + Bytes(load.disk_bytes()),
               disk_low ? Tone::kBad : Tone::kPlain);
  }
  return out;
}

std::string_view NameOf(Order order) {
  switch (order) {
    case Order::kSeverity: return "severity";
    case Order::kFiring: return "alerts firing";
    case Order::kAge: return "age";
  }
  return "";
}

std::string Groups(std::vector<v1::Group> groups, Order order) {
  std::ranges::stable_sort(groups, [&](const v1::Group& a, const v1::Group& b) {
    if (order == Order::kFiring) return a.firing() > b.firing();
    if (order == Order::kAge) return a.opened_at().seconds() < b.opened_at().seconds();
    return a.highest() > b.highest();
  });
  Table table({"GROUP", "STATE", "SEVERITY", "FIRING", "SERVICE", "OPENED"});
  for (const v1::Group& group : groups) {
    if (table.rows() == kGroupsShown) break;
    table.Add({absl::StrFormat("G%d", group.id()), StateCell(StateWord(group)),
               EnumWord(v1::Severity_Name(group.highest()), "SEVERITY_"), FiringWord(group), Printable(group.service()),
               When(group.opened_at())});
  }
  if (groups.empty()) return "no open groups\n";
  const std::string more =
      groups.size() > kGroupsShown ? absl::StrFormat("... and %d more\n", groups.size() - kGroupsShown) : std::string();
  return absl::StrFormat("open groups by %s\n", NameOf(order)) + table.Render(StandardOutput()) + more;
}

absl::Status Once(const Arguments& arguments, const Client& client) {
  TOCSIN_ASSIGN(const Sample old, Take(client));
  if (WantsJson(arguments)) {
    PrintJson(old.load);
    return absl::OkStatus();
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(kRefreshMilliseconds));
  TOCSIN_ASSIGN(const Sample now, Take(client));
  std::printf("%s\n%s", Figures(old, now).c_str(), Groups(now.groups, Order::kSeverity).c_str());
  return absl::OkStatus();
}

// The terminal gives keys as they are pressed and shows another page, until this goes.
class LiveScreen {
 public:
  LiveScreen() {
    tcgetattr(STDIN_FILENO, &before_);
    termios raw = before_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    std::fputs("\x1b[?1049h\x1b[?25l", stdout);  // the other page, no cursor
  }
  ~LiveScreen() {
    std::fputs("\x1b[?25h\x1b[?1049l", stdout);
    std::fflush(stdout);
    tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  LiveScreen(const LiveScreen&) = delete;
  LiveScreen& operator=(const LiveScreen&) = delete;

  void Show(std::string_view text) const {
    std::string shown = "\x1b[H";
    for (const char c : text)
      shown += c == '\n' ? std::string("\x1b[K\n") : std::string(1, c);  // what stood there before goes
    shown += "\x1b[J";
    std::fwrite(shown.data(), 1, shown.size(), stdout);
    std::fflush(stdout);
  }
  // The key pressed within that time; 'q' when there is nobody at the keyboard any more.
  static std::optional<char> Key(int milliseconds) {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    if (poll(&input, 1, milliseconds) <= 0) return std::nullopt;
    char key = 'q';
    return read(STDIN_FILENO, &key, 1) == 1 ? key : 'q';
  }

 private:
  termios before_{};
};

absl::Status Live(const Client& client) {
  TOCSIN_ASSIGN(Sample old, Take(client));
  const LiveScreen screen;
  Order order = Order::kSeverity;
  Sample now = old;
  std::string trouble;
  for (;;) {
    const std::string keys = "\nq quits; sort by: s severity, f firing, a age\n";
    screen.Show(Figures(old, now) + "\n" + Groups(now.groups, order) + keys + trouble);
    const std::optional<char> key = LiveScreen::Key(kRefreshMilliseconds);
    if (key == 'q' || key == 'Q' || key == '\x03' || key == '\x04') return absl::OkStatus();
    if (key == 's') order = Order::kSeverity;
    if (key == 'f') order = Order::kFiring;
    if (key == 'a') order = Order::kAge;
    if (key) continue;
    absl::StatusOr<Sample> next = Take(client);
    trouble = next.ok() ? "" : Paint(Printable(Message(next.status())), Tone::kBad, StandardOutput()) + "\n";
    if (!next.ok()) continue;
    old = std::exchange(now, *std::move(next));
  }
}

}  // namespace

int RunTop(std::span<const std::string> arguments) {
  constexpr OptionSpec kOwn[] = {
      {"once", '1', false, "", "print it once and end; -o json implies it"}
  };
  return WithClient("top", arguments, kOwn, [](const Arguments& parsed, const Client& client) -> absl::Status {
    const bool is_live = isatty(STDOUT_FILENO) != 0 && isatty(STDIN_FILENO) != 0;
    if (parsed.has("once") || WantsJson(parsed) || !is_live) return Once(parsed, client);
    return Live(client);
  });
}

}  // namespace tocsin
