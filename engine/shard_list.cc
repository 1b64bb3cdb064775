// Lists: which alerts a filter takes, found by going through their signatures (engine/signature.h).
#include <algorithm>

#include "engine/shard_impl.h"

namespace tocsin {
namespace {

// What is done to a slot, in units of about a nanosecond, so that a slice takes as long whatever it finds.
constexpr std::size_t kPassedOver = 1;
constexpr std::size_t kLookedAt = 256;
constexpr std::size_t kVisited = 2048;

bool IsRegex(const Matcher& matcher) {
  return matcher.op == MatchOp::kRegex || matcher.op == MatchOp::kNotRegex;
}

// Of one look: thousands of bytes of patterns make one alert as dear as dozens.
std::size_t PriceOf(const AlertFilter& filter) {
  if (filter.matchers == nullptr) return kLookedAt;
  const std::vector<Matcher>& matchers = filter.matchers->matchers();
  constexpr std::size_t kNamesALook = 4;
  return kLookedAt *
         (1 + matchers.size() / kNamesALook + static_cast<std::size_t>(std::ranges::count_if(matchers, IsRegex)));
}

bool Takes(AlertFilter::Standing standing, const ConstAlertRef& alert) {
  using Standing = AlertFilter::Standing;
  switch (standing) {
    case Standing::kAny: return true;
    case Standing::kActive: return alert.hot.firing;
    case Standing::kFiring: return alert.hot.firing && !alert.suppressed();
    case Standing::kSuppressed: return alert.suppressed();
    case Standing::kResolved: return !alert.hot.firing;
  }
  return false;
}

}  // namespace

// The pairs that every alert of the list has. A label that is missing matches as the empty string, so that one which shall be
// empty asks for nothing.
Signature Shard::Impl::AskedBy(const CompiledMatchers* matchers) const {
  Signature asked = 0;
  if (matchers == nullptr) return asked;
  for (const Matcher& matcher : matchers->matchers()) {
    if (matcher.op == MatchOp::kEqual && !matcher.value.empty())
      asked |= texts_.SignatureOfLabel(matcher.name, matcher.value);
  }
  return asked;
}

std::uint64_t Shard::Impl::List(std::uint64_t cursor,
                                std::size_t scan,
                                const AlertFilter& filter,
                                absl::FunctionRef<bool(const AlertRecord&)> visit) const {
  const std::uint32_t group = filter.group.set() ? groups_.Find(filter.group) : kNoSlot;
  if (filter.group.set() && group == kNoSlot) return 0;
  const auto is_member = [&](std::uint32_t slot) {
    bool member = !filter.group.set();
    if (!member) groups_.VisitGroups(slot, [&](std::uint32_t of) { member |= of == group; });
    return member;
  };
  const Signature asked = AskedBy(filter.matchers);
  TextBuffer buffer;
  // Most of those whose signature says that they may fit do not: so their labels come first, and the record's first line, which
  // would have to be fetched as well, last. A slot without an alert has no signature.
  const auto takes = [&](std::uint32_t slot) {
    return (asked != 0 || alerts_.at(slot).live) && is_member(slot) &&
           (filter.matchers == nullptr || filter.matchers->Match(LabelsOf(slot, buffer))) &&
           Takes(filter.standing, alerts_.ref(slot));
  };
  const std::size_t price = PriceOf(filter);
  const std::uint32_t end = alerts_.end();
  auto slot = static_cast<std::uint32_t>(std::min<std::uint64_t>(cursor, end));
  for (std::size_t budget = scan * kLookedAt; slot < end && budget > 0; ++slot) {
    const auto farthest = static_cast<std::uint32_t>(std::min<std::size_t>(end, slot + budget / kPassedOver));
    const std::uint32_t next = alerts_.NextThatMayHave(asked, slot, farthest);
    budget -= std::min<std::size_t>(budget, (next - slot) * kPassedOver);
    slot = next;
    if (slot == farthest) break;
    const bool taken = takes(slot);
    budget -= std::min(budget, taken ? kVisited + price : price);
    if (taken && !visit(RecordOf(slot))) {
      ++slot;
      break;
    }
  }
  return slot >= end ? 0 : slot;
}

}  // namespace tocsin
