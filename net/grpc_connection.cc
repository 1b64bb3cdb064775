#include "net/grpc_connection.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include <nghttp2/nghttp2.h>

#include "base/log.h"
#include "base/status.h"

namespace tocsin {
namespace {

// A stream may be this far ahead of us, and a connection. What has come is taken at once: what is kept has bounds of its own.
constexpr std::int32_t kStreamWindow = std::int32_t{4} << 20U;
constexpr std::int32_t kConnectionWindow = std::int32_t{16} << 20U;
constexpr std::uint32_t kFrameBytes = 256 * 1024;
constexpr std::uint64_t kResets = 1000;  // calls that are given up: at once, and a second
constexpr std::size_t kMostAcks = 1000;
constexpr std::size_t kMostContinuations = 8;
constexpr std::size_t kMostQueued = 10'000;  // frames that wait to be sent
constexpr std::size_t kMostMessageText =
    4000;  // of a status: nghttp2 sends no longer headers than 64 KB, many clients take 8
constexpr std::size_t kMostUnpacked = 8;  // times as many bytes of headers as are taken

std::string_view View(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

// Points to what it is made of, which outlives it.
nghttp2_nv Field(std::string_view name, std::string_view value, std::uint8_t flags) {
  const auto bytes = [](std::string_view text) {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), flags};
}
nghttp2_nv Constant(std::string_view name, std::string_view value) {
  return Field(name, value, NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE);
}

// As the protocol has it: what is not printable ASCII, and %, as %XX.
std::string EncodeMessage(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    // Not within the bytes of one letter.
    if (encoded.size() >= kMostMessageText && (static_cast<unsigned char>(c) & 0xC0U) != 0x80U) return encoded + "...";
    if (c >= ' ' && c <= '~' && c != '%') {
      encoded.push_back(c);
    } else {
      absl::StrAppendFormat(&encoded, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

struct Options {
  Options() {
    nghttp2_option_new(&option);
    // "Bearer " without a token is to be told what is missing, and not that the protocol was broken.
    nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(option, 1);
    nghttp2_option_set_max_outbound_ack(option, kMostAcks);
    nghttp2_option_set_max_settings(option, 32);
    nghttp2_option_set_max_continuations(option, kMostContinuations);
    nghttp2_option_set_stream_reset_rate_limit(option, kResets, kResets);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_server_fallback_rfc7540_priorities(option, 0);
  }
  nghttp2_option* option = nullptr;  // for as long as the process lives
};

constexpr std::string_view kContentType = "application/grpc";

bool IsGrpc(std::string_view content_type) {
  if (!content_type.starts_with(kContentType)) return false;
  content_type.remove_prefix(kContentType.size());
  return content_type.empty() || content_type.front() == '+' || content_type.front() == ';';
}

}  // namespace

// What nghttp2 calls. Nothing is thrown through it.
struct GrpcConnection::Callbacks {
  static GrpcConnection& Of(void* self) { return *static_cast<GrpcConnection*>(self); }

  static int OnBeginHeaders(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    GrpcConnection& connection = Of(self);
    connection.block_bytes_ = 0;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    const std::int32_t id = frame->hd.stream_id;
    connection.streams_.insert_or_assign(id, std::make_unique<GrpcStream>(connection, id, connection.mailbox_));
    return 0;
  }
  static int OnHeader(nghttp2_session*,
                      const nghttp2_frame* frame,
                      const std::uint8_t* name,
                      std::size_t name_size,
                      const std::uint8_t* value,
                      std::size_t value_size,
                      std::uint8_t,
                      void* self) {
    // HPACK makes kilobytes of one byte, and looks at each again: what is far too much ends the connection.
    GrpcConnection& connection = Of(self);
    connection.block_bytes_ += name_size + value_size;
    if (connection.block_bytes_ > kMostUnpacked * connection.shared_.options.max_header_bytes)
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;  // trailers
    if (GrpcStream* const stream = Of(self).Find(frame->hd.stream_id))
      Of(self).TakeHeader(*stream, View(name, name_size), View(value, value_size));
    return 0;
  }
  static int OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    GrpcConnection& connection = Of(self);
    const bool is_end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS:
      case NGHTTP2_DATA: {
        GrpcStream* const stream = connection.Find(frame->hd.stream_id);
        if (frame->hd.type == NGHTTP2_DATA && frame->hd.length == 0 && !is_end) connection.NoteIdleFrame();
        if (stream == nullptr) break;
        if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
          connection.BeginCall(*stream);
        if (is_end) connection.HalfClose(*stream);
        break;
      }
      case NGHTTP2_SETTINGS:
        ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0 ? connection.has_acknowledged_ : connection.has_settings_) = true;
        [[fallthrough]];
      case NGHTTP2_PING:
      case NGHTTP2_PRIORITY: connection.NoteIdleFrame(); break;
      default: break;
    }
    return 0;
  }
  static int OnData(
      nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes, std::size_t size, void* self) {
    if (GrpcStream* const stream = Of(self).Find(id)) Of(self).TakeData(*stream, View(bytes, size));
    return 0;
  }
  // Whoever is told how his call ended before he has said all need not say the rest.
  static int OnSent(nghttp2_session* session, const nghttp2_frame* frame, void*) {
    if (frame->hd.type != NGHTTP2_HEADERS || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
    if (nghttp2_session_get_stream_remote_close(session, frame->hd.stream_id) == 0)
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
    return 0;
  }
  // The end of a call that cannot be told must not be waited for.
  static int OnNotSent(nghttp2_session* session, const nghttp2_frame* frame, int, void*) {
    if (frame->hd.type == NGHTTP2_HEADERS)
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_INTERNAL_ERROR);
    return 0;
  }
  static int OnClose(nghttp2_session*, std::int32_t id, std::uint32_t, void* self) {
    Of(self).Close(id);
    return 0;
  }
  static ssize_t OnRead(nghttp2_session*,
                        std::int32_t id,
                        std::uint8_t* to,
                        std::size_t room,
                        std::uint32_t* flags,
                        nghttp2_data_source*,
                        void* self) {
    GrpcStream* const stream = Of(self).Find(id);
    if (stream == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    return Of(self).FillFrame(*stream, to, room, *flags);
  }

  static nghttp2_session_callbacks* All() {
    static nghttp2_session_callbacks* const all = [] {
      nghttp2_session_callbacks* made = nullptr;
      nghttp2_session_callbacks_new(&made);
      nghttp2_session_callbacks_set_on_begin_headers_callback(made, OnBeginHeaders);
      nghttp2_session_callbacks_set_on_header_callback(made, OnHeader);
      nghttp2_session_callbacks_set_on_frame_recv_callback(made, OnFrame);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, OnData);
      nghttp2_session_callbacks_set_on_frame_send_callback(made, OnSent);
      nghttp2_session_callbacks_set_on_frame_not_send_callback(made, OnNotSent);
      nghttp2_session_callbacks_set_on_stream_close_callback(made, OnClose);
      return made;
    }();
    return all;
  }
};

GrpcConnection::GrpcConnection(GrpcShared& shared,
                               std::shared_ptr<GrpcMailbox> mailbox,
                               Peer peer,
                               std::function<void()> has_output)
    : shared_(shared),
      mailbox_(std::move(mailbox)),
      peer_(std::move(peer)),
      vouch_([this] {
        if (!std::exchange(is_vouched_, true)) peer_.vouch();
      }),
      has_output_(std::move(has_output)) {
  static const Options options;
  nghttp2_session_server_new2(&session_, Callbacks::All(), this, options.option);
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, static_cast<std::uint32_t>(shared_.options.max_streams)     },
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,    kStreamWindow                                               },
      {NGHTTP2_SETTINGS_MAX_FRAME_SIZE,         kFrameBytes                                                 },
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,   static_cast<std::uint32_t>(shared_.options.max_header_bytes)},
  };
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
}

