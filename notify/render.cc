#include "notify/render.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/civil_time.h"

#include "base/strings.h"
#include "notify/text.h"
#include "notify/wording.h"

namespace tocsin::notify {
namespace {

std::string Repeated(std::string_view piece, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i)
    out += piece;
  return out;
}

// As absl::RFC3339_full has it in UTC; by hand for the usual years, which takes a tenth of the time.
std::string Rfc3339(absl::Time at) {
  const absl::CivilSecond civil = absl::ToCivilSecond(at, absl::UTCTimeZone());
  const absl::Duration fraction = at - absl::FromCivil(civil, absl::UTCTimeZone());
  const bool usual =
      civil.year() >= 1000 && civil.year() <= 9999 && fraction == absl::Floor(fraction, absl::Nanoseconds(1));
  if (!usual) return absl::FormatTime(absl::RFC3339_full, at, absl::UTCTimeZone());
  const auto two = [](int number) { return absl::Dec(number, absl::kZeroPad2); };
  std::string text = absl::StrCat(civil.year(), "-", two(civil.month()), "-", two(civil.day()), "T", two(civil.hour()),
                                  ":", two(civil.minute()), ":", two(civil.second()));
  if (const std::int64_t nanos = absl::ToInt64Nanoseconds(fraction); nanos > 0) {
    absl::StrAppend(&text, ".", absl::Dec(nanos, absl::kZeroPad9));
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text.append("+00:00");
}

}  // namespace

std::string RenderTerminal(const Notification& notification, absl::Time now, absl::TimeZone zone) {
  constexpr std::size_t kWidth = 76;
  const std::string name = CleanLine(notification.method.address, kNameBytes);
  const std::string person = Person(notification);
  std::string heading = absl::StrCat(Headline(notification), " for ", person);
  if (!name.empty() && name != person) absl::StrAppend(&heading, " (", name, ")");
  absl::StrAppend(&heading, ", ", absl::FormatTime("%a %Y-%m-%d %H:%M:%S %Z", now, zone));
  const std::size_t used = std::min(kWidth, heading.size() + 5);
  std::string out =
      absl::StrCat("\n┏━━ ", heading, " ", Repeated("━", kWidth - used), "\n┃ ", Title(notification), "\n");
  const std::string body = Body(notification);
  if (!body.empty()) {
    out += "┃\n";
    for (const auto line : absl::StrSplit(body, '\n'))
      absl::StrAppend(&out, "┃ ", line, "\n");
  }
  const std::vector<std::string> how = HowToAcknowledge(notification);
  if (!how.empty()) out += "┃\n";
  for (const std::string& line : how)
    absl::StrAppend(&out, "┃ ", line, "\n");
  absl::StrAppend(&out, "┗", Repeated("━", kWidth - 1), "\n");
  return out;
}

std::string RenderVoice(const Notification& notification) {
  constexpr std::size_t kSpokenBytes = 400;  // escaping makes at most six bytes of one, and the limit is 4,000
  const std::string reference = Reference(notification.subject);
  std::string spoken = absl::StrCat("Tocsin. ", ToLower(Headline(notification)), " for ", Person(notification), ". ",
                                    CleanLine(notification.title, kSpokenBytes), ". ");
  if (Acknowledgeable(notification) && !reference.empty()) {
    absl::StrAppend(&spoken, "To acknowledge, use the link in your messages, or tocsin ack ", reference, ".");
  }
  return absl::StrCat("<Response><Pause length=\"1\"/><Say loop=\"2\">", XmlEscape(spoken), "</Say></Response>");
}

std::string RenderWebhook(const Notification& notification) {
  constexpr std::size_t kFrameBytes = 512;  // names, times and small fields
  std::string out;
  out.reserve(notification.title.size() + notification.body.size() + notification.acknowledge_url.size() + kFrameBytes);
  const auto field = [&out](std::string_view name, std::string_view value) {
    out.append(out.empty() ? "{\"" : ",\"").append(name).append("\":").append(JsonQuote(value));
  };
  field("id", absl::StrCat("N", notification.id.value()));
  field("idempotency_key", notification.idempotency_key);
  field("purpose", PurposeName(notification.purpose));
  field("priority", LaneName(notification.lane));
  field("subject", Reference(notification.subject));
  field("user", CleanLine(notification.user.value(), kNameBytes));
  field("receiver", CleanLine(notification.receiver.value(), kNameBytes));
  field("title", Title(notification));
  field("body", Body(notification));
  field("acknowledge_url", CleanLink(notification.acknowledge_url));
  field("created_at", Rfc3339(notification.created_at));
  out.append(",\"members\":[");
  std::string_view between;
  for (const BundleMember& member : notification.members) {
    out.append(between).append(JsonQuote(Reference(member.subject)));
    between = ",";
  }
  absl::StrAppend(&out, "],\"attempt\":", notification.attempt, ",\"repeat\":", notification.repeat ? "true" : "false",
                  "}");
  return out;
}

}  // namespace tocsin::notify
