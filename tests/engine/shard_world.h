// What the shard's tests share: events in batches, rules, a shard with its clock and its journal.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "engine/shard.h"
#include "model/rules.h"

namespace tocsin::shard_test {

inline constexpr std::uint64_t kSeed = 7;
inline const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);

inline AlertEvent Firing(Labels labels) {
  AlertEvent event;
  event.labels = std::move(labels);
  Normalise(event.labels);
  return event;
}
inline AlertEvent WithEnd(AlertEvent event, absl::Time starts_at, absl::Time ends_at) {
  event.starts_at = starts_at;
  event.ends_at = ends_at;
  return event;
}
inline AlertEvent OfKind(AlertEvent event, EventKind kind) {
  event.kind = kind;
  return event;
}

inline Route RouteOf(std::string_view id, std::vector<Matcher> matchers, std::vector<std::string> group_by) {
  Route route;
  route.id = RouteId(id);
  route.matchers = std::move(matchers);
  route.group_by = std::move(group_by);
  route.policy = PolicyId("policy");
  return route;
}

// Three doors: 0 Prometheus (resends, leases of five minutes), 1 a webhook that says when things end, 2 with a tiny budget.
inline Organisation SampleOrganisation() {
  Organisation organisation;
  organisation.route = RouteOf("root", {}, {"alertname"});
  organisation.integrations.resize(3);
  organisation.integrations[0].id = IntegrationId("prometheus");
  organisation.integrations[0].source = "prometheus";
  organisation.integrations[1].id = IntegrationId("webhook");
  organisation.integrations[1].source = "generic";
  organisation.integrations[2].id = IntegrationId("tiny");
  organisation.integrations[2].source = "generic";
  organisation.integrations[2].active_alerts = 10;
  return organisation;
}
inline std::vector<IntegrationId> SampleIntegrations() {
  return {IntegrationId("prometheus"), IntegrationId("webhook"), IntegrationId("tiny")};
}

inline RulesPtr RulesOf(std::uint64_t version, OrganisationPtr organisation, std::vector<Silence> silences = {}) {
  return std::make_shared<const Rules>(Rules{RulesVersion(version), std::move(organisation), std::move(silences)});
}

inline Silence SilenceOf(std::uint64_t id, std::vector<Matcher> matchers) {
  Silence silence;
  silence.id = SilenceId(id);
  silence.matchers = std::move(matchers);
  silence.starts_at = kStart;
  silence.ends_at = absl::InfiniteFuture();
  return silence;
}

inline AlertKey KeyOfEvent(const AlertEvent& event, IntegrationIndex integration) {
  EventBatch batch(kSeed, integration);
  EXPECT_TRUE(batch.Append(event).ok());
  return batch.at(0).header().key;
}

// A shard, its clock, and what it sealed.
class ShardWorld {
 public:
  explicit ShardWorld(Shard::Options options = DefaultOptions()) : options_(options), shard_(options) {
    now_ = {kStart, EngineTime(1'000'000'000)};
    SetRules(std::make_shared<const Organisation>(SampleOrganisation()));
  }
  static Shard::Options DefaultOptions() {
    Shard::Options options;
    options.key_seed = kSeed;
    return options;
  }

  void SetRules(OrganisationPtr organisation, std::vector<Silence> silences = {}) {
    organisation_ = organisation;
    silences_ = std::move(silences);
    shard_.SetRules(RulesOf(++version_, organisation_, silences_), SampleIntegrations(), now_);
  }
  void SetSilences(std::vector<Silence> silences) { SetRules(organisation_, std::move(silences)); }

  Outcome Apply(const AlertEvent& event, IntegrationIndex integration = 0) {
    EventBatch batch(kSeed, integration);
    const absl::Status appended = batch.Append(event);
    EXPECT_TRUE(appended.ok()) << appended;
    return shard_.Apply(batch.at(0), now_);
  }
  void Pass(absl::Duration duration) {
    now_.wall += duration;
    now_.engine = now_.engine + duration;
  }
  // Engine time passes in which nothing was taken in.
  void Refuse(absl::Duration duration) {
    Pass(duration);
    refused_ += duration;
  }
  void Work(std::size_t slice = 1'000'000) {
    while (shard_.Work(now_, now_.engine - refused_, slice)) {
    }
  }
  std::vector<GroupReport> Reports(Shard::Reports which = Shard::Reports::kAll) {
    std::vector<GroupReport> reports;
    shard_.TakeReports(reports, which);
    return reports;
  }
  bool Seal() {
    return shard_.Seal([this](std::string_view body) { bodies_.emplace_back(body); });
  }
  // What a start after a crash finds: nothing but what was sealed.
  void Crash() {
    Shard recovered(options_);
    for (const std::string& body : bodies_)
      ASSERT_TRUE(recovered.Fold(body).ok());
    shard_ = std::move(recovered);
    SetRules(organisation_, silences_);
    shard_.ReportAll();
  }
  std::optional<AlertRecord> Find(const AlertEvent& event, IntegrationIndex integration = 0) {
    return shard_.Find(KeyOfEvent(event, integration));
  }

  Shard& shard() { return shard_; }
  const Now& now() const { return now_; }
  std::vector<std::string>& bodies() { return bodies_; }

 private:
  Shard::Options options_;
  Shard shard_;
  Now now_;
  absl::Duration refused_;
  std::uint64_t version_ = 0;
  OrganisationPtr organisation_;
  std::vector<Silence> silences_;
  std::vector<std::string> bodies_;
};

}  // namespace tocsin::shard_test
