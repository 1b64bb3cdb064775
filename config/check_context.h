// What the checks of config/check.cc share: the names there are, and where problems go.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"

#include "base/status.h"
#include "base/strings.h"
#include "config/problem.h"
#include "config/text.h"
#include "model/organisation.h"

namespace tocsin {

// The ids of one kind of thing.
struct Names {
  std::string_view what;  // "user"
  std::vector<std::string_view> all;
  std::unordered_map<std::string_view, std::size_t> position;
  bool Has(std::string_view name) const { return position.contains(name); }
};

class CheckContext {
 public:
  explicit CheckContext(const Organisation& organisation);

  const Organisation& organisation() const { return organisation_; }
  std::vector<Problem>& problems() { return problems_; }

  void Report(std::string path, std::string message) {
    problems_.push_back({"", 0, 0, std::move(path), std::move(message)});
  }
  void Require(const std::string& path, const absl::Status& status) {
    if (!status.ok()) Report(path, Message(status));
  }
  // A problem unless `name` is one of `names`.
  void Refer(const std::string& path, std::string_view name, const Names& names);
  void Refer(const std::string& path, const Target& target);
  template <typename Tag>
  void ReferAll(const std::string& path, const std::vector<StrongName<Tag>>& list, const Names& names) {
    for (std::size_t i = 0; i < list.size(); ++i)
      Refer(absl::StrFormat("%s[%d]", path, i), list[i].value(), names);
  }

  // Ids of a list: well formed, each once.
  template <typename T>
  void CheckIds(const std::string& path, const std::vector<T>& list, std::string_view what) {
    std::unordered_map<std::string_view, std::size_t> seen;
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string& id = list[i].id.value();
      const std::string id_path = absl::StrFormat("%s[%d].id", path, i);
      Require(id_path, CheckId(id));
      const auto [first, is_new] = seen.try_emplace(id, i);
      if (!is_new) {
        Report(id_path,
               absl::StrFormat("%s %s is declared twice (first: %s[%d])", what, JsonQuote(id), path, first->second));
      }
    }
  }

  Names users{"user", {}, {}};
  Names teams{"team", {}, {}};
  Names schedules{"schedule", {}, {}};
  Names policies{"policy", {}, {}};
  Names services{"service", {}, {}};
  Names receivers{"receiver", {}, {}};
  Names time_intervals{"time interval", {}, {}};
  Names holidays{"calendar of holidays", {}, {}};

 private:
  static constexpr std::size_t kSuggestions = 20;  // each looks at all names that there are

  const Organisation& organisation_;
  std::vector<Problem> problems_;
};

// Shared by people and receivers. `used`: a message may have to go this way.
void CheckContactMethod(CheckContext& context, const std::string& path, const ContactMethod& method, bool used);

// Shared by people and policies.
void CheckDelay(CheckContext& context, const std::string& path, absl::Duration delay);
void CheckTargets(CheckContext& context, const std::string& path, const std::vector<Target>& targets);

void CheckMessageLimits(CheckContext& context);
void CheckPeople(CheckContext& context);  // users, teams
void CheckHolidays(CheckContext& context);
void CheckSchedules(CheckContext& context);  // references and zones
void CheckPolicies(CheckContext& context);
void CheckServices(CheckContext& context);
void CheckIntegrations(CheckContext& context);
void CheckMapping(CheckContext& context, const std::string& path, const FieldMapping& mapping);
void CheckHeartbeats(CheckContext& context);
void CheckReceivers(CheckContext& context);
void CheckRoutes(CheckContext& context);
void CheckIncidentRules(CheckContext& context);
void CheckInhibitionRules(CheckContext& context);
void CheckTimeIntervals(CheckContext& context);
void CheckMaintenance(CheckContext& context);
void CheckSenders(CheckContext& context);  // smtp, twilio, dead man, links

// Matchers compile and are not too many.
void CheckMatchers(CheckContext& context, const std::string& path, const std::vector<Matcher>& matchers);
// Names of labels, each once.
void CheckLabelNames(CheckContext& context, const std::string& path, const std::vector<std::string>& names);

}  // namespace tocsin
