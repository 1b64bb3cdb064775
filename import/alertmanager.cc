// alertmanager.yml: routes, receivers, inhibition rules, time intervals, and how e-mail and Slack are reached. Matchers are in
// any of the three spellings that there have been. What Alertmanager does not do (flapping, reopening, breaking through) is
// switched off, so that the same alerts go the same ways at the same times.
#include <algorithm>

#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

#include "base/limits.h"
#include "base/status.h"
#include "base/strings.h"
#include "config/recurring.h"
#include "config/text.h"
#include "import/sources.h"

namespace tocsin::import {
namespace {

class Reader {
 public:
  explicit Reader(Draft& draft) : draft_(draft) {}
  void Read(const Item& root);

 private:
  void ReadGlobal(const Item& item);
  void ReadReceiver(const Item& item);
  void ReadWebhook(const Item& item, Receiver& to);
  void ReadEmail(const Item& item, Receiver& to);
  void ReadSlack(const Item& item, Receiver& to);
  void AddTarget(const Item& item, Receiver& to, ContactMethod method);
  void ReadRoute(const Item& item, int depth, Route& to);
  void ReadInterval(const Item& item);
  void ReadInhibition(const Item& item);

  Draft& draft_;
  std::string slack_url_;
};

// `matchers`, and the older `match` and `match_re`, which may stand beside it. `prefix`: of inhibition rules.
std::vector<Matcher> MatchersOf(const Item& item, const std::string& prefix = "") {
  std::vector<Matcher> matchers;
  const std::string name = prefix.empty() ? "match" : prefix + "_match";
  const Item list = item[prefix.empty() ? "matchers" : prefix + "_matchers"];
  std::vector<Item> texts;
  if (list.is_list()) texts = list.Items();
  if (!list.is_list() && list.present()) texts.push_back(list);
  for (const Item& text : texts) {
    absl::StatusOr<std::vector<Matcher>> read = ParseMatchers(text.Text());
    if (!read.ok()) {
      text.Problem(Message(read.status()));
      continue;
    }
    matchers.insert(matchers.end(), read->begin(), read->end());
  }
  for (const auto& [label, value] : item[name].Fields())
    matchers.push_back({label, MatchOp::kEqual, value.Text()});
  for (const auto& [label, value] : item[name + "_re"].Fields())
    matchers.push_back({label, MatchOp::kRegex, value.Text()});
  return matchers;
}

void ReadDuration(const Item& item, std::string_view name, absl::Duration least, absl::Duration& to) {
  const Item field = item[name];
  if (!field.present()) return;
  const absl::StatusOr<absl::Duration> read = ParseDuration(field.Text());
  if (!read.ok()) {
    field.Problem(Message(read.status()));
    return;
  }
  to = std::clamp(*read, least, absl::Hours(24 * 365));
}

void Reader::ReadGlobal(const Item& item) {
  item.Expect("global", {"resolve_timeout",       "smtp_smarthost",          "smtp_from",         "smtp_auth_username",
                         "smtp_auth_password",    "smtp_auth_password_file", "smtp_require_tls",  "smtp_hello",
                         "slack_api_url",         "slack_api_url_file",      "opsgenie_api_url",  "opsgenie_api_key",
                         "opsgenie_api_key_file", "pagerduty_url",           "victorops_api_url", "victorops_api_key",
                         "http_config",           "wechat_api_url",          "wechat_api_secret", "wechat_api_corp_id",
                         "telegram_api_url",      "webex_api_url",           "smtp_auth_secret",  "smtp_auth_identity",
                         "smtp_tls_config"});
  slack_url_ = item.Text("slack_api_url");
  const std::string host = item.Text("smtp_smarthost");
  if (host.empty()) return;
  Smtp smtp;
  smtp.url = "smtp://" + host;
  smtp.from = item.Text("smtp_from");
  const bool local = IsLoopbackUrl(smtp.url);
  smtp.require_tls = item.Flag("smtp_require_tls", true) || !local;
  if (!item.Flag("smtp_require_tls", true) && !local) {
    item.Lose(Grade::kHow, "e-mail to another machine without TLS", "TLS is required");
  }
  smtp.username = item.Text("smtp_auth_username");
  smtp.password = item.Text("smtp_auth_password");
  if (!smtp.username.empty() && smtp.password.empty()) {
    item.Lose(Grade::kHow, "the password for e-mail, which is in a file of its own",
              "without a user name: add username and password_file to smtp");
    smtp.username.clear();
  }
  if (const auto status = CheckEmailAddress(smtp.from); !status.ok()) {
    item["smtp_from"].Lose(Grade::kHow, "the sender of e-mail is no plain address", "tocsin@localhost.localdomain");
    smtp.from = "tocsin@localhost.localdomain";
  }
  draft_.organisation().smtp = std::move(smtp);
}

// --- receivers ----------------------------------------------------------------------------------------------------------

void Reader::AddTarget(const Item& item, Receiver& to, ContactMethod method) {
  const absl::Status status = method.kind == ContactMethod::Kind::kWebhook ? CheckHttpUrl(method.address)
                              : method.kind == ContactMethod::Kind::kEmail ? CheckEmailAddress(method.address)
                                                                           : CheckLine(method.address, 80);
  if (!status.ok()) {
    item.Lose(Grade::kWho, absl::StrFormat("a target that cannot be used: %s", Message(status)), "left out");
    return;
  }
  const std::string base(tocsin::Name(method.kind));
  method.id = ContactMethodId(base);
  const auto taken = [&](const ContactMethod& other) { return other.id == method.id; };
  for (int n = 2; std::ranges::any_of(to.targets, taken); ++n)
    method.id = ContactMethodId(absl::StrFormat("%s-%d", base, n));
  to.targets.push_back(std::move(method));
}

void Reader::ReadWebhook(const Item& item, Receiver& to) {
  if (item.Text("url").empty()) {
    item.Lose(Grade::kWho, "a webhook whose URL is in a file of its own", "left out");
    return;
  }
  if (item["http_config"].present()) {
    item.Lose(Grade::kWho, "a webhook's http_config: credentials, proxies, certificates",
              "without them; tocsin signs bodies with a secret instead");
  }
  if (item.Number("max_alerts", 0, UINT32_MAX, 0) > 0) {
    item.Lose(Grade::kCosmetic, "max_alerts of a webhook", "it lists up to 1,000 alerts, and counts the others");
  }
  AddTarget(item, to, {{}, ContactMethod::Kind::kWebhook, item.Text("url"), "", {}});
}

void Reader::ReadEmail(const Item& item, Receiver& to) {
  for (const std::string_view own : {"smarthost", "from", "auth_username"}) {
    if (!item[own].present()) continue;
    item.Lose(Grade::kHow, absl::StrFormat("%s of this receiver alone", own), "that of the section smtp");
  }
  if (item["headers"].present() || item["html"].present() || item["text"].present()) {
    item.Lose(Grade::kCosmetic, "the text of its e-mails", "that of tocsin");
  }
  for (const auto& part : absl::StrSplit(item.Text("to"), ',')) {
    AddTarget(item, to, {{}, ContactMethod::Kind::kEmail, std::string(Trim(ToStd(part))), "", {}});
  }
}

void Reader::ReadSlack(const Item& item, Receiver& to) {
  const std::string url = item["api_url"].present() ? item.Text("api_url") : slack_url_;
  if (!CheckHttpUrl(url).ok()) {
    item.Lose(Grade::kWho, "a Slack channel whose webhook is not in the file", "left out");
    return;
  }
  const std::string channel = item.Text("channel");
  AddTarget(item, to, {{}, ContactMethod::Kind::kSlackWebhook, channel.empty() ? "slack" : channel, url, {}});
}

void Reader::ReadReceiver(const Item& item) {
  Receiver to;
  to.id = ReceiverId(draft_.receivers.Known(item.Text("name"), item.Text("name")));
  to.drop_resolved_when_held = true;  // told by flushes, as there
  bool tells = false;
  bool keeps_quiet = false;
  bool any = false;
  for (const auto& [name, list] : item.Fields()) {
    if (!name.ends_with("_configs")) {
      if (name != "name") draft_.report().Unknown("receivers", name, item.path());
      continue;
    }
    for (const Item& config : list.Items()) {
      any = true;
      const std::size_t before = to.targets.size();
      if (name == "webhook_configs") {
        ReadWebhook(config, to);
      } else if (name == "email_configs") {
        ReadEmail(config, to);
      } else if (name == "slack_configs") {
        ReadSlack(config, to);
      } else {
        config.Lose(Grade::kWho, absl::StrFormat("a notification by %s", name.substr(0, name.size() - 8)),
                    "nobody is told that way; give the route a policy with the people behind it");
      }
      if (to.targets.size() == before) continue;
      const bool quiet_by_default = name != "webhook_configs";
      (config.Flag("send_resolved", !quiet_by_default) ? tells : keeps_quiet) = true;
    }
  }
  to.send_resolved = tells;
  if (tells && keeps_quiet)
    item.Lose(Grade::kHow, "recoveries are told by some of its ways only", "they are told by all");
  if (to.targets.empty()) {
    to.targets.push_back({ContactMethodId("terminal"), ContactMethod::Kind::kTerminal, to.id.value(), "", {}});
    item.Lose(any ? Grade::kHow : Grade::kCosmetic,
              any ? "none of its ways could be carried over" : "a receiver that tells nobody",
              "what goes to it is printed by the server");
  }
  draft_.organisation().receivers.push_back(std::move(to));
}

// --- routes -------------------------------------------------------------------------------------------------------------

template <typename Tag>
void ReadNames(const Item& list, const IdBook& book, std::vector<StrongName<Tag>>& to) {
  for (const Item& item : list.Items()) {
    if (const std::string* id = book.Find(item.Text())) {
      to.emplace_back(*id);
    } else {
      item.Problem(absl::StrFormat("the time interval %s is not declared", JsonQuote(item.Text())));
    }
  }
}

void Reader::ReadRoute(const Item& item, int depth, Route& to) {
  item.Expect("routes",
              {"receiver", "group_by", "continue", "matchers", "match", "match_re", "group_wait", "group_interval",
               "repeat_interval", "routes", "mute_time_intervals", "active_time_intervals"});
  if (depth > limits::kRouteDepth) {
    item.Problem(absl::StrFormat("routes are nested deeper than %d", limits::kRouteDepth));
    return;
  }
  to.matchers = MatchersOf(item);
  to.continue_matching = item.Flag("continue");
  if (item["receiver"].present()) {
    const std::string* id = draft_.receivers.Find(item.Text("receiver"));
    if (id == nullptr)
      item["receiver"].Problem(absl::StrFormat("the receiver %s is not declared", JsonQuote(item.Text("receiver"))));
    if (id != nullptr) to.receiver = ReceiverId(*id);
  }
  if (item["group_by"].present()) {
    to.group_by.clear();
    for (const Item& label : item.Items("group_by"))
      to.group_by.push_back(label.Text());
    to.group_by_all = std::erase(to.group_by, "...") > 0;
    if (to.group_by_all) to.group_by.clear();
  }
  ReadDuration(item, "group_wait", absl::ZeroDuration(), to.group_wait);
  ReadDuration(item, "group_interval", absl::Seconds(1), to.group_interval);
  ReadDuration(item, "repeat_interval", absl::Seconds(1), to.repeat_interval);
  if (to.repeat_interval < to.group_interval) {
    item.Lose(Grade::kCosmetic, "repeat_interval is shorter than group_interval, at which it is looked for",
              "they are equal");
    to.repeat_interval = to.group_interval;
  }
  ReadNames(item["mute_time_intervals"], draft_.intervals, to.mute_time_intervals);
  ReadNames(item["active_time_intervals"], draft_.intervals, to.active_time_intervals);
  Route inherited = to;
  inherited.matchers.clear();
  inherited.continue_matching = false;
  inherited.mute_time_intervals.clear();
  inherited.active_time_intervals.clear();
  for (const Item& child : item.Items("routes")) {
    Route& route = to.children.emplace_back(inherited);
    route.id = RouteId(absl::StrFormat("%s/%d", to.id.value(), to.children.size() - 1));
    ReadRoute(child, depth + 1, route);
  }
}

// --- what keeps quiet ---------------------------------------------------------------------------------------------------

template <typename T>
void ReadRanges(const Item& list, std::vector<T>& to, absl::StatusOr<T> (*parse)(std::string_view)) {
  for (const Item& item : list.Items()) {
    const absl::StatusOr<T> range = parse(item.Text());
    if (range.ok()) {
      to.push_back(*range);
    } else {
      item.Problem(Message(range.status()));
    }
  }
}

void Reader::ReadInterval(const Item& item) {
  TimeInterval interval;
  interval.id = TimeIntervalId(draft_.intervals.Known(item.Text("name"), item.Text("name")));
  for (const Item& time : item.Items("time_intervals")) {
    RecurringTime to;
    for (const Item& range : time.Items("times")) {
      const absl::StatusOr<TimeRange> read = ParseTimeRange(range.Text("start_time") + "-" + range.Text("end_time"));
      if (read.ok()) to.times.push_back(*read);
      if (!read.ok()) range.Problem(Message(read.status()));
    }
    ReadRanges(time["weekdays"], to.weekdays, ParseWeekdays);
    ReadRanges(time["days_of_month"], to.days_of_month, ParseDaysOfMonth);
    ReadRanges(time["months"], to.months, ParseMonths);
    ReadRanges(time["years"], to.years, ParseYears);
    to.location = time.Text("location");
    if (to.location == "Local") {
      time.Lose(Grade::kWho, "the zone of the machine that Alertmanager runs on", "UTC: write the zone's name");
      to.location.clear();
    } else if (!to.location.empty()) {
      to.location = draft_.Zone(time, "location");
    }
    interval.time_intervals.push_back(std::move(to));
  }
  if (interval.time_intervals.empty()) {
    item.Problem("nothing is ever inside of it: time_intervals is empty");
    return;
  }
  draft_.organisation().time_intervals.push_back(std::move(interval));
}

void Reader::ReadInhibition(const Item& item) {
  item.Expect("inhibit_rules", {"source_match", "source_match_re", "source_matchers", "target_match", "target_match_re",
                                "target_matchers", "equal"});
  auto& rules = draft_.organisation().inhibition_rules;
  InhibitionRule rule;
  const std::string name = SafeId(item.Text("name"));
  rule.id = InhibitionRuleId(absl::StrFormat("%s-%d", name.empty() ? "inhibit" : name, rules.size() + 1));
  rule.source_matchers = MatchersOf(item, "source");
  rule.target_matchers = MatchersOf(item, "target");
  for (const Item& label : item.Items("equal")) {
    if (std::ranges::find(rule.equal, label.Text()) == rule.equal.end()) rule.equal.push_back(label.Text());
  }
  rules.push_back(std::move(rule));
}

void Reader::Read(const Item& root) {
  root.Expect("the file", {"global", "templates", "route", "receivers", "inhibit_rules", "time_intervals",
                           "mute_time_intervals", "tracing"});
  ReadGlobal(root["global"]);
  if (root["templates"].present()) {
    root["templates"].Lose(Grade::kCosmetic, "templates of messages", "messages are worded as tocsin does");
  }
  for (const std::string_view name : {"time_intervals", "mute_time_intervals"}) {
    for (const Item& interval : root.Items(name))
      ReadInterval(interval);
  }
  for (const Item& receiver : root.Items("receivers"))
    ReadReceiver(receiver);
  if (!root["route"].is_map()) root["route"].Problem("is missing: no alertmanager.yml is without it");
  ReadRoute(root["route"], 1, draft_.organisation().route);
  for (const Item& rule : root.Items("inhibit_rules"))
    ReadInhibition(rule);
}

}  // namespace

void ReadAlertmanager(std::span<const Document> documents, Draft& draft) {
  if (documents.size() != 1) {
    draft.report().Problem(documents[1].file, "one alertmanager.yml at a time: there is one tree of routes in it");
    return;
  }
  Reader(draft).Read(Item(&documents.front().root, documents.front().file + ":", &draft.report()));
}

}  // namespace tocsin::import
