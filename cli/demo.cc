// demo: an outage of about a minute against a server with the sample organisation, through the doors that real senders use, and a
// commentary on what happens to it.
#include <cstdio>
#include <filesystem>
#include <map>
#include <set>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include <grpcpp/grpcpp.h>

#include "base/status.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/session.h"
#include "net/http_client.h"
#include "tocsin/v1/ingest.grpc.pb.h"

namespace tocsin {
namespace {

constexpr const char* kUsualServer = "127.0.0.1:8912";
constexpr int kStormAlerts = 3000;
constexpr int kAlertsPerBatch = 500;
constexpr absl::Duration kWatch = absl::Seconds(55);
constexpr absl::Duration kAcknowledgeAfter = absl::Seconds(28);

void Say(const std::string& text) {
  std::printf("%s  %s\n", absl::FormatTime("%H:%M:%S", absl::Now(), absl::LocalTimeZone()).c_str(),
              Printable(text).c_str());
  std::fflush(stdout);
}

v1::Alert StormAlert(int i, bool firing) {
  v1::Alert alert;
  alert.set_kind(firing ? v1::Alert::KIND_TRIGGER : v1::Alert::KIND_RESOLVE);
  auto& labels = *alert.mutable_labels();
  labels["alertname"] = i % 3 == 0 ? "HighErrorRate" : i % 3 == 1 ? "HighLatency" : "PodNotReady";
  labels["service"] = i % 6 == 5 ? "search" : "web";
  labels["severity"] = i % 50 == 0 ? "critical" : "warning";
  labels["instance"] = absl::StrFormat("web-%04d", i);
  (*alert.mutable_annotations())["summary"] = "errors above 5% for two minutes";
  return alert;
}

// The storm over one gRPC stream: batches, credit, and what became of each alert.
absl::Status Storm(const std::string& address, bool firing) {
  const auto stub = v1::IngestService::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.AddMetadata("authorization", "Bearer demo-key-for-stream");
  const auto stream = stub->Stream(&context);
  v1::IngestResponse response;
  const absl::Time start = absl::Now();
  bool ok = stream->Read(&response);  // grants credit
  std::map<std::string, int> outcomes;
  for (int first = 0; ok && first < kStormAlerts; first += kAlertsPerBatch) {
    v1::IngestRequest batch;
    batch.set_batch_id(static_cast<std::uint64_t>(first));
    batch.set_want_outcomes(true);
    for (int i = first; i < first + kAlertsPerBatch; ++i)
      *batch.add_alerts() = StormAlert(i, firing);
    ok = stream->Write(batch) && stream->Read(&response);
    for (const int outcome : response.outcomes()) {
      ++outcomes[EnumWord(v1::IngestResponse::Outcome_Name(static_cast<v1::IngestResponse::Outcome>(outcome)),
                          "OUTCOME_")];
    }
  }
  stream->WritesDone();
  const grpc::Status status = stream->Finish();
  if (status.error_code() == grpc::StatusCode::UNAUTHENTICATED) {
    return Precondition("the demo needs a server with the sample organisation: `./dev run` with an empty ./data");
  }
  if (!status.ok()) return Unavailable("the stream at %s ended: %s", address, status.error_message());
  std::string fates;
  for (const auto& [outcome, count] : outcomes)
    absl::StrAppendFormat(&fates, " %d %s", count, outcome);
  Say(absl::StrFormat("gRPC stream: %d alerts %s, durable after %d ms; fates:%s", kStormAlerts,
                      firing ? "fire" : "are resolved", absl::ToInt64Milliseconds(absl::Now() - start), fates));
  return absl::OkStatus();
}

absl::Status Post(const std::string& what, const std::string& url, const std::string& body) {
  HttpCall call;
  call.method = "POST";
  call.url = url;
  call.headers = {
      {"Content-Type", "application/json"}
  };
  call.body = body;
  TOCSIN_ASSIGN(const HttpResponse response, Perform(call));
  if (response.status / 100 != 2)
    return Unavailable("%s: %s answered %d: %s", what, url, response.status, response.body);
  Say(absl::StrFormat("%s: answered %d", what, response.status));
  return absl::OkStatus();
}

absl::Status PostPrometheus(const std::string& http, bool firing) {
  const std::string ends =
      firing ? ""
             : ",\"endsAt\":\"" +
                   absl::FormatTime(absl::RFC3339_sec, absl::Now() - absl::Seconds(1), absl::UTCTimeZone()) + "\"";
  return Post("Prometheus posts a critical alert of payments", http + "/api/v2/alerts",
              "[{\"labels\":{\"alertname\":\"CardPaymentsFail\",\"service\":\"payments\",\"severity\":\"critical\","
              "\"instance\":\"pay-1\"},\"annotations\":{\"summary\":\"40% of card payments fail\"}" +
                  ends + "}]");
}

absl::Status PostDatadog(const std::string& http) {
  return Post("Datadog's webhook tells of the database", http + "/v1/integrations/demo-key-for-datadog",
              absl::StrFormat(
                  "{\"id\":\"%d\",\"alert_id\":\"4711\",\"alert_transition\":\"Triggered\",\"alert_priority\":\"P1\","
                  "\"title\":\"Replication lag is high\",\"alert_scope\":\"service:database,cluster:eu-1\","
                  "\"tags\":\"service:database,cluster:eu-1\",\"alert_cycle_key\":\"demo-cycle\"}",
                  absl::ToUnixMillis(absl::Now())));
}

// The database's group, which the demo leaves to whoever watches; 0: there is none.
absl::StatusOr<std::uint64_t> FindDatabase(const Client& client) {
  v1::ListGroupsRequest request;
  request.set_service("database");
  TOCSIN_ASSIGN(const auto listed, client.Call<v1::GroupService>(&v1::GroupService::Stub::ListGroups, request));
  for (const v1::Group& group : listed.groups()) {
    if (!group.route().policy().empty()) return group.id();
  }
  return 0;
}

void Nagios(const std::string& http, bool firing) {
  const std::string spool = std::filesystem::temp_directory_path() / "tocsin-demo-spool";
  const std::vector<std::string> arguments = {"--url",   http,
                                              "--key",   "demo-key-for-nagios",
                                              "--spool", spool,
                                              "-t",      firing ? "PROBLEM" : "RECOVERY",
                                              "-H",      "core-switch-1",
                                              "-s",      "uplink",
                                              "-S",      firing ? "CRITICAL" : "OK",
                                              "-o",      firing ? "link down" : "link up"};
  Say(absl::StrFormat("Nagios runs `tocsin notify-nagios` for its uplink check (%s): exit code %d",
                      firing ? "PROBLEM" : "RECOVERY", RunNotifyNagios(arguments)));
}

std::string Describe(const v1::Group& group) {
  std::string labels;
  for (const v1::Label& label : group.labels()) {
    absl::StrAppendFormat(&labels, "%s%s=%s", labels.empty() ? "" : " ", label.name(), label.value());
  }
  return absl::StrFormat("G%d {%s} %d firing", group.id(), labels, group.firing());
}

// Prints what is new since the last look.
class Watch {
 public:
  explicit Watch(const Client& client) : client_(client) {}

