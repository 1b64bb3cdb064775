// What keeps alerts quiet by declaration: inhibition rules.
#include "config/read.h"

namespace tocsin {

void ReadInhibitionRule(Reader& reader, const YamlNode& node, const std::string& path, InhibitionRule& to) {
  Fields fields(reader, node, path);
  fields.Require("id");
  fields.Name("id", to.id);
  fields.Require("source_matchers");
  ReadMatchers(fields, "source_matchers", to.source_matchers);
  fields.Require("target_matchers");
  ReadMatchers(fields, "target_matchers", to.target_matchers);
  fields.TextList("equal", to.equal);
}

}  // namespace tocsin
