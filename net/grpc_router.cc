#include "net/grpc_router.h"

#include <algorithm>
#include <utility>

namespace tocsin {
namespace {

// One message each way.
class UnaryHandler final : public GrpcHandler {
 public:
  UnaryHandler(GrpcRouter::Unary take, std::shared_ptr<GrpcCall> call)
      : take_(std::move(take)), call_(std::move(call)) {}

  void OnMessage(const GrpcMessage& message) override {
    if (std::exchange(is_waiting_, false)) return take_(message, call_);
    if (!std::exchange(is_refused_, true))
      call_->Finish(absl::InvalidArgumentError("a second message of a call that takes one"));
  }
  void OnHalfClose() override {
    if (is_waiting_) call_->Finish(absl::InvalidArgumentError("a call without a message"));
  }

 private:
  const GrpcRouter::Unary take_;
  const std::shared_ptr<GrpcCall> call_;
  bool is_waiting_ = true;
  bool is_refused_ = false;
};

}  // namespace

std::vector<std::string_view> GrpcHead::values(std::string_view name) const {
  std::vector<std::string_view> found;
  for (const HttpHeader& header : metadata) {
    if (header.name == name) found.emplace_back(header.value);
  }
  return found;
}

std::size_t GrpcMessage::size() const {
  std::size_t bytes = 0;
  for (const std::string_view piece : pieces_)
    bytes += piece.size();
  return bytes;
}

std::string GrpcMessage::Copy() const {
  std::string bytes;
  bytes.reserve(size());
  for (const std::string_view piece : pieces_)
    bytes.append(piece);
  return bytes;
}

void GrpcRouter::Add(std::string path, GrpcMethod method) {
  methods_.insert_or_assign(std::move(path), std::move(method));
}

void GrpcRouter::AddUnary(std::string path,
                          std::size_t max_message,
                          std::function<absl::StatusOr<Unary>(const GrpcHead& head)> begin) {
  Add(std::move(path), {.begin = [begin = std::move(begin)](const GrpcHead& head, std::shared_ptr<GrpcCall> call)
                            -> absl::StatusOr<std::unique_ptr<GrpcHandler>> {
                          absl::StatusOr<Unary> take = begin(head);
                          if (!take.ok()) return take.status();
                          return std::make_unique<UnaryHandler>(*std::move(take), std::move(call));
                        },
                        .max_message = max_message});
}

const GrpcMethod* GrpcRouter::Find(std::string_view path) const {
  const auto found = methods_.find(path);
  return found == methods_.end() ? nullptr : &found->second;
}

std::string GrpcRouter::Unknown(std::string_view path) const {
  return unknown_ ? unknown_(path) : "no method " + std::string(path);
}

std::vector<std::string> GrpcRouter::Paths() const {
  std::vector<std::string> paths;
  for (const auto& [path, method] : methods_)
    paths.push_back(path);
  std::ranges::sort(paths);
  return paths;
}

}  // namespace tocsin
