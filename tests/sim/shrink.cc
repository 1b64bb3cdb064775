#include "tests/sim/shrink.h"

#include <algorithm>
#include <utility>

#include "tests/sim/simulation.h"

namespace tocsin::sim {
namespace {

class Shrinker {
 public:
  Shrinker(Plan plan, const std::function<bool(const Plan&)>& fails, int tries)
      : plan_(std::move(plan)), fails_(fails), tries_(tries) {}

  Plan Run() {
    Shorten();
    for (bool smaller = true; smaller && tries_ > 0;) {
      smaller = TakeLinesAway();
      smaller = SimplifySettings() || smaller;
      smaller = HalveNumbers() || smaller;
      Shorten();
    }
    return std::move(plan_);
  }

 private:
  bool Try(const Plan& candidate) {
    if (tries_ <= 0 || candidate == plan_ || (--tries_, !fails_(candidate))) return false;
    plan_ = candidate;
    return true;
  }

  // Nothing happens after the last line but what it brings about.
  void Shorten() {
    Plan candidate = plan_;
    const absl::Duration last = plan_.lines.empty() ? absl::ZeroDuration() : plan_.lines.back().at;
    candidate.settings.length_ms = std::min(plan_.settings.length_ms, absl::ToInt64Milliseconds(last) + 1000);
    Try(candidate);
  }

  // Pieces of ever smaller sizes.
  bool TakeLinesAway() {
    bool any = false;
    for (std::size_t size = std::max<std::size_t>(plan_.lines.size() / 2, 1); tries_ > 0;) {
      for (std::size_t begin = 0; begin < plan_.lines.size();) {
        Plan candidate = plan_;
        const auto from = candidate.lines.begin() + static_cast<std::ptrdiff_t>(begin);
        const auto to =
            candidate.lines.begin() + static_cast<std::ptrdiff_t>(std::min(begin + size, candidate.lines.size()));
        candidate.lines.erase(from, to);
        if (Try(candidate)) {
          any = true;
        } else {
          begin += size;
        }
      }
      if (size == 1) break;
      size /= 2;
    }
    return any;
  }

  bool SimplifySettings() {
    bool any = false;
    for (std::int64_t Settings::*setting : {&Settings::restless, &Settings::organisation, &Settings::canary_s}) {
      Plan candidate = plan_;
      candidate.settings.*setting = 0;
      any = Try(candidate) || any;
    }
    Plan candidate = plan_;
    candidate.settings.shards = 1;
    return Try(candidate) || any;
  }

  bool HalveNumbers() {
    bool any = false;
    for (std::size_t line = 0; line < plan_.lines.size(); ++line) {
      for (std::size_t value = 0; value < 4; ++value) {
        while (plan_.lines[line].values[value] != 0 && tries_ > 0) {
          Plan candidate = plan_;
          candidate.lines[line].values[value] /= 2;
          if (!Try(candidate)) break;
          any = true;
        }
      }
    }
    return any;
  }

  Plan plan_;
  const std::function<bool(const Plan&)>& fails_;
  int tries_;
};

}  // namespace

std::string InvariantOf(std::string_view violation) {
  return std::string(violation.substr(0, violation.find(':')));
}

Plan Shrink(Plan plan, const std::function<bool(const Plan&)>& fails, int tries) {
  return Shrinker(std::move(plan), fails, tries).Run();
}

Plan ShrinkViolation(const Plan& plan, std::string_view violation, int tries) {
  const std::string invariant = InvariantOf(violation);
  return Shrink(
      plan,
      [&](const Plan& candidate) {
        const SimulationResult result = RunPlan(candidate);
        return !result.violations.empty() && InvariantOf(result.violations.front()) == invariant;
      },
      tries);
}

}  // namespace tocsin::sim
