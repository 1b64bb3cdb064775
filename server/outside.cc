#include "server/outside.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "absl/strings/str_format.h"

namespace tocsin {

Outside ReadOutside(const IngestDoors& doors,
                    const EventDoor& peers,
                    const GrpcIngest& streams,
                    const MailDoor& mails,
                    const Notifier::Statistics& notifier) {
  const IngestDoors::Statistics http = Total(doors.ReadStatistics(), peers.ReadStatistics());
  const GrpcIngest::Statistics grpc = streams.ReadStatistics();
  const MailDoor::Statistics mail = mails.ReadStatistics();
  Outside outside;
  outside.not_taken = {
      {"http: rejected events",     http.rejected_events   },
      {"http: ignored events",      http.ignored_events    },
      {"http: unreadable messages", http.unreadable_bodies },
      {"http: unknown keys",        http.unknown_keys      },
      {"http: bad signatures",      http.bad_signatures    },
      {"grpc: rejected events",     grpc.rejected_events   },
      {"grpc: unreadable messages", grpc.malformed         },
      {"grpc: unknown keys",        grpc.unknown_keys      },
      {"grpc: beyond credit",       grpc.over_credit       },
      {"mail: rejected",            mail.rejected          },
      {"mail: unreadable",          mail.unreadable        },
      {"mail: ignored",             mail.ignored           },
      {"mail: to nobody",           mail.unknown_recipients},
  };
  const auto add = [&](std::string_view door, const std::vector<Refusals::Refusal>& refusals) {
    for (const Refusals::Refusal& each : refusals)
      outside.lately.push_back({each.at, absl::StrFormat("%s: %s", door, each.text)});
  };
  add("http", doors.ReadRefusals());
  add("http", peers.ReadRefusals());
  add("grpc", streams.ReadRefusals());
  add("mail", mails.ReadRefusals());
  std::ranges::stable_sort(outside.lately, {}, &Outside::Refusal::at);
  outside.attempts_under_way = notifier.in_flight;
  std::ranges::copy(notifier.queued, outside.attempts_waiting);
  return outside;
}

}  // namespace tocsin
