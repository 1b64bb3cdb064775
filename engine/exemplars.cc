#include "engine/exemplars.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"

namespace tocsin {
namespace {

constexpr std::size_t kAllBytes = 8 * 1024;
constexpr std::size_t kValueBytes = 512;

void Cut(std::string& text, std::size_t& budget) {
  text = std::string(TruncateUtf8(text, std::min(kValueBytes, budget)));
  budget -= text.size();
}

void Cut(Labels& labels, std::size_t& budget) {
  for (Label& label : labels) {
    Cut(label.value, budget);
    budget -= std::min(budget, label.name.size());
  }
  std::erase_if(labels, [](const Label& label) { return label.value.empty(); });
}

}  // namespace

std::vector<AlertSummary> CutForRow(std::vector<AlertSummary> alerts) {
  std::size_t budget = kAllBytes;
  std::vector<AlertSummary> kept;
  for (AlertSummary& alert : alerts) {
    if (budget == 0) break;
    Cut(alert.labels, budget);
    Cut(alert.annotations, budget);
    Cut(alert.link, budget);
    kept.push_back(std::move(alert));
  }
  return kept;
}

}  // namespace tocsin
