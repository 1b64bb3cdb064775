#include "import/keys.h"

#include <algorithm>

#include "absl/strings/str_format.h"

#include "config/secrets.h"
#include "model/integration_key.h"

namespace tocsin::import {

bool PutKey(const Item& item,
            const std::string& name,
            const std::string& key,
            const std::string& source,
            const ServiceId& service,
            Draft& draft) {
  std::vector<Integration>& all = draft.organisation().integrations;
  if (!CheckKey(key).ok()) return false;
  const std::string hash = HashKey(key);
  if (std::ranges::find(all, hash, &Integration::key_hash) != all.end()) return false;
  Integration to;
  to.id = IntegrationId(draft.integrations.Claim(name));
  to.source = source;
  to.key_hash = hash;
  to.labels = {
      {"service", service.value()}
  };
  all.push_back(std::move(to));
  item.Lose(Grade::kHow, "senders go on sending to where they sent, in its own format",
            absl::StrFormat("an integration of source %s with the same key: point the senders at it", source));
  return true;
}

}  // namespace tocsin::import
