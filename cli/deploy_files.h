// Private to cli: the files of deploy/ that senders of a source paste, in the binary, for `tocsin integrations show`. Where the address of the
// server and an integration's key belong stand {tocsin-url} and {tocsin-key}.
#pragma once

#include <string_view>
#include <vector>

namespace tocsin {

struct DeployFile {
  std::string_view path;  // "deploy/nagios/tocsin.cfg"
  std::string_view text;
};
std::vector<DeployFile> DeployFilesOf(std::string_view source);  // none: the source's `setup` says all

}  // namespace tocsin
