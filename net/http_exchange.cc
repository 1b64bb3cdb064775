#include "net/http_exchange.h"

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>

namespace tocsin {

void HttpExchange::Wake() {
  if (waiter != nullptr) waiter->cancel();
}

void HttpExchange::Answer(HttpResponse answer, bool answer_streams) {
  const std::shared_ptr<HttpLoop> loop = loop_.lock();
  if (!loop) return;
  // At once when the handler answers before it returns, which is the common case of reads.
  boost::asio::dispatch(loop->context,
                        [self = shared_from_this(), answer = std::move(answer), answer_streams]() mutable {
                          self->response = std::move(answer);
                          self->streams = answer_streams;
                          self->Wake();
                        });
}

bool HttpExchange::Write(std::string piece) {
  if (piece.empty()) return !abandoned_.load(std::memory_order_relaxed);
  const std::shared_ptr<HttpLoop> loop = loop_.lock();
  if (!loop || abandoned_.load(std::memory_order_relaxed)) return false;
  const std::size_t waiting = waiting_bytes_.fetch_add(piece.size(), std::memory_order_relaxed);
  if (waiting > kMaxWaitingBytes) {
    waiting_bytes_.fetch_sub(piece.size(), std::memory_order_relaxed);
    return false;
  }
  // Never at once: pieces and the end must stay in the order they were given, whatever thread they come from.
  boost::asio::post(loop->context, [self = shared_from_this(), piece = std::move(piece)]() mutable {
    self->pieces.push_back(std::move(piece));
    self->Wake();
  });
  return true;
}

void HttpExchange::End() {
  const std::shared_ptr<HttpLoop> loop = loop_.lock();
  if (!loop) return;
  boost::asio::post(loop->context, [self = shared_from_this()] {
    self->ended = true;
    self->Wake();
  });
}

HttpStream::~HttpStream() {
  if (exchange_) exchange_->End();
}

bool HttpStream::Write(std::string bytes) {
  return exchange_->Write(std::move(bytes));
}

HttpResponder::~HttpResponder() {
  if (exchange_) exchange_->Answer(JsonResponse(500, R"({"code":500,"message":"no answer was given"})"), false);
}

void HttpResponder::Send(HttpResponse response) && {
  std::exchange(exchange_, nullptr)->Answer(std::move(response), false);
}

HttpStream HttpResponder::Stream(HttpResponse head) && {
  exchange_->Answer(std::move(head), true);
  return HttpStream(std::exchange(exchange_, nullptr));
}

}  // namespace tocsin
