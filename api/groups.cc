#include <algorithm>
#include <map>
#include <optional>

#include "api/handlers.h"
#include "api/paging.h"
#include "api/records.h"
#include "base/limits.h"
#include "base/status.h"
#include "base/strings.h"
#include "engine/responder_changes.h"
#include "model/codec/common_proto.h"
#include "model/codec/response_proto.h"

namespace tocsin {
namespace {

constexpr std::size_t kTimelineShown = 1000;
constexpr std::size_t kNoteBytes = 16 * 1024;
constexpr int kGroupsPerMerge = 200;

std::optional<Generation> SeenBy(std::uint64_t generation) {
  if (generation == 0) return std::nullopt;
  return Generation(generation);
}

bool Wanted(const v1::ListGroupsRequest& request, const Group& group) {
  if (!request.include_resolved() && group.state == Group::State::kResolved) return false;
  return request.service().empty() || group.service.value() == request.service();
}

// The next page of groups, newest first, with ids below `before`.
std::vector<Group> GroupsInMemory(Api& api,
                                  const v1::ListGroupsRequest& request,
                                  std::uint64_t before,
                                  std::size_t page) {
  std::vector<Group> groups;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    const auto& all = responder.state().groups;
    auto at = before == 0 ? all.end() : all.lower_bound(GroupId(before));
    while (at != all.begin() && groups.size() < page) {
      --at;
      if (Wanted(request, at->second)) groups.push_back(at->second);
    }
  });
  return groups;
}

// Also those that have left memory.
absl::StatusOr<std::vector<Group>> GroupsInStore(Api& api,
                                                 const v1::ListGroupsRequest& request,
                                                 std::uint64_t before,
                                                 std::size_t page) {
  std::vector<Group> groups;
  const std::uint8_t table = KeyOf(Row(Group())).table;
  while (groups.size() < page) {
    TOCSIN_ASSIGN(const std::vector<Row> rows, api.engine.store().ListRows(table, before, page));
    if (rows.empty()) break;
    for (const Row& row : rows) {
      const Group& group = std::get<Group>(row);
      before = group.id.value();
      if (groups.size() < page && Wanted(request, group)) groups.push_back(group);
    }
  }
  return groups;
}

struct Counts {
  bool known = false;
  std::uint32_t firing = 0;
  std::uint32_t suppressed = 0;
  Severity highest = Severity::kUnknown;
  Severity highest_suppressed = Severity::kUnknown;
};

void CountLive(const ResponderState& state, GroupKey key, Counts& counts) {
  const auto found = state.live.find(key);
  if (found == state.live.end()) return;
  counts.known = true;
  for (const auto& [shard, report] : found->second) {
    counts.firing += report.firing;
    counts.suppressed += report.suppressed;
    Severity& highest = report.firing > 0 ? counts.highest : counts.highest_suppressed;
    highest = std::max(highest, report.highest);
  }
}

// Rows hold what was last decided on; people want what is true now.
void ShowLive(Api& api, std::span<const Group> from, google::protobuf::RepeatedPtrField<v1::Group>& groups) {
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    for (std::size_t i = 0; i < from.size(); ++i) {
      if (from[i].state == Group::State::kResolved) continue;
      v1::Group& group = groups[static_cast<int>(i)];
      Counts counts;
      CountLive(responder.state(), from[i].key, counts);
      for (const GroupId part : from[i].merged) {
        const auto found = responder.state().groups.find(part);
        if (found != responder.state().groups.end()) CountLive(responder.state(), found->second.key, counts);
      }
      if (!counts.known) continue;
      group.set_firing(counts.firing);
      group.set_suppressed(counts.suppressed);
      // Of a group that is held back as a whole, what would be told if it were not.
      if (counts.firing + counts.suppressed == 0) continue;
      group.set_highest(ToProto(counts.firing > 0 ? counts.highest : counts.highest_suppressed));
    }
  });
}

// Who was told what: the messages that the timeline speaks of, oldest first, also those that have left memory.
absl::Status AddNotifications(Api& api,
                              const std::vector<TimelineEntry>& timeline,
                              google::protobuf::RepeatedPtrField<v1::Notification>& to) {
  std::map<NotificationId, std::optional<Notification>> all;
  for (const TimelineEntry& entry : timeline) {
    if (entry.notification.set()) all.try_emplace(entry.notification);
  }
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    for (auto& [id, row] : all) {
      const auto found = responder.state().notifications.find(id);
      if (found != responder.state().notifications.end()) row = found->second;
    }
  });
  for (auto& [id, row] : all) {
    if (!row) {
      Notification probe;
      probe.id = id;
      TOCSIN_ASSIGN(std::optional<Row> stored, api.engine.store().ReadRow(KeyOf(Row(probe))));
      if (!stored) continue;  // older than the retention
      row = std::get<Notification>(*std::move(stored));
    }
    ToProto(*row, *to.Add());
    Redact(*to.rbegin());
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ListGroups(Api& api,
                        const Caller&,
                        const v1::ListGroupsRequest& request,
                        v1::ListGroupsResponse& response) {
  TOCSIN_ASSIGN(const Cursor cursor, ParseCursor(request.cursor()));
  const std::size_t page = PageSize(request.page_size());
  std::vector<Group> groups;
  if (request.include_resolved()) {
    TOCSIN_ASSIGN(groups, GroupsInStore(api, request, cursor.first, page));
  } else {
    groups = GroupsInMemory(api, request, cursor.first, page);
  }
  for (const Group& group : groups)
    Tell(group, *response.add_groups());
  ShowLive(api, groups, *response.mutable_groups());
  if (groups.size() == page) response.set_next_cursor(FormatCursor({groups.back().id.value(), 0}));
  return absl::OkStatus();
}

absl::Status GetGroup(Api& api, const Caller&, const v1::GetGroupRequest& request, v1::GetGroupResponse& response) {
  TOCSIN_ASSIGN(const Group group, FindGroup(api, GroupId(request.id())));
  Tell(group, *response.mutable_group());
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    const ResponderState& state = responder.state();
    for (const ChangeEvent* change : ChangesAround(state, group))
      ToProto(*change, *response.add_recent_changes());
    const auto escalation = state.escalations.find(group.escalation);
    if (escalation == state.escalations.end()) return;
    ToProto(escalation->second, *response.mutable_escalation());
    for (const PageId id : escalation->second.pages) {
      const auto page = state.pages.find(id);
      if (page == state.pages.end()) continue;
      ToProto(page->second, *response.add_pages());
    }
  });
  TOCSIN_ASSIGN(const std::vector<TimelineEntry> timeline, Timeline(api, SubjectOf(group.id), kTimelineShown));
  TOCSIN_TRY(AddNotifications(api, timeline, *response.mutable_notifications()));
  for (const TimelineEntry& entry : timeline)
    ToProto(entry, *response.add_timeline());
  return absl::OkStatus();
}

