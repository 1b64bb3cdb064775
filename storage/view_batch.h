// What several changes write to the views, put together: of each key the last, and in the order of the keys. RocksDB finds the place of a
// key beside the one before it, and a row that changes twice is written once. For the files of this folder.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include <rocksdb/write_batch.h>

namespace tocsin {

class ViewBatch {
 public:
  // `value` outlives this.
  void Put(std::string key, std::string_view value) { items_.push_back({std::move(key), value}); }
  void Delete(std::string key) { items_.push_back({std::move(key), std::nullopt}); }
  bool empty() const { return items_.empty(); }
  // Adds it all to `batch`; nothing is left here.
  absl::Status MoveTo(rocksdb::WriteBatch& batch);

 private:
  struct Item {
    std::string key;
    std::optional<std::string_view> value;  // nullopt: deleted
  };
  std::vector<Item> items_;
};

}  // namespace tocsin
