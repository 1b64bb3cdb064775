// Bodies that are read as an integration's own mapping says (model/field_mapping.h): JSON of any shape, or a form.
#pragma once

#include "ingest/source.h"
#include "model/field_mapping.h"

namespace tocsin {

// As ReadPayload: never nothing, what cannot be read has its stand-in. `mapping` has been checked (config/check.h).
Readings ReadMapped(const FieldMapping& mapping, const SourceRequest& request, const Now& received);

}  // namespace tocsin
