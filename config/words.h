// The words that configuration uses for the model's enumerations, for reading and for writing.
#pragma once

#include <algorithm>
#include <iterator>
#include <string_view>

#include "config/reader.h"
#include "model/organisation.h"

namespace tocsin::words {

inline constexpr Choice<Urgency> kUrgencies[] = {
    {"low",  Urgency::kLow },
    {"high", Urgency::kHigh},
};
// Of people: no person is an integration.
inline constexpr Choice<Role> kRoles[] = {
    {"viewer",    Role::kViewer   },
    {"responder", Role::kResponder},
    {"manager",   Role::kManager  },
    {"admin",     Role::kAdmin    },
};
inline constexpr Choice<MailRule::Action> kMailActions[] = {
    {"trigger",     MailRule::Action::kTrigger    },
    {"acknowledge", MailRule::Action::kAcknowledge},
    {"resolve",     MailRule::Action::kResolve    },
    {"ignore",      MailRule::Action::kIgnore     },
};
inline constexpr Choice<Severity> kSeverities[] = {
    {"critical", Severity::kCritical},
    {"high",     Severity::kHigh    },
    {"warning",  Severity::kWarning },
    {"low",      Severity::kLow     },
    {"info",     Severity::kInfo    },
};
inline constexpr Choice<ScheduleTarget::Turn> kTurns[] = {
    {"present",  ScheduleTarget::Turn::kPresent },
    {"next",     ScheduleTarget::Turn::kNext    },
    {"previous", ScheduleTarget::Turn::kPrevious},
};
inline constexpr Choice<PolicyStep::DelayFrom> kDelayFrom[] = {
    {"step",      PolicyStep::DelayFrom::kStep     },
    {"beginning", PolicyStep::DelayFrom::kBeginning},
};
inline constexpr Choice<PolicyStep::Unless> kUnless[] = {
    {"acknowledged", PolicyStep::Unless::kAcknowledged},
    {"resolved",     PolicyStep::Unless::kResolved    },
};
inline constexpr Choice<PolicyStep::Outside> kOutside[] = {
    {"skip", PolicyStep::Outside::kSkip},
    {"wait", PolicyStep::Outside::kWait},
};
inline constexpr Choice<PolicyStep::Strategy> kStrategies[] = {
    {"all",         PolicyStep::Strategy::kAll       },
    {"round_robin", PolicyStep::Strategy::kRoundRobin},
    {"random",      PolicyStep::Strategy::kRandom    },
};
inline constexpr Choice<PolicyStep::OnEmpty> kOnEmpty[] = {
    {"skip",     PolicyStep::OnEmpty::kSkip    },
    {"wait",     PolicyStep::OnEmpty::kWait    },
    {"fallback", PolicyStep::OnEmpty::kFallback},
};
inline constexpr Choice<EscalationPolicy::CatchUp> kCatchUp[] = {
    {"rebase",  EscalationPolicy::CatchUp::kRebase},
    {"at_once", EscalationPolicy::CatchUp::kAtOnce},
};
inline constexpr Choice<EscalationPolicy::LowUrgency> kLowUrgency[] = {
    {"at_once",    EscalationPolicy::LowUrgency::kAtOnce   },
    {"morning",    EscalationPolicy::LowUrgency::kMorning  },
    {"next_shift", EscalationPolicy::LowUrgency::kNextShift},
};
inline constexpr Choice<AcknowledgementRule::Then> kAfterAcknowledgement[] = {
    {"resume",  AcknowledgementRule::Then::kResume },
    {"restart", AcknowledgementRule::Then::kRestart},
};
inline constexpr Choice<AcknowledgementRule::AskAgain> kAskAgain[] = {
    {"on_higher_severity", AcknowledgementRule::AskAgain::kOnHigherSeverity},
    {"always",             AcknowledgementRule::AskAgain::kAlways          },
    {"never",              AcknowledgementRule::AskAgain::kNothing         },
};
inline constexpr Choice<ContactMethod::Kind> kContactKinds[] = {
    {"terminal",      ContactMethod::Kind::kTerminal    },
    {"email",         ContactMethod::Kind::kEmail       },
    {"sms",           ContactMethod::Kind::kSms         },
    {"voice",         ContactMethod::Kind::kVoice       },
    {"webhook",       ContactMethod::Kind::kWebhook     },
    {"slack_webhook", ContactMethod::Kind::kSlackWebhook},
    {"slack",         ContactMethod::Kind::kSlack       },
};
inline constexpr Choice<Rotation::Type> kRotationTypes[] = {
    {"hourly",  Rotation::Type::kHourly },
    {"daily",   Rotation::Type::kDaily  },
    {"weekly",  Rotation::Type::kWeekly },
    {"monthly", Rotation::Type::kMonthly},
    {"shifts",  Rotation::Type::kShifts },
};
inline constexpr Choice<Rotation::Count> kRotationCounts[] = {
    {"wall",    Rotation::Count::kWall   },
    {"elapsed", Rotation::Count::kElapsed},
};
inline constexpr Choice<Rotation::MonthOverflow> kMonthOverflows[] = {
    {"clamp",    Rotation::MonthOverflow::kClamp   },
    {"overflow", Rotation::MonthOverflow::kOverflow},
    {"skip",     Rotation::MonthOverflow::kSkip    },
};
inline constexpr Choice<Restriction::Type> kRestrictionTypes[] = {
    {"daily",  Restriction::Type::kDaily },
    {"weekly", Restriction::Type::kWeekly},
};
inline constexpr Choice<HolidayRule::On> kHolidayRules[] = {
    {"never", HolidayRule::On::kNoHoliday   },
    {"only",  HolidayRule::On::kHolidaysOnly},
};
inline constexpr Choice<Schedule::Gaps> kGaps[] = {
    {"warn",   Schedule::Gaps::kWarn  },
    {"allow",  Schedule::Gaps::kAllow },
    {"refuse", Schedule::Gaps::kRefuse},
};
inline constexpr Choice<HandoffNotices::When> kHandoffNotices[] = {
    {"never",  HandoffNotices::When::kNotAtAll},
    {"begins", HandoffNotices::When::kBegins  },
    {"ends",   HandoffNotices::When::kEnds    },
    {"both",   HandoffNotices::When::kBoth    },
};
inline constexpr Choice<Override::Type> kOverrideTypes[] = {
    {"assign", Override::Type::kAssign},
    {"add",    Override::Type::kAdd   },
    {"remove", Override::Type::kRemove},
    {"swap",   Override::Type::kSwap  },
};

// What a route's urgency is called when the severity of its alerts decides; only needed where a parent says otherwise.
inline constexpr std::string_view kBySeverity = "by_severity";
// acknowledgement: {timeout: policy}, which is what is assumed.
inline constexpr std::string_view kOfPolicy = "policy";
// group_by: ['...'], Alertmanager's "every label".
inline constexpr std::string_view kAllLabels = "...";

template <typename E, std::size_t N>
std::string_view WordFor(const Choice<E> (&choices)[N], E value) {
  const auto* found =
      std::find_if(std::begin(choices), std::end(choices), [&](const auto& c) { return c.value == value; });
  return found == std::end(choices) ? std::string_view() : found->name;
}

}  // namespace tocsin::words