  absl::Status Look() {
    v1::ListGroupsRequest groups;
    groups.set_include_resolved(true);
    groups.set_page_size(50);
    TOCSIN_ASSIGN(const auto listed, client_.Call<v1::GroupService>(&v1::GroupService::Stub::ListGroups, groups));
    for (auto at = listed.groups().rbegin(); at != listed.groups().rend(); ++at) {
      const bool first = seen_groups_.insert(at->id()).second;
      if (first && begun_) Say("group opened: " + Describe(*at));
      if (first && begun_) own_groups_.insert(at->id());
    }
    TOCSIN_ASSIGN(const auto incidents, client_.Call<v1::IncidentService>(&v1::IncidentService::Stub::ListIncidents,
                                                                          v1::ListIncidentsRequest()));
    for (const v1::Incident& incident : incidents.incidents()) {
      if (!seen_incidents_.insert(incident.id()).second || !begun_) continue;
      Say(absl::StrFormat("incident I%d opened, SEV%d \"%s\", because %s", incident.id(), incident.severity(),
                          incident.title(), incident.opened_reason()));
    }
    TOCSIN_TRY(LookAtPages());
    begun_ = true;
    return absl::OkStatus();
  }

  const std::set<std::uint64_t>& own_groups() const { return own_groups_; }
  const std::map<std::string, int>& pages() const { return pages_; }

 private:
  absl::Status LookAtPages() {
    v1::ListNotificationsRequest request;
    request.set_page_size(100);
    TOCSIN_ASSIGN(const auto listed, client_.Call<v1::PageService>(&v1::PageService::Stub::ListNotifications, request));
    for (auto at = listed.notifications().rbegin(); at != listed.notifications().rend(); ++at) {
      if (at->state() != v1::Notification::STATE_ACCEPTED && at->state() != v1::Notification::STATE_DELIVERED) continue;
      if (!seen_notifications_.insert(at->id()).second || !begun_) continue;
      const std::string who = at->user().empty() ? "receiver " + at->receiver() : at->user();
      Say(absl::StrFormat("  -> %s is told: %s", who, at->title()));
      ++pages_[who];
    }
    return absl::OkStatus();
  }

