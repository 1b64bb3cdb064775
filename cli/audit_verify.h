// tocsin audit verify: whether anybody has changed the audit log.
#pragma once

#include <span>
#include <string>

namespace tocsin {

// 0: nobody has, as far as it can be known; 3: somebody has; else it was not found out, as with every command.
int RunAuditVerify(std::span<const std::string> arguments);

}  // namespace tocsin
