// A group in the words of lists.
#pragma once

#include <string>

#include "tocsin/v1/response.pb.h"

namespace tocsin {

// "open", "silenced", "told only".
std::string StateWord(const v1::Group& group);
// How many alerts fire, and how many of them are held back: "3", "0, 2500 held".
std::string FiringWord(const v1::Group& group);
// alertname=DiskFull host=db1
std::string FormatLabels(const google::protobuf::RepeatedPtrField<v1::Label>& labels);

}  // namespace tocsin
