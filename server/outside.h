// What the API tells of what is not the engine's: the doors and the notifier.
#pragma once

#include "api/compat/event_door.h"
#include "api/methods.h"
#include "ingest/doors.h"
#include "ingest/grpc_ingest.h"
#include "ingest/mail_door.h"
#include "notify/notifier.h"

namespace tocsin {

// Any thread.
Outside ReadOutside(const IngestDoors& doors,
                    const EventDoor& peers,
                    const GrpcIngest& streams,
                    const MailDoor& mails,
                    const Notifier::Statistics& notifier);

}  // namespace tocsin
