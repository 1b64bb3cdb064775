// Inhibition rules.
#include <algorithm>

#include "base/limits.h"
#include "config/check_context.h"

namespace tocsin {
namespace {

// A side that any alert would match, for want of a matcher that asks for a label, is a slip of the pen and would hold back
// everything, or for ever.
void CheckSide(CheckContext& context, const std::string& path, const std::vector<Matcher>& matchers) {
  CheckMatchers(context, path, matchers);
  const bool asks = std::ranges::any_of(matchers, [](const Matcher& matcher) {
    const auto compiled = CompiledMatchers::Compile({&matcher, 1});
    return compiled.ok() && !compiled->Match(std::span<const Label>());
  });
  if (!asks) context.Report(path, "at least one matcher must not match the empty string: it would match every alert");
}

}  // namespace

void CheckInhibitionRules(CheckContext& context) {
  const std::vector<InhibitionRule>& rules = context.organisation().inhibition_rules;
  context.CheckIds("inhibition_rules", rules, "inhibition rule");
  if (rules.size() > limits::kInhibitionRules) {
    context.Report("inhibition_rules", absl::StrFormat("%d rules, at most %d", rules.size(), limits::kInhibitionRules));
  }
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const std::string path = absl::StrFormat("inhibition_rules[%d]", i);
    CheckSide(context, path + ".source_matchers", rules[i].source_matchers);
    CheckSide(context, path + ".target_matchers", rules[i].target_matchers);
    CheckLabelNames(context, path + ".equal", rules[i].equal);
  }
}

}  // namespace tocsin
