// Private to ingest: parts that several vendors' webhooks have in common.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "ingest/event_builder.h"
#include "ingest/json.h"
#include "ingest/source.h"

namespace tocsin {

// "env:prod, team=db, nightly" or [{"name": "env", "value": "prod"}, "nightly"]: what has a name becomes a label env=prod, the rest of
// them one label `tags` (nightly). In text, tags are kept apart by any of `separators`.
void AddTags(EventBuilder& event, std::string_view tags, std::string_view separators = ",");

// What somebody presses a button for to see whether it arrives: a small alert that is over by itself in ten minutes.
Reading TestAlert(const Source& source, std::string_view text, const Now& received);

// Times as people read them, where they say their zone: "2024-09-12 12:00:00 +0000", "Thu Sep 12 12:00:00 UTC 2024". Absent without a
// zone, and with a name that is none of UTC's: which hour BST or IST means depends on who says it.
std::optional<absl::Time> ParseZonedTime(std::string_view text);

// The object in a body that may be a form's `payload`, or an object's: what Librato and Papertrail, once one house, send. Valid until
// the thread's JsonReader reads again.
absl::StatusOr<simdjson::dom::object> OpenWrappedObject(const SourceRequest& request);

}  // namespace tocsin