GrpcConnection::~GrpcConnection() {
  while (!streams_.empty())
    Close(streams_.begin()->first);
  nghttp2_session_del(session_);
}

GrpcStream* GrpcConnection::Find(std::int32_t id) {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second.get();
}

bool GrpcConnection::is_over() const {
  return is_cut_off_ || (nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0);
}

bool GrpcConnection::Receive(std::string_view bytes, const GrpcMessage::Owner& owner) {
  owner_ = &owner;
  const ssize_t read =
      nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  owner_ = nullptr;
  for (const std::int32_t id : unfinished_) {
    GrpcStream* const stream = Find(id);
    if (stream != nullptr && stream->reader_) stream->reader_->EndOfBlock();
  }
  unfinished_.clear();
  is_cut_off_ = is_cut_off_ || nghttp2_session_get_outbound_queue_size(session_) > kMostQueued;
  HasOutput();
  if (read == static_cast<ssize_t>(bytes.size()) && !is_cut_off_) return true;
  shared_.malformed.fetch_add(1, std::memory_order_relaxed);
  return false;
}

// --- what comes ---

void GrpcConnection::TakeHeader(GrpcStream& stream, std::string_view name, std::string_view value) {
  constexpr std::size_t kEach = 32;  // as HTTP/2 counts them
  stream.header_bytes_ += name.size() + value.size() + kEach;
  if (stream.header_bytes_ > shared_.options.max_header_bytes) return;  // BeginCall says so
  if (name == ":path") {
    stream.path_ = value;
  } else if (name == ":method") {
    stream.is_post_ = value == "POST";
  } else if (!name.starts_with(':')) {
    stream.metadata_.push_back({std::string(name), std::string(value)});
  }
}

