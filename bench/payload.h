// What the benchmarks send: alerts with 8 labels of which two are unique to the alert, 2 annotations of which one is unique, about
// 370 bytes as JSON.
//
// A client that shares two cores with the server must cost little, so that bytes are laid out once and only what differs is
// written into them: see AlertBytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <grpcpp/support/byte_buffer.h>

namespace tocsin {

inline constexpr int kAlertsPerMessage = 500;
inline constexpr int kAlertsPerPost = 100;
inline constexpr int kKeys = 100'000;

// So many alerts with keys in a row, as bytes of one form.
class AlertBytes {
 public:
  enum class Form {
    kMessage,  // tocsin.v1.IngestRequest
    kPost,     // an HTTP request to POST /api/v2/alerts, as Prometheus sends it
  };
  // `count` is 1 or a multiple of 100. `more_labels` stand beside the eight, the same for all of them.
  AlertBytes(Form form, int count, const std::vector<std::pair<std::string, std::string>>& more_labels = {});

  // The bytes for the keys first, first + 1, ... (below 100 million); `round` is what their annotation tells as a value. A batch of
  // one may have any first, others a multiple of 100.
  std::string Text(std::uint32_t first, std::uint32_t round = 0) const;
  grpc::ByteBuffer Message(std::uint32_t first, std::uint32_t round = 0) const;

  int count() const { return count_; }
  std::size_t bytes() const { return text_.size(); }

 private:
  // Where what is unique to an alert lies.
  struct Places {
    std::vector<std::size_t> instance;
    std::vector<std::size_t> pod;
    std::vector<std::size_t> number;
    std::vector<std::size_t> value;
  };
  void Find(std::string_view mark, std::vector<std::size_t>& places);
  void Fill(char* text, std::uint32_t first, std::uint32_t round) const;

  int count_;
  std::string text_;
  Places places_;
};

// All of kKeys once, in batches of kAlertsPerMessage and of kAlertsPerPost.
std::vector<grpc::ByteBuffer> AllMessages();
std::vector<std::string> AllPosts();

}  // namespace tocsin
