// The organisations of the simulated world, and its alerts: eight services that differ in what holds for them.
//
// The variants differ in times, in whose turn comes when, and in whether messages are limited, so that a reload in the middle of
// things matters.
#pragma once

#include <cstdint>

#include "model/event.h"
#include "model/organisation.h"
#include "model/silence.h"

namespace tocsin::sim {

inline constexpr std::int64_t kOrganisations = 8;
inline constexpr std::int64_t kServices = 8;
inline constexpr std::int64_t kInstances = 6;  // of each service: alert number = service + kServices * instance
inline constexpr std::int64_t kAlerts = kServices * kInstances;
inline constexpr std::int64_t kMethods = 3;                 // kinds of contact methods: e-mail, SMS, webhook
inline constexpr std::int64_t kMoods = 12;                  // of providers, see providers.h
inline constexpr std::int64_t kCanarysProvider = kMethods;  // beside those of the contact methods
inline constexpr std::int64_t kProviders = kMethods + 1;
inline constexpr std::int64_t kUsers = 3;

// Services, by number, with what is special about them.
enum class ServiceNumber : std::uint8_t {
  kWeb,    // two people, two passes
  kDb,     // whoever is on call by an hourly rotation, then the team
  kQueue,  // nobody is told before three events within a minute
  kCache,  // flaps
  kDisk,   // low urgency: pages one person and does not escalate
  kNet,    // acknowledgements run out
  kEdge,   // while it fires, leaf is held back
  kLeaf,
};

const char* ServiceName(std::int64_t service);
UserId UserNumber(std::int64_t user);
OrganisationPtr OrganisationOf(std::int64_t variant);
// Whether messages of this variant are limited or told together: then who is told what and when depends on what else there is.
bool IsLimited(std::int64_t variant);

// What alert `number` says; `count` is a number of the event, kept in an annotation. Severity kUnknown: the service's own.
AlertEvent EventOf(std::int64_t number, bool firing, Severity severity, std::uint64_t count);
Silence SilenceOf(std::int64_t service, absl::Time from, absl::Time until, bool maintenance);

}  // namespace tocsin::sim
