#include "storage/view_batch.h"

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "storage/rocks.h"

namespace tocsin {

absl::Status ViewBatch::MoveTo(rocksdb::WriteBatch& batch) {
  std::vector<Item> items = std::exchange(items_, {});
  std::ranges::stable_sort(items, {}, &Item::key);
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i + 1 < items.size() && items[i + 1].key == items[i].key) continue;  // a later one says more
    const rocksdb::Slice key = ToSlice(items[i].key);
    const rocksdb::Status added = items[i].value ? batch.Put(key, ToSlice(*items[i].value)) : batch.Delete(key);
    TOCSIN_TRY(FromRocks(added, "batch"));
  }
  return absl::OkStatus();
}

}  // namespace tocsin
