#include "model/change_event.h"

#include "base/limits.h"
#include "model/bounded_text.h"

namespace tocsin {

void Bound(ChangeEvent& change) {
  Bound(change.summary, limits::kChangeSummaryBytes);
  Bound(change.source, limits::kChangeSourceBytes);
  Bound(change.details, limits::kChangeDetailBytes);
  change.service = ServiceId(Bounded(change.service.value(), limits::kChangeLabelBytes));
  for (Label& label : change.labels) {
    Bound(label.name, limits::kChangeLabelBytes);
    Bound(label.value, limits::kChangeLabelBytes);
  }
  Normalise(change.labels);
  if (change.labels.size() > limits::kChangeLabels) change.labels.resize(limits::kChangeLabels);
  if (change.links.size() > limits::kChangeLinks) change.links.resize(limits::kChangeLinks);
  for (ChangeLink& link : change.links) {
    Bound(link.href, limits::kChangeLinkBytes);
    Bound(link.text, limits::kChangeLabelBytes);
  }
}

}  // namespace tocsin
