// What a store's folder is made of, as text: all messages, fields and enumerations that entries and rows reach, the kinds of entries,
// and what fixed values become as bytes where a layout is our own. Whoever changes what is written changes this text.
#pragma once

#include <string>

namespace tocsin {

std::string DescribeDiskSchema();
// The tables of rows: a line each, number and name.
std::string DescribeTables();

}  // namespace tocsin