absl::Status RunAcknowledgeGroup(Api& api,
                                 const Caller& caller,
                                 const v1::GroupCommand& request,
                                 v1::CommandResponse& response) {
  return Run(api, caller, request.request_id(), AcknowledgeGroup{GroupId(request.id()), SeenBy(request.generation())},
             response);
}

absl::Status RunResolveGroup(Api& api,
                             const Caller& caller,
                             const v1::GroupCommand& request,
                             v1::CommandResponse& response) {
  return Run(api, caller, request.request_id(), ResolveGroup{GroupId(request.id()), SeenBy(request.generation())},
             response);
}

absl::Status RunSnoozeGroup(Api& api,
                            const Caller& caller,
                            const v1::SnoozeGroupRequest& request,
                            v1::CommandResponse& response) {
  SnoozeGroup snooze{GroupId(request.id()), SeenBy(request.generation()), std::nullopt, std::nullopt};
  if (request.has_until()) TOCSIN_TRY(Annotate(FromProto(request.until(), snooze.until.emplace()), "until"));
  if (request.has_duration())
    TOCSIN_TRY(Annotate(FromProto(request.duration(), snooze.duration.emplace()), "duration"));
  return Run(api, caller, request.request_id(), snooze, response);
}

absl::Status RunUnacknowledgeGroup(Api& api,
                                   const Caller& caller,
                                   const v1::GroupCommand& request,
                                   v1::CommandResponse& response) {
  return Run(api, caller, request.request_id(), UnacknowledgeGroup{GroupId(request.id()), SeenBy(request.generation())},
             response);
}

absl::Status RunMergeGroups(Api& api,
                            const Caller& caller,
                            const v1::MergeGroupsRequest& request,
                            v1::CommandResponse& response) {
  if (request.groups_size() > kGroupsPerMerge)
    return Invalid("groups: %d, at most %d", request.groups_size(), kGroupsPerMerge);
  MergeGroups merge;
  merge.into = GroupId(request.into());
  for (const std::uint64_t id : request.groups())
    merge.groups.emplace_back(id);
  return Run(api, caller, request.request_id(), std::move(merge), response);
}

absl::Status RunSplitGroup(Api& api,
                           const Caller& caller,
                           const v1::GroupCommand& request,
                           v1::CommandResponse& response) {
  return Run(api, caller, request.request_id(), SplitGroup{GroupId(request.id())}, response);
}

absl::Status RunRerouteGroup(Api& api,
                             const Caller& caller,
                             const v1::RerouteGroupRequest& request,
                             v1::CommandResponse& response) {
  return Run(api, caller, request.request_id(),
             RerouteGroup{GroupId(request.id()), SeenBy(request.generation()), PolicyId(request.policy())}, response);
}

absl::Status RunReassignGroup(Api& api,
                              const Caller& caller,
                              const v1::ReassignGroupRequest& request,
                              v1::CommandResponse& response) {
  TOCSIN_ASSIGN(std::vector<Target> targets, ReadTargets(request.targets()));
  return Run(api, caller, request.request_id(),
             ReassignGroup{GroupId(request.id()), SeenBy(request.generation()), std::move(targets)}, response);
}

absl::Status RunAddResponders(Api& api,
                              const Caller& caller,
                              const v1::AddRespondersRequest& request,
                              v1::CommandResponse& response) {
  AddResponders add;
  TOCSIN_TRY(Annotate(FromProto(request.subject(), add.subject), "subject"));
  TOCSIN_ASSIGN(add.targets, ReadTargets(request.targets()));
  add.note = request.note();
  return Run(api, caller, request.request_id(), std::move(add), response);
}

absl::Status RunEscalateGroup(Api& api,
                              const Caller& caller,
                              const v1::GroupCommand& request,
                              v1::CommandResponse& response) {
  return Run(api, caller, request.request_id(), EscalateGroup{GroupId(request.id())}, response);
}

absl::Status RunAddNote(Api& api,
                        const Caller& caller,
                        const v1::AddNoteRequest& request,
                        v1::CommandResponse& response) {
  if (Trim(request.text()).empty()) return Invalid("text: a note needs words");
  if (request.text().size() > kNoteBytes) {
    return Invalid("text: %d bytes, at most %d", request.text().size(), kNoteBytes);
  }
  AddNote note;
  TOCSIN_TRY(Annotate(FromProto(request.subject(), note.subject), "subject"));
  note.text = request.text();
  return Run(api, caller, request.request_id(), std::move(note), response);
}

}  // namespace tocsin
