// All text of an event at once: one walk over the record, where asking for each part walks over those before it again.
#pragma once

#include <cstddef>
#include <cstring>
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

// Fills `labels` and `annotations`, of the capacities that EventView asks for. In place, so that what it returns need not go through
// memory first.
inline EventText ReadText(EventView event, std::span<LabelView> labels, std::span<LabelView> annotations) {
  const EventHeader& header = event.header();
  const char* at = reinterpret_cast<const char*>(&header) + sizeof header;
  const auto read = [&at](std::size_t count, std::span<LabelView> out) -> std::span<const LabelView> {
    const char* lengths_at = at;
    const char* text = at + count * sizeof(TextLengths);
    LabelView* const views = out.first(count).data();
    for (std::size_t i = 0; i < count; ++i) {
      TextLengths lengths;
      std::memcpy(&lengths, lengths_at, sizeof lengths);
      lengths_at += sizeof lengths;
      views[i].name = {text, lengths.name};
      text += lengths.name;
      views[i].value = {text, lengths.value};
      text += lengths.value;
    }
    const auto bytes = static_cast<std::size_t>(text - at);
    at += bytes + bytes % 2;
    return {views, count};
  };
  return {
      .labels = read(header.label_count, labels), // one after the other, as they are written
      .annotations = read(header.annotation_count, annotations),
      .dedup_key = {at,                          header.dedup_key_bytes},
      .link = {at + header.dedup_key_bytes, header.link_bytes     }
  };
}

}  // namespace tocsin