  const Client& client_;
  bool begun_ = false;
  std::set<std::uint64_t> seen_groups_;
  std::set<std::uint64_t> own_groups_;
  std::set<std::uint64_t> seen_incidents_;
  std::set<std::uint64_t> seen_notifications_;
  std::map<std::string, int> pages_;
};

// Takes the payments group, as `tocsin ack` does.
absl::Status Acknowledge(const Client& client, const Watch& watch) {
  for (const std::uint64_t id : watch.own_groups()) {
    v1::GetGroupRequest get;
    get.set_id(id);
    TOCSIN_ASSIGN(const auto found, client.Call<v1::GroupService>(&v1::GroupService::Stub::GetGroup, get));
    if (found.group().service() != "payments" || found.group().state() != v1::Group::STATE_OPEN) continue;
    v1::GroupCommand command;
    command.set_id(id);
    command.set_request_id(NewRequestId());
    TOCSIN_TRY(client.Call<v1::GroupService>(&v1::GroupService::Stub::AcknowledgeGroup, command).status());
    Say(absl::StrFormat("you type `tocsin ack G%d`: nobody else is paged for payments", id));
  }
  return absl::OkStatus();
}

absl::Status Play(const Arguments& arguments, const Client& client) {
  const char* environment = std::getenv("TOCSIN_SERVER");
  const std::string grpc = arguments.get("server", environment != nullptr ? environment : kUsualServer);
  const std::string http = arguments.get("http", "http://127.0.0.1:8911");
  Watch watch(client);
  TOCSIN_TRY(watch.Look());
  // Half an outage at another server would page somebody for nothing.
  if (!arguments.has("http") && grpc != std::string_view(kUsualServer)) {
    return Invalid(
        "the outage also goes in by HTTP: give --http, the HTTP address of the server at %s (it is in what `tocsin "
        "serve` prints)",
        grpc);
  }
  std::printf("An outage begins. The pages themselves appear where the server runs.\n\n");
  TOCSIN_TRY(PostDatadog(http));
  absl::SleepFor(absl::Seconds(1));
  TOCSIN_TRY(watch.Look());
  TOCSIN_TRY(Storm(grpc, true));
  TOCSIN_TRY(PostPrometheus(http, true));
  Nagios(http, true);

  const absl::Time start = absl::Now();
  bool acknowledged = false;
  while (absl::Now() - start < kWatch) {
    TOCSIN_TRY(watch.Look());
    if (!acknowledged && absl::Now() - start > kAcknowledgeAfter) {
      TOCSIN_TRY(Acknowledge(client, watch));
      acknowledged = true;
    }
    absl::SleepFor(absl::Milliseconds(500));
  }

  std::printf("\nEverything recovers but the database.\n");
  TOCSIN_TRY(Storm(grpc, false));
  TOCSIN_TRY(PostPrometheus(http, false));
  Nagios(http, false);
  absl::SleepFor(absl::Seconds(3));
  TOCSIN_TRY(watch.Look());

  int told = 0;
  for (const auto& [who, count] : watch.pages())
    told += count;
  std::printf("\n%d alerts became %zu groups and %d notifications:\n", kStormAlerts + 3, watch.own_groups().size(),
              told);
  for (const auto& [who, count] : watch.pages())
    std::printf("  %-20s %d\n", Printable(who).c_str(), count);
  TOCSIN_ASSIGN(const std::uint64_t database, FindDatabase(client));
  const auto id = static_cast<unsigned long long>(database);
  if (database != 0) {
    std::printf(
        "\nG%llu, the database, is left to you. Why was somebody paged for it, and what comes next?\n"
        "  build/release/tocsin explain G%llu\n"
        "  build/release/tocsin ack G%llu\n",
        id, id, id);
  }
  return absl::OkStatus();
}

}  // namespace

int RunDemo(std::span<const std::string> arguments) {
  constexpr OptionSpec kOwn[] = {
      {"http", 0, true, "URL", "the server's HTTP address (default http://127.0.0.1:8911)"}
  };
  return WithClient("demo", arguments, kOwn, Play);
}

}  // namespace tocsin
