// Changes that are shown beside alerts.
#include "model/codec/decode.h"
#include "model/codec/response_proto.h"

namespace tocsin {

static void ToProto(const ChangeLink& from, v1::ChangeEvent::Link& to) {
  to.set_href(Utf8(from.href));
  to.set_text(Utf8(from.text));
}

static absl::Status FromProto(const v1::ChangeEvent::Link& from, ChangeLink& to) {
  to.href = from.href();
  to.text = from.text();
  return absl::OkStatus();
}

void ToProto(const ChangeEvent& from, v1::ChangeEvent& to) {
  to.set_id(from.id.value());
  PutTime(from.at, to, &v1::ChangeEvent::mutable_at);
  PutTime(from.received, to, &v1::ChangeEvent::mutable_received);
  to.set_integration(Utf8(from.integration.value()));
  to.set_summary(Utf8(from.summary));
  to.set_source(Utf8(from.source));
  to.set_service(Utf8(from.service.value()));
  ToProtoList(from.labels, *to.mutable_labels());
  to.set_details(Utf8(from.details));
  ToProtoList(from.links, *to.mutable_links());
}

absl::Status FromProto(const v1::ChangeEvent& from, ChangeEvent& to) {
  Decode decode;
  to.id = ChangeEventId(from.id());
  decode.Take("at", from.at(), to.at);
  decode.Take("received", from.received(), to.received);
  to.integration = IntegrationId(from.integration());
  to.summary = from.summary();
  to.source = from.source();
  to.service = ServiceId(from.service());
  decode.List("labels", from.labels(), to.labels);
  to.details = from.details();
  decode.List("links", from.links(), to.links);
  return decode.status();
}

}  // namespace tocsin
