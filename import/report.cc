#include "import/report.h"

#include <algorithm>

#include "absl/strings/str_format.h"

#include "base/strings.h"

namespace tocsin::import {
namespace {

constexpr std::size_t kMostProblems = 200;
constexpr std::size_t kMostLosses = 2'000;
constexpr std::size_t kMostUnknown = 500;

}  // namespace

std::string_view Name(Grade grade) {
  switch (grade) {
    case Grade::kWho: return "who";
    case Grade::kHow: return "how";
    case Grade::kCosmetic: return "cosmetic";
  }
  return "";
}

void Report::Problem(std::string_view path, std::string_view message) {
  if (problems_.size() >= kMostProblems) return;
  problems_.push_back(absl::StrFormat("%s%s %s", path, path.ends_with(":") ? "" : ":", message));
}

void Report::Lose(Grade grade, std::string object, std::string lost, std::string instead) {
  if (losses_.size() >= kMostLosses) {
    ++unsaid_;
    return;
  }
  losses_.push_back({grade, std::move(object), std::move(lost), std::move(instead)});
}

void Report::Unknown(std::string_view kind, std::string_view field, const std::string& path) {
  std::pair<std::string, std::string> key(kind, TruncateUtf8(field, 100));
  if (unknown_.size() >= kMostUnknown && !unknown_.contains(key)) return;
  Seen& seen = unknown_[std::move(key)];
  if (seen.count++ == 0) seen.first = path;
}

std::vector<Loss> Report::Losses() const {
  std::vector<Loss> all = losses_;
  for (const auto& [key, seen] : unknown_) {
    all.push_back({Grade::kCosmetic, seen.first,
                   absl::StrFormat("the field %s of %s, which is not known here (%d times)", JsonQuote(key.second),
                                   key.first, seen.count),
                   "it was passed over; if it changes who is on call, tell us"});
  }
  std::stable_sort(all.begin(), all.end(), [](const Loss& a, const Loss& b) { return a.grade < b.grade; });
  if (unsaid_ > 0) {
    // What was not said may have been the worst.
    all.insert(all.begin(), {Grade::kWho, "the export", absl::StrFormat("%d more losses than can be listed", unsaid_),
                             "import it in parts"});
  }
  return all;
}

}  // namespace tocsin::import
