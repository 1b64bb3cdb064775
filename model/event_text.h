// All text of an event at once: one walk over the record, where asking for each part walks over those before it again.
#pragma once

#include <span>
#include <string_view>

#include "model/event.h"
#include "model/labels.h"

namespace tocsin {

struct EventText {
  std::span<const LabelView> labels;
  std::span<const LabelView> annotations;
  std::string_view dedup_key;
  std::string_view link;
};

// Fills `labels` and `annotations`, of the capacities that EventView asks for.
EventText ReadText(EventView event, std::span<LabelView> labels, std::span<LabelView> annotations);

}  // namespace tocsin
