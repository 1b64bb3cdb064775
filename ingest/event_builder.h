// Private to ingest: an event put together from what a vendor's payload says. What is empty, or a placeholder that nobody filled in,
// is left out; what is too long or too much for a label becomes an annotation on its way into a batch (intake.h).
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"

#include "ingest/source.h"
#include "model/event.h"

namespace tocsin {

class EventBuilder {
 public:
  // The parts of the identity, joined by '/', each with its '/' and '\' escaped, so that ("a/b", "c") is not ("a", "b/c"). Parts that
  // are empty count, but when all of them are there is no identity.
  EventBuilder& Key(std::initializer_list<std::string_view> parts);
  // An identity in words that its senders know already.
  EventBuilder& WholeKey(std::string_view key);
  EventBuilder& Kind(EventKind kind);
  EventBuilder& Severity(tocsin::Severity severity);
  EventBuilder& StartsAt(std::string_view text);  // any time that ParseAnyTime reads
  EventBuilder& StartsAt(std::optional<absl::Time> time);
  EventBuilder& EndsAt(std::optional<absl::Time> time);
  EventBuilder& Link(std::string_view url);  // the first that is an absolute http(s) URL counts

  // The first label of a name counts.
  EventBuilder& Label(std::string_view name, std::string_view value);
  EventBuilder& Annotation(std::string_view name, std::string_view text);
  EventBuilder& Summary(std::string_view text) { return Annotation("summary", text); }
  EventBuilder& Description(std::string_view text) { return Annotation("description", text); }

  bool HasKey() const { return !event_.dedup_key.empty(); }
  const AlertEvent& event() const { return event_; }
  // `missing` names the fields that would have identified it, for the reason when there is no key: "neither monitorID nor monitorURL
  // has a value".
  Reading Finish(std::string_view missing) &&;
  // With `key` as it is; empty: the labels are the identity, and must be there.
  Reading FinishAs(std::string_view key, std::string_view missing) &&;

 private:
  AlertEvent event_;
};

// What senders call the states of an alert, in any case: "Resolved", "OK", "firing", "acked" ...; nullopt when it is none of
// them.
std::optional<EventKind> ParseStatusWord(std::string_view word);

}  // namespace tocsin
