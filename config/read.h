// One function per kind of thing in an organisation's YAML; together they are its grammar. Each reads one map at `path`.
// They check the form; what refers to what is checked afterwards (config/check.h).
#pragma once

#include <string>

#include "config/reader.h"
#include "model/organisation.h"

namespace tocsin {

void ReadUser(Reader& reader, const YamlNode& node, const std::string& path, User& to);
void ReadTeam(Reader& reader, const YamlNode& node, const std::string& path, Team& to);
void ReadHolidayCalendar(Reader& reader, const YamlNode& node, const std::string& path, HolidayCalendar& to);
void ReadSchedule(Reader& reader, const YamlNode& node, const std::string& path, Schedule& to);
void ReadPolicy(Reader& reader, const YamlNode& node, const std::string& path, EscalationPolicy& to);
void ReadService(Reader& reader, const YamlNode& node, const std::string& path, Service& to);
void ReadIntegration(Reader& reader, const YamlNode& node, const std::string& path, Integration& to);
void ReadFieldMapping(Reader& reader, const YamlNode& node, const std::string& path, FieldMapping& to);
void ReadHeartbeat(Reader& reader, const YamlNode& node, const std::string& path, HeartbeatRule& to);
void ReadReceiver(Reader& reader, const YamlNode& node, const std::string& path, Receiver& to);
void ReadInhibitionRule(Reader& reader, const YamlNode& node, const std::string& path, InhibitionRule& to);
void ReadTimeInterval(Reader& reader, const YamlNode& node, const std::string& path, TimeInterval& to);
void ReadMaintenance(Reader& reader, const YamlNode& node, const std::string& path, MaintenanceWindow& to);
void ReadIncidentRule(Reader& reader, const YamlNode& node, const std::string& path, IncidentRule& to);

// The root of the tree, and everything below it: children take over what they do not say themselves.
void ReadRoute(Reader& reader, const YamlNode& node, const std::string& path, Route& to);

void ReadSmtp(Reader& reader, const YamlNode& node, const std::string& path, Smtp& to);
void ReadTwilio(Reader& reader, const YamlNode& node, const std::string& path, Twilio& to);
void ReadSlack(Reader& reader, const YamlNode& node, const std::string& path, Slack& to);
void ReadLimits(Reader& reader, const YamlNode& node, const std::string& path, MessageLimits& to);
void ReadDeadMan(Reader& reader, const YamlNode& node, const std::string& path, DeadMan& to);
void ReadSelfTests(Reader& reader, const YamlNode& node, const std::string& path, SelfTests& to);

// Shared by the above. What has an id, and a name for people that is the id where it is not given.
template <typename T>
void ReadIdAndName(YamlFields& fields, T& to) {
  fields.Require("id");
  fields.Name("id", to.id);
  to.name = to.id.value();
  fields.Text("name", to.name);
}
void ReadHandoffNotices(YamlFields& fields, HandoffNotices& to);
// A target is a map: {user: alice}, {team: db}, {schedule: db-primary, turn: next}, {policy: db}.
void ReadTarget(Reader& reader, const YamlNode& node, const std::string& path, Target& to);
void ReadTargets(YamlFields& fields, std::string_view name, std::vector<Target>& to);
void ReadContactMethod(Reader& reader, const YamlNode& node, const std::string& path, ContactMethod& to);
// One text with commas, or a list of texts.
void ReadMatchers(YamlFields& fields, std::string_view name, std::vector<Matcher>& to);

}  // namespace tocsin
