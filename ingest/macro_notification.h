// Private to ingest: what the notifications of Nagios and its relatives (Icinga 2, Checkmk) have in common: words, states, macros.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "ingest/event_builder.h"
#include "ingest/fields.h"

namespace tocsin {

struct MacroNotification {
  std::string type;               // upper case, without what follows it: "ALERTHANDLER (OK)" is ALERTHANDLER
  std::string state;              // upper case, as sent: CRITICAL, CRIT, DOWN
  std::optional<EventKind> kind;  // nullopt: it says nothing about the state
};

// Types that nobody knows fire; without a type the state decides. nullopt: neither is there.
std::optional<MacroNotification> ReadMacroNotification(std::string_view type, std::string_view state);

// "disk on db1 is CRITICAL: 97% used"; "disk on db1 has recovered: ..." when it has and the state does not say so.
std::string MacroSummary(const MacroNotification& notification,
                         std::string_view host,
                         std::string_view service,
                         std::string_view output);

// The two characters \n in long outputs are line breaks.
std::string WithLineBreaks(std::string_view text);

// Macros that begin with one of `owners` (_SERVICE, _HOST), in whatever case, are what people want to route by: _SERVICETEAM becomes
// team=... An earlier owner's wins. Their names may come with `prefix` (NAGIOS_) before them, and in an envelope (details.).
void AddCustomLabels(const Fields& fields,
                     std::string_view prefix,
                     std::initializer_list<std::string_view> owners,
                     EventBuilder& event);

}  // namespace tocsin
