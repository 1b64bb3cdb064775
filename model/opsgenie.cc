#include "model/opsgenie.h"

#include <algorithm>

#include "base/limits.h"
#include "model/bounded_text.h"

namespace tocsin {
namespace {

void BoundTexts(std::vector<std::string>& texts, std::size_t count, std::size_t bytes) {
  for (std::string& text : texts)
    Bound(text, bytes);
  std::erase(texts, "");
  std::vector<std::string> unique;
  for (std::string& text : texts) {
    if (std::ranges::find(unique, text) == unique.end() && unique.size() < count) unique.push_back(std::move(text));
  }
  texts = std::move(unique);
}

void BoundResponders(std::vector<OpsgenieResponder>& responders) {
  for (OpsgenieResponder& responder : responders) {
    Bound(responder.type, limits::kOpsgenieNameBytes);
    Bound(responder.id, limits::kOpsgenieNameBytes);
    Bound(responder.name, limits::kOpsgenieNameBytes);
  }
  std::erase_if(responders, [](const OpsgenieResponder& one) { return one.id.empty() && one.name.empty(); });
  if (responders.size() > limits::kOpsgenieResponders) responders.resize(limits::kOpsgenieResponders);
}

// All of them together have a limit; those that come last by name are cut. Of equal names the last counts.
void BoundDetails(std::vector<Label>& details) {
  std::ranges::stable_sort(details, {}, &Label::name);
  std::vector<Label> kept;
  std::size_t left = limits::kOpsgenieDetailBytes;
  for (std::size_t i = 0; i < details.size(); ++i) {
    Label& detail = details[i];
    if (i + 1 < details.size() && details[i + 1].name == detail.name) continue;
    Bound(detail.name, std::min<std::size_t>(left, limits::kOpsgenieNameBytes));
    left -= detail.name.size();
    Bound(detail.value, left);
    left -= detail.value.size();
    const bool again = !kept.empty() && kept.back().name == detail.name;  // once they were cut
    if (!detail.name.empty() && !again) kept.push_back(std::move(detail));
  }
  details = std::move(kept);
}

}  // namespace

void Bound(OpsgenieAlert& alert) {
  Bound(alert.alias, limits::kOpsgenieAliasBytes);
  Bound(alert.message, limits::kOpsgenieMessageBytes);
  Bound(alert.description, limits::kOpsgenieDescriptionBytes);
  BoundTexts(alert.tags, limits::kOpsgenieTags, limits::kOpsgenieTagBytes);
  BoundDetails(alert.details);
  Bound(alert.entity, limits::kOpsgenieEntityBytes);
  for (std::string* name : {&alert.source, &alert.user, &alert.owner, &alert.owner_team})
    Bound(*name, limits::kOpsgenieNameBytes);
  alert.priority = std::clamp<std::uint8_t>(alert.priority, 1, 5);
  BoundResponders(alert.responders);
  BoundResponders(alert.visible_to);
  BoundTexts(alert.actions, limits::kOpsgenieActions, limits::kOpsgenieTagBytes);
}

namespace opsgenie {

std::string_view Name(const Action& action) {
  struct Namer {
    std::string_view operator()(const Create&) const { return "Create"; }
    std::string_view operator()(const Close&) const { return "Close"; }
    std::string_view operator()(const Delete&) const { return "Delete"; }
    std::string_view operator()(const Acknowledge&) const { return "Acknowledge"; }
    std::string_view operator()(const Unacknowledge&) const { return "UnAcknowledge"; }
    std::string_view operator()(const Snooze&) const { return "Snooze"; }
    std::string_view operator()(const Escalate&) const { return "Escalate"; }
    std::string_view operator()(const Assign&) const { return "AssignOwnership"; }
    std::string_view operator()(const AddNote&) const { return "AddNote"; }
    std::string_view operator()(const AddTags&) const { return "AddTags"; }
    std::string_view operator()(const RemoveTags&) const { return "RemoveTags"; }
    std::string_view operator()(const AddDetails&) const { return "AddDetails"; }
    std::string_view operator()(const RemoveDetails&) const { return "RemoveDetails"; }
    std::string_view operator()(const AddResponder&) const { return "AddResponder"; }
    std::string_view operator()(const RunAction&) const { return "ExecuteCustomAction"; }
    std::string_view operator()(const SetMessage&) const { return "UpdateMessage"; }
    std::string_view operator()(const SetDescription&) const { return "UpdateDescription"; }
    std::string_view operator()(const SetPriority&) const { return "UpdatePriority"; }
  };
  return std::visit(Namer(), action);
}

}  // namespace opsgenie
}  // namespace tocsin
