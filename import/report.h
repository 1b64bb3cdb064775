// Private to import: what is said about an export while it is read.
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "import/import.h"

namespace tocsin::import {

class Report {
 public:
  void Problem(std::string_view path, std::string_view message);
  void Lose(Grade grade, std::string object, std::string lost, std::string instead);
  // A field that this importer has never heard of; told once for each kind of object.
  void Unknown(std::string_view kind, std::string_view field, const std::string& path);

  const std::vector<std::string>& problems() const { return problems_; }
  // Worst first. What is said more often than a person reads is counted.
  std::vector<Loss> Losses() const;

 private:
  struct Seen {
    std::string first;
    int count = 0;
  };
  std::vector<std::string> problems_;
  std::size_t unsaid_ = 0;
  std::vector<Loss> losses_;
  std::map<std::pair<std::string, std::string>, Seen> unknown_;
};

}  // namespace tocsin::import
