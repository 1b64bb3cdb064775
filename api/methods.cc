#include "api/methods.h"

#include "absl/strings/str_format.h"
#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>

#include "api/handlers.h"
#include "base/hash.h"
#include "base/status.h"
#include "base/strings.h"

namespace tocsin {
namespace {

namespace pb = google::protobuf;

absl::Status Decode(std::string_view text, Encoding encoding, pb::Message& message) {
  if (encoding == Encoding::kProtobuf) {
    if (message.ParseFromArray(text.data(), static_cast<int>(text.size()))) return absl::OkStatus();
    return Invalid("the request is not a %s", message.GetDescriptor()->full_name());
  }
  if (!IsValidUtf8(text)) return Invalid("the request is not UTF-8");
  const auto status = pb::util::JsonStringToMessage({text.data(), text.size()}, &message);
  if (status.ok()) return absl::OkStatus();
  return Invalid("the request is not a %s in JSON: %s", message.GetDescriptor()->full_name(),
                 std::string(status.message().data(), status.message().size()));
}

constexpr std::size_t kBoundIdBytes = 200;  // longer ones are the responder's to judge

// A request id stands for one request: with another one under the same id something else is meant, and done. What is
// remembered is therefore the id with a digest of the request.
void BindRequestId(pb::Message& request) {
  const pb::FieldDescriptor* field = request.GetDescriptor()->FindFieldByName("request_id");
  if (field == nullptr) return;
  const std::string id = request.GetReflection()->GetString(request, field);
  if (id.empty() || id.size() > kBoundIdBytes) return;
  const std::uint64_t digest = Hash64(request.SerializeAsString());
  request.GetReflection()->SetString(&request, field, id + absl::StrFormat("#%016x", digest));
}

absl::StatusOr<std::string> Encode(const pb::Message& message, Encoding encoding) {
  if (encoding == Encoding::kProtobuf) return message.SerializeAsString();
  std::string json;
  pb::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  const auto status = pb::util::MessageToJsonString(message, &json, options);
  if (!status.ok()) return absl::InternalError("the answer cannot be written as JSON");
  return json;
}

template <typename Request, typename Response, absl::Status (*kHandler)(Api&, const Caller&, const Request&, Response&)>
absl::StatusOr<std::string> Call(Api& api, const Caller& caller, std::string_view text, Encoding encoding) {
  Request request;
  TOCSIN_TRY(Decode(text, encoding, request));
  BindRequestId(request);
  Response response;
  TOCSIN_TRY(kHandler(api, caller, request, response));
  return Encode(response, encoding);
}

// Deduces a handler's message types.
template <auto kHandler>
struct Entry;
template <typename Request, typename Response, absl::Status (*kHandler)(Api&, const Caller&, const Request&, Response&)>
struct Entry<kHandler> {
  static constexpr auto kCall = &Call<Request, Response, kHandler>;
};

constexpr Method kMethods[] = {
    {"tocsin.v1.AlertService",        "ListAlerts",          Entry<&ListAlerts>::kCall            },
    {"tocsin.v1.GroupService",        "ListGroups",          Entry<&ListGroups>::kCall            },
    {"tocsin.v1.GroupService",        "GetGroup",            Entry<&GetGroup>::kCall              },
    {"tocsin.v1.GroupService",        "AcknowledgeGroup",    Entry<&RunAcknowledgeGroup>::kCall   },
    {"tocsin.v1.GroupService",        "ResolveGroup",        Entry<&RunResolveGroup>::kCall       },
    {"tocsin.v1.GroupService",        "EscalateGroup",       Entry<&RunEscalateGroup>::kCall      },
    {"tocsin.v1.GroupService",        "AddNote",             Entry<&RunAddNote>::kCall            },
    {"tocsin.v1.IncidentService",     "ListIncidents",       Entry<&ListIncidents>::kCall         },
    {"tocsin.v1.IncidentService",     "GetIncident",         Entry<&GetIncident>::kCall           },
    {"tocsin.v1.IncidentService",     "OpenIncident",        Entry<&RunOpenIncident>::kCall       },
    {"tocsin.v1.IncidentService",     "AcknowledgeIncident", Entry<&RunAcknowledgeIncident>::kCall},
    {"tocsin.v1.IncidentService",     "ResolveIncident",     Entry<&RunResolveIncident>::kCall    },
    {"tocsin.v1.IncidentService",     "AddNote",             Entry<&RunAddNote>::kCall            },
    {"tocsin.v1.SilenceService",      "ListSilences",        Entry<&ListSilences>::kCall          },
    {"tocsin.v1.SilenceService",      "CreateSilence",       Entry<&RunCreateSilence>::kCall      },
    {"tocsin.v1.SilenceService",      "ExpireSilence",       Entry<&RunExpireSilence>::kCall      },
    {"tocsin.v1.MaintenanceService",  "ListMaintenance",     Entry<&ListMaintenance>::kCall       },
    {"tocsin.v1.MaintenanceService",  "CreateMaintenance",   Entry<&RunCreateMaintenance>::kCall  },
    {"tocsin.v1.MaintenanceService",  "EndMaintenance",      Entry<&RunEndMaintenance>::kCall     },
    {"tocsin.v1.OnCallService",       "WhoIsOnCall",         Entry<&WhoIsOnCall>::kCall           },
    {"tocsin.v1.OnCallService",       "FinalSchedule",       Entry<&FinalSchedule>::kCall         },
    {"tocsin.v1.OrganisationService", "ApplyOrganisation",   Entry<&RunApplyOrganisation>::kCall  },
    {"tocsin.v1.OrganisationService", "GetOrganisation",     Entry<&GetOrganisation>::kCall       },
    {"tocsin.v1.PageService",         "TestPage",            Entry<&RunTestPage>::kCall           },
    {"tocsin.v1.PageService",         "GetPage",             Entry<&GetPage>::kCall               },
    {"tocsin.v1.PageService",         "ListNotifications",   Entry<&ListNotifications>::kCall     },
    {"tocsin.v1.ExplainService",      "Explain",             Entry<&Explain>::kCall               },
    {"tocsin.v1.StatusService",       "GetStatus",           Entry<&GetStatus>::kCall             },
};

}  // namespace

std::span<const Method> Methods() {
  return kMethods;
}

}  // namespace tocsin
