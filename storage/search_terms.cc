#include "storage/search_terms.h"

#include <algorithm>

#include "base/hash.h"
#include "base/strings.h"

namespace tocsin {
namespace {

constexpr std::size_t kShortestWord = 2;
constexpr std::size_t kLongestWord = 64;

// Kinds of terms never meet: the first byte tells them apart, lengths tell name from value.
Term TermOf(char kind, std::string_view first, std::string_view second = {}) {
  std::string text(1, kind);
  text += std::to_string(first.size());
  text += ':';
  text += first;
  text += second;
  return Hash64(text);
}

bool IsWordByte(unsigned char byte) {
  return byte >= 0x80 || (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

class Collector {
 public:
  void Add(Term term) {
    if (terms_.size() < kTermsPerDocument) terms_.push_back(term);
  }
  void AddWords(std::string_view text) {
    for (const std::string& word : Words(text))
      Add(WordTerm(word));
  }
  void AddLabels(const Labels& labels) {
    for (const Label& label : labels) {
      Add(LabelTerm(label.name, label.value));
      AddWords(label.value);
    }
  }
  // "user:anna", "link:anna": people. "timer", "rule:big": not.
  void AddActor(std::string_view actor) {
    for (const std::string_view prefix : {"user:", "link:"}) {
      if (actor.starts_with(prefix)) Add(PersonTerm(actor.substr(prefix.size())));
    }
  }
  void AddTimeline(std::span<const TimelineEntry> timeline) {
    for (const TimelineEntry& entry : timeline) {
      AddActor(entry.actor);
      if (entry.user.set()) Add(PersonTerm(entry.user.value()));
      if (entry.kind == TimelineEntry::Kind::kNote) AddWords(entry.text);
      // Most entries say nothing new: the bound is on different terms.
      if (terms_.size() == kTermsPerDocument) Settle();
      if (terms_.size() == kTermsPerDocument) return;
    }
  }
  std::vector<Term> Take() {
    Settle();
    return std::move(terms_);
  }

 private:
  void Settle() {
    std::ranges::sort(terms_);
    const auto repeats = std::ranges::unique(terms_);
    terms_.erase(repeats.begin(), repeats.end());
  }
  std::vector<Term> terms_;
};

void Collect(Collector& to, const Group& group) {
  if (group.service.set()) to.Add(ServiceTerm(group.service.value()));
  to.AddActor(group.acknowledged_by);
  to.AddActor(group.resolved_by);
  to.AddLabels(group.labels);
  for (const AlertSummary& alert : group.exemplars) {
    to.AddLabels(alert.labels);
    for (const Label& annotation : alert.annotations)
      to.AddWords(annotation.value);
  }
}

void Collect(Collector& to, const Incident& incident) {
  if (incident.service.set()) to.Add(ServiceTerm(incident.service.value()));
  for (const std::string& actor : {incident.opened_by, incident.acknowledged_by, incident.resolved_by})
    to.AddActor(actor);
  to.AddWords(incident.title);
}

}  // namespace

Term LabelTerm(std::string_view name, std::string_view value) {
  return TermOf('l', name, value);
}
Term ServiceTerm(std::string_view service) {
  return TermOf('s', service);
}
Term PersonTerm(std::string_view user) {
  return TermOf('p', user);
}
Term WordTerm(std::string_view word) {
  return TermOf('w', word);
}
Term KindTerm(std::uint8_t table) {
  return TermOf('k', std::to_string(table));
}
Term AnyTerm() {
  return TermOf('a', "");
}

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    while (at < text.size() && IsWordByte(static_cast<unsigned char>(text[at])))
      ++at;
    const std::size_t size = at - start;
    if (size >= kShortestWord) words.push_back(ToLower(text.substr(start, std::min(size, kLongestWord))));
    if (size == 0) ++at;
  }
  return words;
}

bool Document::Has(Term term) const {
  return std::ranges::binary_search(terms, term);
}

std::optional<Document> DocumentOf(const Row& row, std::span<const TimelineEntry> timeline) {
  const auto* group = std::get_if<Group>(&row);
  const auto* incident = std::get_if<Incident>(&row);
  if (group == nullptr && incident == nullptr) return std::nullopt;
  Collector terms;
  terms.Add(AnyTerm());
  terms.Add(KindTerm(KeyOf(row).table));
  if (group != nullptr) Collect(terms, *group);
  if (incident != nullptr) Collect(terms, *incident);
  terms.AddTimeline(timeline);
  return Document{group != nullptr ? group->opened_at : incident->opened_at, terms.Take()};
}

}  // namespace tocsin