void GrpcConnection::BeginCall(GrpcStream& stream) {
  shared_.calls.fetch_add(1, std::memory_order_relaxed);
  NoteWork();
  const bool fits = stream.header_bytes_ <= shared_.options.max_header_bytes;
  if (fits && (!stream.is_post_ || !IsGrpc(FindHeader(stream.metadata_, "content-type")))) {
    shared_.refused.fetch_add(1, std::memory_order_relaxed);
    return RefuseAsHttp(stream);
  }
  if (absl::Status status = fits ? OpenCallOf(stream)
                                 : absl::ResourceExhaustedError(absl::StrFormat("headers of more than %d bytes",
                                                                                shared_.options.max_header_bytes));
      !status.ok()) {
    shared_.refused.fetch_add(1, std::memory_order_relaxed);
    Finish(stream, std::move(status));
  }
  stream.metadata_ = {};
  stream.path_ = {};
}

absl::Status GrpcConnection::OpenCallOf(GrpcStream& stream) {
  const GrpcMethod* const method = shared_.router.Find(stream.path_);
  if (method == nullptr) return absl::UnimplementedError(shared_.router.Unknown(stream.path_));
  if (peer_.is_revoked()) return absl::UnauthenticatedError("the certificate of this client was revoked");
  const GrpcHead head{.path = stream.path_,
                      .metadata = stream.metadata_,
                      .peer = peer_.address,
                      .peer_port = peer_.port,
                      .vouch = vouch_};
  TOCSIN_ASSIGN(stream.handler_, method->begin(head, stream.call_));
  stream.reader_.emplace(method->max_message, method->keeps);
  return absl::OkStatus();
}

void GrpcConnection::TakeData(GrpcStream& stream, std::string_view bytes) {
  if (stream.is_finished_ || !stream.reader_) return;
  const absl::Status status = stream.reader_->Read(bytes, *owner_, [&](const GrpcMessage& message) {
    stream.handler_->OnMessage(message);
    return !stream.is_finished_;
  });
  stream.came_ += bytes.size();
  if (!bytes.empty()) NoteWork();
  Count(stream);
  if (!status.ok()) return Finish(stream, status);
  if (stream.counted_partial_ == 0) return;
  if (!HasRoomFor(stream))
    return Finish(stream, absl::ResourceExhaustedError("too many messages are on their way; try again in a second"));
  if (std::ranges::find(unfinished_, stream.id_) == unfinished_.end()) unfinished_.push_back(stream.id_);
}

void GrpcConnection::HalfClose(GrpcStream& stream) {
  if (stream.is_finished_ || !stream.reader_) return;
  if (!stream.reader_->is_between_messages()) {
    return Finish(stream, absl::InternalError("the call's last message ends before its length"));
  }
  stream.handler_->OnHalfClose();
}

// --- what goes ---

void GrpcConnection::HasOutput() {
  has_output_();
}

void GrpcConnection::Deliver(GrpcStream& stream, GrpcMailbox::Letter& letter) {
  if (stream.is_finished_) return;
  if (letter.has_message) Write(stream, letter.message);
  if (letter.is_last) Finish(stream, std::move(letter.status));
  HasOutput();
}

void GrpcConnection::Write(GrpcStream& stream, std::string_view message) {
  const std::array<char, 5> head = {0, static_cast<char>(message.size() >> 24U),
                                    static_cast<char>(message.size() >> 16U), static_cast<char>(message.size() >> 8U),
                                    static_cast<char>(message.size())};
  stream.out_.append(head.data(), head.size()).append(message);
  const std::size_t bytes = head.size() + message.size();
  unsent_ += bytes;
  const std::uint64_t all = shared_.unsent_bytes.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  // One answer may be as long as it is; what must not be is that they pile up.
  if (!MayLeaveUnsent(unsent_ - bytes, all - bytes)) {
    shared_.timeouts.fetch_add(1, std::memory_order_relaxed);
    is_cut_off_ = true;
  }
  BeginAnswer(stream);
}

