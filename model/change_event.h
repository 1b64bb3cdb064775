// Change events: deploys, flag flips, migrations. They never notify anybody; they are shown beside alerts, because what broke
// something is usually what changed shortly before.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"

#include "model/ids.h"
#include "model/labels.h"

namespace tocsin {

struct ChangeLink {
  std::string href;
  std::string text;
  friend bool operator==(const ChangeLink&, const ChangeLink&) = default;
};

// Kept for limits::kChangeEventDays and at most limits::kChangeEvents of them: the oldest go first.
struct ChangeEvent {
  ChangeEventId id;
  absl::Time at;        // by the sender's clock, never later than `received`
  absl::Time received;  // by ours
  IntegrationId integration;
  std::string summary;  // at most limits::kChangeSummaryBytes
  std::string source;   // who or what changed it: "deploy-bot"
  ServiceId service;    // as the sender names it: it need not be declared
  Labels labels;        // normalised
  std::string details;  // text, often JSON, at most limits::kChangeDetailBytes
  std::vector<ChangeLink> links;
  friend bool operator==(const ChangeEvent&, const ChangeEvent&) = default;
};

// What is over a limit is cut, not refused: senders do not look at the answer. Labels are normalised, text is made UTF-8.
void Bound(ChangeEvent& change);

}  // namespace tocsin
