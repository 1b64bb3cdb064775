// People, teams, services, and how messages leave.
#include "config/read.h"
#include "config/text.h"
#include "config/words.h"

namespace tocsin {
namespace {

// More in one window are no limit at all.
constexpr std::int64_t kMostMessages = 1000;

void ReadNotificationRule(Reader& reader, const YamlNode& node, const std::string& path, NotificationRule& to) {
  YamlFields fields(reader, node, path);
  fields.OneOf<Urgency>("urgency", words::kUrgencies, to.urgency);
  fields.Duration("delay", to.delay);
  fields.Require("method");
  fields.Name("method", to.method);
  fields.Flag("important", to.important);
  fields.NameList("only_during", to.only_during);
}

// {from: '23:00', until: '07:00'}, or none.
void ReadQuietHours(YamlFields& fields, QuietHours& to) {
  fields.Part("quiet_hours", [&](YamlFields& of_night) {
    of_night.Require("from");
    of_night.Parsed("from", to.start_minute, ParseTimeOfDay);
    of_night.Require("until");
    of_night.Parsed("until", to.end_minute, ParseTimeOfDay);
  });
}

void ReadLimitList(YamlFields& fields, std::string_view name, std::vector<MessageLimit>& to) {
  fields.List(name, [&](const YamlNode& item, const std::string& path) {
    MessageLimit& limit = to.emplace_back();
    YamlFields of_limit(fields.reader(), item, path);
    of_limit.Require("messages");
    of_limit.Integer("messages", 1, kMostMessages, limit.messages);
    of_limit.Integer("critical", 0, kMostMessages, limit.critical);
    of_limit.Require("window");
    of_limit.Duration("window", limit.window);
  });
}

}  // namespace

void ReadContactMethod(Reader& reader, const YamlNode& node, const std::string& path, ContactMethod& to) {
  YamlFields fields(reader, node, path);
  fields.Require("kind");
  fields.OneOf<ContactMethod::Kind>("kind", words::kContactKinds, to.kind);
  to.id = ContactMethodId(Name(to.kind));
  fields.Name("id", to.id);
  fields.Require("address");
  fields.Text("address", to.address);
  fields.Secret("secret", to.secret);
  ReadLimitList(fields, "limits", to.limits);
}

void ReadUser(Reader& reader, const YamlNode& node, const std::string& path, User& to) {
  YamlFields fields(reader, node, path);
  ReadIdAndName(fields, to);
  to.time_zone = "UTC";
  fields.Text("time_zone", to.time_zone);
  fields.Name("holidays", to.holidays);
  if (fields.Has("role")) fields.OneOf<Role>("role", words::kRoles, to.role.emplace());
  ReadQuietHours(fields, to.quiet_hours);
  fields.Part("handoff_notices", [&](YamlFields& part) { ReadHandoffNotices(part, to.handoff_notices.emplace()); });
  fields.List("contact_methods", [&](const YamlNode& item, const std::string& item_path) {
    ReadContactMethod(reader, item, item_path, to.contact_methods.emplace_back());
  });
  fields.List("notification_rules", [&](const YamlNode& item, const std::string& item_path) {
    ReadNotificationRule(reader, item, item_path, to.notification_rules.emplace_back());
  });
  // Whoever has no rules of their own gets everything at once on the first method.
  if (!fields.Has("notification_rules") && !to.contact_methods.empty()) {
    for (const Urgency urgency : {Urgency::kHigh, Urgency::kLow}) {
      to.notification_rules.push_back({urgency, absl::ZeroDuration(), to.contact_methods.front().id});
    }
  }
}

void ReadTeam(Reader& reader, const YamlNode& node, const std::string& path, Team& to) {
  YamlFields fields(reader, node, path);
  ReadIdAndName(fields, to);
  fields.NameList("members", to.members);
  fields.NameList("managers", to.managers);
  fields.NameList("viewers", to.viewers);
}

void ReadService(Reader& reader, const YamlNode& node, const std::string& path, Service& to) {
  YamlFields fields(reader, node, path);
  ReadIdAndName(fields, to);
  fields.Name("team", to.team);
  ReadMatchers(fields, "matchers", to.matchers);
  fields.NameList("depends_on", to.depends_on);
  fields.Flag("hold_back", to.hold_back);
  fields.Part("support_hours", [&](YamlFields& of_hours) {
    of_hours.Require("time_intervals");
    of_hours.NameList("time_intervals", to.support_hours.time_intervals);
    if (of_hours.Has("during")) {
      of_hours.OneOf<Urgency>("during", words::kUrgencies, to.support_hours.during.emplace());
    }
    of_hours.OneOf<Urgency>("outside", words::kUrgencies, to.support_hours.outside);
  });
}

void ReadSmtp(Reader& reader, const YamlNode& node, const std::string& path, Smtp& to) {
  YamlFields fields(reader, node, path);
  fields.Require("url");
  fields.Text("url", to.url);
  fields.Require("from");
  fields.Text("from", to.from);
  fields.Text("username", to.username);
  fields.Secret("password", to.password);
  fields.Flag("require_tls", to.require_tls);
  fields.Text("ca_file", to.ca_file);
}

void ReadTwilio(Reader& reader, const YamlNode& node, const std::string& path, Twilio& to) {
  YamlFields fields(reader, node, path);
  fields.Text("url", to.url);
  fields.Require("account_sid");
  fields.Text("account_sid", to.account_sid);
  fields.Secret("auth_token", to.auth_token);
  fields.Require("from");
  fields.Text("from", to.from);
  fields.Flag("receipts", to.receipts);
  fields.Duration("receipt_timeout", to.receipt_timeout);
}

void ReadSlack(Reader& reader, const YamlNode& node, const std::string& path, Slack& to) {
  YamlFields fields(reader, node, path);
  fields.Text("url", to.url);
  fields.Secret("token", to.token);
}

void ReadLimits(Reader& reader, const YamlNode& node, const std::string& path, MessageLimits& to) {
  YamlFields fields(reader, node, path);
  fields.Duration("bundle_window", to.bundle_window);
  for (const Choice<ContactMethod::Kind>& kind : words::kContactKinds) {
    if (!fields.Has(kind.name)) continue;
    KindLimits& limits = to.kinds.emplace_back();
    limits.kind = kind.value;
    ReadLimitList(fields, kind.name, limits.limits);
  }
}

void ReadDeadMan(Reader& reader, const YamlNode& node, const std::string& path, DeadMan& to) {
  YamlFields fields(reader, node, path);
  fields.Require("url");
  fields.Text("url", to.url);
  fields.Duration("interval", to.interval);
}

// Whoever says something about them wants them.
void ReadSelfTests(Reader& reader, const YamlNode& node, const std::string& path, SelfTests& to) {
  YamlFields fields(reader, node, path);
  to.enabled = true;
  fields.Flag("enabled", to.enabled);
  fields.Duration("interval", to.interval);
  fields.Flag("at_creation", to.at_creation);
  fields.Flag("at_shift_start", to.at_shift_start);
  fields.Flag("widen_steps", to.widen_steps);
}

}  // namespace tocsin
