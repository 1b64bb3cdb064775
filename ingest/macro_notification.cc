#include "ingest/macro_notification.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

#include "base/strings.h"

namespace tocsin {
namespace {

struct Transition {
  std::string_view word;
  std::optional<EventKind> kind;  // nullopt: no change of state
};

constexpr Transition kTransitions[] = {
    {"PROBLEM",           EventKind::kTrigger    },
    {"TRIGGER",           EventKind::kTrigger    }, // PagerDuty's agent
    {"RECOVERY",          EventKind::kResolve    },
    {"RESOLVE",           EventKind::kResolve    },
    {"ACKNOWLEDGEMENT",   EventKind::kAcknowledge},
    {"ACKNOWLEDGE",       EventKind::kAcknowledge},
    {"FLAPPINGSTART",     std::nullopt           },
    {"FLAPPINGSTOP",      std::nullopt           },
    {"FLAPPINGEND",       std::nullopt           }, // Icinga
    {"FLAPPINGDISABLED",  std::nullopt           },
    {"DOWNTIMESTART",     std::nullopt           },
    {"DOWNTIMEEND",       std::nullopt           },
    {"DOWNTIMECANCELLED", std::nullopt           },
    {"DOWNTIMEREMOVED",   std::nullopt           }, // Icinga
    {"CUSTOM",            std::nullopt           },
    {"ALERTHANDLER",      std::nullopt           }, // Checkmk
};

constexpr int kMostCustomLabels = 32;

std::string Upper(std::string_view text) {
  return absl::AsciiStrToUpper(ToAbsl(text));
}

bool IsGood(std::string_view state) {
  return state == "OK" || state == "UP";
}

}  // namespace

std::optional<MacroNotification> ReadMacroNotification(std::string_view type, std::string_view state) {
  type = Trim(type);
  MacroNotification notification{
      .type = Upper(Trim(type.substr(0, type.find_first_of(" (")))), .state = Upper(Trim(state)), .kind = {}};
  if (notification.type.empty()) {
    if (notification.state.empty()) return std::nullopt;
    notification.type = IsGood(notification.state) ? "RECOVERY" : "PROBLEM";
  }
  notification.kind = EventKind::kTrigger;
  for (const Transition& transition : kTransitions) {
    if (notification.type == transition.word) notification.kind = transition.kind;
  }
  return notification;
}

std::string MacroSummary(const MacroNotification& notification,
                         std::string_view host,
                         std::string_view service,
                         std::string_view output) {
  std::string summary =
      absl::StrCat(ToAbsl(service), service.empty() ? "" : " on ", ToAbsl(host), host.empty() ? "" : " ");
  if (notification.kind == EventKind::kResolve && !IsGood(notification.state)) {
    summary += "has recovered";
  } else {
    absl::StrAppend(&summary, "is ", notification.state.empty() ? notification.type : notification.state);
  }
  return absl::StrCat(summary, output.empty() ? "" : ": ", ToAbsl(output));
}

std::string WithLineBreaks(std::string_view text) {
  return absl::StrReplaceAll(ToAbsl(text), {
                                               {"\\n", "\n"}
  });
}

void AddCustomLabels(const Fields& fields,
                     std::string_view prefix,
                     std::initializer_list<std::string_view> owners,
                     EventBuilder& event) {
  int added = 0;
  for (const std::string_view owner : owners) {
    for (const Field& field : fields.all()) {
      const std::string path = Upper(field.path);
      std::string_view name = path;
      name.remove_prefix(name.rfind('.') + 1);  // npos + 1 is 0
      if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
      if (!name.starts_with(owner) || name.size() == owner.size() || ++added > kMostCustomLabels) continue;
      event.Label(ToLower(name.substr(owner.size())), field.text);
    }
  }
}

}  // namespace tocsin
