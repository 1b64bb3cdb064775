// Reading generated messages into our types, for the *_proto.cc files of this folder.
//
// A Decode remembers the first thing that is wrong, with its path, so that a conversion is one statement per field:
//
//   Decode decode;
//   decode.Require("id", from.id() != 0);
//   decode.Take("state", from.state(), to.state);
//   decode.List("labels", from.labels(), to.labels);
//   return decode.status();                            // `labels[3]: name: missing`
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include <google/protobuf/repeated_ptr_field.h>

#include "base/status.h"
#include "model/codec/common_proto.h"  // times are of other namespaces: their FromProto must be seen before Take

namespace tocsin {

class Decode {
 public:
  // FromProto(from, to), its error under `field`.
  template <typename From, typename To>
  void Take(std::string_view field, const From& from, To& to) {
    if (status_.ok()) status_ = Annotate(FromProto(from, to), field);
  }

  template <typename From, typename To>
  void List(std::string_view field, const google::protobuf::RepeatedPtrField<From>& from, std::vector<To>& to) {
    to.clear();
    to.reserve(static_cast<std::size_t>(from.size()));
    for (int i = 0; i < from.size() && status_.ok(); ++i) {
      if (const absl::Status status = FromProto(from[i], to.emplace_back()); !status.ok()) {
        status_ = Annotate(status, absl::StrFormat("%s[%d]", field, i));
      }
    }
  }

  void Require(std::string_view field, bool present) {
    if (!present) Fail(field, "missing");
  }

  void Fail(std::string_view field, std::string_view problem) {
    if (status_.ok()) status_ = Invalid("%s: %s", field, problem);
  }

  const absl::Status& status() const { return status_; }

 private:
  absl::Status status_;
};

// Appends FromProto's counterpart of every element.
template <typename From, typename To>
void ToProtoList(const std::vector<From>& from, google::protobuf::RepeatedPtrField<To>& to) {
  to.Reserve(static_cast<int>(from.size()));
  for (const From& each : from)
    ToProto(each, *to.Add());
}

}  // namespace tocsin