void GrpcConnection::BeginAnswer(GrpcStream& stream) {
  if (std::exchange(stream.has_begun_, true)) {
    if (std::exchange(stream.is_deferred_, false)) nghttp2_session_resume_data(session_, stream.id_);
    return;
  }
  const nghttp2_nv head[] = {Constant(":status", "200"), Constant("content-type", kContentType),
                             Constant("grpc-accept-encoding", "identity")};
  nghttp2_data_provider source{};
  source.read_callback = Callbacks::OnRead;
  nghttp2_submit_response(session_, stream.id_, head, std::size(head), &source);
}

void GrpcConnection::Finish(GrpcStream& stream, absl::Status status) {
  if (std::exchange(stream.is_finished_, true)) return;
  stream.status_ = std::move(status);
  stream.reader_.reset();
  Count(stream);
  if (stream.has_begun_) return BeginAnswer(stream);
  stream.has_begun_ = true;
  const std::string code = std::to_string(stream.status_.raw_code());
  const std::string message = EncodeMessage(Message(stream.status_));
  const nghttp2_nv head[] = {
      Constant(":status", "200"), Constant("content-type", kContentType), Constant("grpc-accept-encoding", "identity"),
      Field("grpc-status", code, NGHTTP2_NV_FLAG_NONE), Field("grpc-message", message, NGHTTP2_NV_FLAG_NONE)};
  nghttp2_submit_response(session_, stream.id_, head, std::size(head) - (message.empty() ? 1 : 0), nullptr);
}

// Of whoever does not speak gRPC at all.
void GrpcConnection::RefuseAsHttp(GrpcStream& stream) {
  stream.is_finished_ = stream.has_begun_ = true;
  const nghttp2_nv head[] = {Constant(":status", "415")};
  nghttp2_submit_response(session_, stream.id_, head, std::size(head), nullptr);
}

std::ptrdiff_t GrpcConnection::FillFrame(GrpcStream& stream, std::uint8_t* to, std::size_t room, std::uint32_t& flags) {
  const std::size_t bytes = std::min(room, stream.out_.size() - stream.sent_);
  std::memcpy(to, stream.out_.data() + stream.sent_, bytes);
  stream.sent_ += bytes;
  unsent_ -= bytes;
  sent_ += bytes;
  shared_.unsent_bytes.fetch_sub(bytes, std::memory_order_relaxed);
  if (stream.sent_ < stream.out_.size()) return static_cast<std::ptrdiff_t>(bytes);
  stream.out_.clear();
  stream.sent_ = 0;
  if (stream.is_finished_) {
    flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    SubmitTrailers(stream);
  } else if (bytes == 0) {
    stream.is_deferred_ = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  return static_cast<std::ptrdiff_t>(bytes);
}

void GrpcConnection::SubmitTrailers(GrpcStream& stream) {
  if (stream.status_.ok()) {
    const nghttp2_nv trailer[] = {Constant("grpc-status", "0")};
    nghttp2_submit_trailer(session_, stream.id_, trailer, std::size(trailer));
    return;
  }
  const std::string code = std::to_string(stream.status_.raw_code());
  const std::string message = EncodeMessage(Message(stream.status_));
  const nghttp2_nv trailers[] = {Field("grpc-status", code, NGHTTP2_NV_FLAG_NONE),
                                 Field("grpc-message", message, NGHTTP2_NV_FLAG_NONE)};
  nghttp2_submit_trailer(session_, stream.id_, trailers, std::size(trailers));
}

bool GrpcConnection::Send(std::string& out, std::size_t most) {
  while (out.size() < most && !is_cut_off_) {
    const std::uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
    if (size < 0) return false;
    if (size == 0) break;
    out.append(View(bytes, static_cast<std::size_t>(size)));
  }
  return !is_cut_off_;
}

void GrpcConnection::Close(std::int32_t id) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  const std::unique_ptr<GrpcStream> stream = std::move(found->second);
  streams_.erase(found);
  stream->reader_.reset();
  Count(*stream);
  const std::size_t dropped = stream->out_.size() - stream->sent_;
  unsent_ -= dropped;
  shared_.unsent_bytes.fetch_sub(dropped, std::memory_order_relaxed);
}

void GrpcConnection::GoAway() {
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_),
                        NGHTTP2_NO_ERROR, nullptr, 0);
  for (const auto& [id, stream] : streams_) {
    if (stream->handler_ && !stream->is_finished_) stream->handler_->OnDrain();
  }
  HasOutput();
}

void GrpcConnection::Ping() {
  nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
  HasOutput();
}

}  // namespace tocsin
