// PagerDuty's Events API (v2, v1 and change events): what a body says, and what PagerDuty finds wrong with it. The rules of its fields stand
// here, once, for the doors that answer like PagerDuty and for the source "pagerduty".
// https://developer.pagerduty.com/docs/events-api-v2-overview
//
// Identity: dedup_key (v1: incident_key), in one name space for both. Netdata is the exception: in v2 it sends another key with the
// recovery, in v1 a number that each of its hosts counts for itself, so that its alerts are known by host and alarm_id.
// Severity: v2's; v1 has none, so that what `details` call severity or status decides.
// Labels: alertname is the class, else the summary; source, component, group, class, and of the details what names something. All else
// is an annotation.
//
// Reading is lenient and total: whatever can be made out is in the event, errors beside it. A door that is to answer as PagerDuty does
// refuses when there are any; a source looks whether the event is of use.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

#include "ingest/json_view.h"
#include "model/event.h"

namespace tocsin::pagerduty {

inline constexpr std::size_t kKeyCharacters = 32;  // of routing_key and service_key
inline constexpr std::size_t kSummaryCharacters =
    1024;                                      // longer ones are cut, as PagerDuty does; the description has all
inline constexpr std::size_t kMostLinks = 50;  // and images

enum class Api {
  kEventsV2,
  kEventsV1,
  kChangeEvents
};

struct Link {
  std::string href;
  std::string text;  // of an image its alt
  std::string src;   // of an image
};

struct Event {
  std::string key;                  // routing_key; v1: service_key
  std::optional<EventKind> action;  // absent: missing, or none of the three words
  std::string dedup_key;            // v1: incident_key; "": PagerDuty makes one for each trigger
  std::string summary;              // v1: description; cut
  std::string whole_summary;        // "": it was not cut
  std::string source;
  std::string severity;  // as sent, in lower case
  std::string component;
  std::string group;
  std::string type;  // `class`
  std::optional<absl::Time> timestamp;
  std::string client;
  std::string client_url;
  std::string details;  // custom_details, v1: details; a text, or compact JSON
  std::string service;  // what they call so: a change event's service
  std::vector<Link> links;
  std::vector<Link> images;

  // What it is to us: kind (trigger where `action` is absent), labels, annotations, severity, link; dedup_key is the identity, "" when
  // there is none.
  AlertEvent alert;
};

struct Verdict {
  Event event;
  std::vector<std::string> errors;  // in PagerDuty's words; empty: it would be accepted
};

// Which of them a body is meant for, by its members: a source has no path to tell.
Api ApiOf(const JsonView& body);
Verdict Read(const JsonView& body, Api api);

// "Length of 'routing_key' is incorrect ..." and the like; "" for one that PagerDuty could have given out. Separate from Read, since a
// source's key stands in its URL.
std::string KeyError(std::string_view key, Api api);

}  // namespace tocsin::pagerduty
