#include "server/http_doors.h"

#include "api/acknowledge_door.h"
#include "api/calendar_door.h"
#include "api/compat/opsgenie_door.h"
#include "api/compat/pagerduty_door.h"
#include "api/connect.h"
#include "api/front_page.h"
#include "api/heartbeat_door.h"
#include "api/oidc_door.h"
#include "api/receipt_door.h"
#include "api/session_door.h"

namespace tocsin {

void AddHttpDoors(HttpRouter& router, const HttpDoors& doors) {
  doors.ingest.Register(router);
  AddPagerDutyRoutes(router, doors.peers, [engine = &doors.engine](Command command, CommandDone done) {
    engine->Execute(std::move(command), std::move(done));
  });
  AddOpsgenieRoutes(router, doors.api, doors.peers, doors.workers);
  AddConnectRoutes(router, doors.api, doors.auth, doors.workers);
  AddSessionRoutes(router, doors.api, doors.auth, doors.workers);
  AddOidcRoutes(router, doors.api, doors.auth, doors.workers);
  AddAcknowledgeRoutes(router, doors.api, doors.link_key, doors.workers);
  AddReceiptRoutes(router, doors.api);
  AddCalendarRoutes(router, doors.api, doors.auth, doors.workers);
  AddAlertmanagerRoutes(router, doors.api, doors.auth, doors.keys, doors.workers, doors.alertmanager);
  AddHeartbeatRoutes(router, doors.engine, doors.keys);
  AddFrontPage(router);
  doors.instruments.AddRoutes(router, doors.workers);
}

}  // namespace tocsin
