// How commands print: tables for people, JSON for programs. Text from outside never reaches the terminal with its control
// bytes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/message.h>
#include <google/protobuf/timestamp.pb.h>

namespace tocsin {

// Columns aligned to their widest cell; the last one runs free.
class Table {
 public:
  explicit Table(std::vector<std::string> header) { rows_.push_back(std::move(header)); }
  void Add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.size() == 1; }
  void Print() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// Controls (C0, C1), line separators, direction overrides and invalid UTF-8 replaced: fit for any terminal.
std::string Printable(std::string_view text);

// "2026-11-21 03:04:05Z", in the local zone with its offset when $TZ says so; "-" when absent.
std::string Show(const google::protobuf::Timestamp& time);

// A value of an enumeration as people say it: EnumWord("STATE_OPEN", "STATE_") is "open".
std::string EnumWord(std::string_view name, std::string_view prefix);

// One message as indented JSON on standard output.
void PrintJson(const google::protobuf::Message& message);

}  // namespace tocsin
