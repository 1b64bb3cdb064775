// YAML files to an organisation, checked as a whole. The grammar is config/read.h, by example: deploy/sample.
//
// Hostile input is expected: sizes, depth and aliases are bounded, duplicate keys and unknown fields are problems, and no
// input crashes. Library exceptions end in config/yaml.cc.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "config/problem.h"
#include "config/secrets.h"
#include "model/organisation.h"

namespace tocsin {

struct SourceFile {
  std::string name;  // for messages
  std::string text;
};

struct LoadResult {
  Organisation organisation;      // may be used only if there are no problems
  std::vector<Problem> problems;  // all of them, in the order of files and lines; at most a thousand
  std::vector<Problem> warnings;  // config/warn.h; only where there are no problems
  bool ok() const { return problems.empty(); }
};

// Reads the files as one organisation: lists may be spread over several files, everything else is declared once. Secrets
// that are given by reference are looked up with `secrets`; by default they are refused (see config/secrets.h). `more` finds what this
// room cannot know, in an organisation that may be wrong in every other way, too; a problem's path gets its place in the files.
using MoreProblems = std::function<std::vector<Problem>(const Organisation&)>;
LoadResult Load(std::span<const SourceFile> files, const Secrets& secrets = {}, const MoreProblems& more = {});

// A mapping by itself: what stands under `mapping` of an integration, or a file with that one member. The error lists all problems.
absl::StatusOr<FieldMapping> LoadFieldMapping(const SourceFile& file);

}  // namespace tocsin
