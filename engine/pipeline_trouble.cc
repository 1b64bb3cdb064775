#include "engine/pipeline_trouble.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "base/log.h"
#include "engine/responder_outbox.h"

namespace tocsin {

bool TroubleLog::Take(Budget& budget, EngineTime now, const char* what) {
  if (budget.said == 0 || now - budget.since >= absl::Minutes(1)) {
    const std::uint64_t left_out = std::exchange(budget.left_out, 0);
    budget = {.since = now};
    if (left_out > 0) {
      LogWarning("so much of it that not all was written", {
                                                               {"what",     what    },
                                                               {"left_out", left_out}
      });
    }
  }
  if (budget.said >= kLinesPerMinute) {
    ++budget.left_out;
    return false;
  }
  ++budget.said;
  return true;
}

void TroubleLog::Tell(const Change& change) {
  using Kind = TimelineEntry::Kind;
  for (const TimelineEntry& entry : change.entries) {
    const bool failed = entry.kind == Kind::kNotificationRetry || entry.kind == Kind::kNotificationAmbiguous ||
                        entry.kind == Kind::kNotificationFailed;
    if (failed && Take(messages_, change.now.engine, "messages that were not taken")) {
      LogWarning("a message was not taken; `tocsin explain` with its number says what is done about it",
                 {
                     {"message", absl::StrCat("N", entry.notification.value())},
                     {"about",         NameOf(entry.subject)                  },
                     {"what",         entry.text }
      });
    }
    if (entry.kind == Kind::kUnreachable && Take(people_, change.now.engine, "people whom nothing reached")) {
      LogError("no contact method reached somebody; the policy goes on to whoever comes next",
               {
                   {"user",  entry.user.value()   },
                   {"about", NameOf(entry.subject)},
                   {"why",   entry.text           }
      });
    }
  }
}

}  // namespace tocsin
