// Private to import: keys of other systems, which go on being valid here. Each is kept as its hash only.
#pragma once

#include <string>

#include "import/draft.h"
#include "import/item.h"

namespace tocsin::import {

// An integration whose alerts are about `service`. False: the key is none that could be used, or there is one with it.
bool PutKey(const Item& item,
            const std::string& name,
            const std::string& key,
            const std::string& source,
            const ServiceId& service,
            Draft& draft);

}  // namespace tocsin::import
