// What holds alerts back, as a shard sees it: the silences and maintenance windows in effect, then the rules of inhibition.
#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "engine/shard_impl.h"
#include "model/hold_words.h"

namespace tocsin {
namespace {

// Enough to find the alert by; whoever wants all of its labels asks for it.
constexpr std::size_t kLabelsNamed = 4;
constexpr std::size_t kNameBytes = 200;

std::string NameOfAlert(std::span<const LabelView> labels) {
  Labels named;
  const auto take = [&](const LabelView& label) {
    if (named.size() < kLabelsNamed) named.push_back({std::string(label.name), std::string(label.value)});
  };
  for (const LabelView& label : labels)
    if (label.name == "alertname") take(label);
  for (const LabelView& label : labels)
    if (label.name != "alertname") take(label);
  return std::string(TruncateUtf8(Format(named), kNameBytes));
}

}  // namespace

Hold Shard::Impl::HoldByRules(Hold present, std::span<const LabelView> labels) const {
  if (const SilenceId silence = suppressor_.Judge(labels); silence.set()) return silence;
  if (inhibitions_.empty() || rules_->inhibition == nullptr) return {};
  const Hold hold = inhibitions_.Judge(labels, rules_->inhibition->sources).hold;
  if (hold.set() || rules_->inhibition->complete) return hold;
  // Not all sources are known yet, which takes moments: whoever stands inhibited by a rule that is still there stays so,
  // and so does whoever was silenced until just now and may turn out to be inhibited.
  const bool stays = present.kind() == Hold::Kind::kInhibition ? inhibitions_.Find(present) != nullptr
                                                               : present.set() && inhibitions_.IsTarget(labels);
  return stays ? present : Hold();
}

std::string Shard::Impl::WhyHeld(Hold hold, std::span<const LabelView> labels) const {
  if (!hold.set() || rules_ == nullptr) return "";
  if (hold.kind() == Hold::Kind::kSilence) {
    const bool maintenance = suppressor_.IsMaintenance(hold.silence());
    return absl::StrCat(ToAbsl(maintenance ? kInMaintenance : kSilencedBy), maintenance ? "M" : "S",
                        hold.silence().value());
  }
  if (rules_->inhibition == nullptr) return "";
  const Inhibitions::Verdict verdict = inhibitions_.Judge(labels, rules_->inhibition->sources);
  if (verdict.hold == hold) {
    return absl::StrCat(ToAbsl(kInhibitedBy), verdict.rule->id.value(), ": ", verdict.sources->example, " fires");
  }
  if (!rules_->inhibition->complete) return "";
  const InhibitionRule* rule = inhibitions_.Find(hold);  // it holds until the scan comes by
  return rule == nullptr ? "inhibited by a rule that is gone" : absl::StrCat(ToAbsl(kInhibitedBy), rule->id.value());
}

std::string Shard::Impl::WordsFor(Hold hold, std::span<const LabelView> labels) const {
  std::string words = WhyHeld(hold, labels);
  if (!words.empty() || !hold.set()) return words;
  if (hold.kind() == Hold::Kind::kSilence) return absl::StrCat(ToAbsl(kSilencedBy), "S", hold.silence().value());
  const InhibitionRule* rule = inhibitions_.Find(hold);
  return absl::StrCat(
      rule == nullptr ? "inhibited as before the start" : absl::StrCat(ToAbsl(kInhibitedBy), rule->id.value()),
      ": the alerts that inhibit are being counted");
}

void Shard::Impl::ExplainHolds() {
  for (std::uint32_t group = 0; group < groups_.end(); ++group) {
    if (groups_.Has(group) && groups_.at(group).unexplained) groups_.MarkChanged(group);
  }
}

void Shard::Impl::CountSourceAnew(std::uint32_t slot, std::span<const LabelView> labels) {
  StoredAlert& alert = alerts_.at(slot);
  std::vector<Inhibitions::Source> keys;
  inhibitions_.SourcesOf(labels, keys);
  sources_.Add(slot, keys);
  alert.is_source = !keys.empty();
  alert.is_target = inhibitions_.IsTarget(labels);
  alert.inhibition_epoch = inhibition_epoch_ & kSpareMask;
}

void Shard::Impl::DropSource(std::uint32_t slot) {
  StoredAlert& alert = alerts_.at(slot);
  if (alert.is_source && alert.inhibition_epoch == inhibition_epoch_) {
    TextBuffer buffer;
    std::vector<Inhibitions::Source> keys;
    inhibitions_.SourcesOf(LabelsOf(slot, buffer), keys);
    sources_.Remove(slot, keys);
  }
  alert.is_source = false;
  alert.inhibition_epoch = 0;
}

// Another set of rules: every alert that fires is counted anew by the scan.
void Shard::Impl::SetInhibitions(const OrganisationPtr& organisation) {
  Inhibitions compiled;
  if (organisation != nullptr) compiled = Inhibitions(organisation->inhibition_rules, options_.key_seed);
  if (compiled.fingerprint() == inhibitions_.fingerprint()) return;
  inhibitions_ = std::move(compiled);
  inhibition_epoch_ = inhibition_epoch_ % StoredAlert::kMostEpochs + 1;
  sources_.Begin(inhibitions_.fingerprint());
  scan_.uncounted_left = scan_.all_left = alerts_.end();
  if (scan_.uncounted_left == 0 && !inhibitions_.empty()) sources_.CountedAll();
}

std::optional<SourceReport> Shard::Impl::TakeSources() {
  Settle();
  if (!sources_.changed()) return std::nullopt;
  return sources_.Take([this](std::uint32_t slot) {
    TextBuffer buffer;
    return NameOfAlert(LabelsOf(slot, buffer));
  });
}

}  // namespace tocsin
