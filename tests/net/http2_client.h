// A client of nghttp2's in memory, to talk to a GrpcConnection without a socket; and frames made by hand, for what no client would send.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nghttp2/nghttp2.h>

namespace tocsin {

inline std::string Framed(std::string_view message, char compressed = 0) {
  std::string framed(1, compressed);
  for (int shift = 24; shift >= 0; shift -= 8)
    framed.push_back(static_cast<char>(message.size() >> static_cast<unsigned>(shift)));
  return framed.append(message);
}

// type, flags, stream, payload
inline std::string Frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, std::string_view payload) {
  std::string frame;
  for (int shift = 16; shift >= 0; shift -= 8)
    frame.push_back(static_cast<char>(payload.size() >> static_cast<unsigned>(shift)));
  frame.push_back(static_cast<char>(type));
  frame.push_back(static_cast<char>(flags));
  for (int shift = 24; shift >= 0; shift -= 8)
    frame.push_back(static_cast<char>(stream >> static_cast<unsigned>(shift)));
  return frame.append(payload);
}

class Http2Client {
 public:
  using Fields = std::vector<std::pair<std::string, std::string>>;
  struct Reply {
    std::map<std::string, std::string> head;  // the trailers, too
    std::string data;
    bool is_closed = false;
    std::uint32_t error = 0;
  };

  explicit Http2Client(std::uint32_t window = 1U << 20U) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                      const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* self) {
          Of(self).replies_[frame->hd.stream_id].head[Text(name, name_size)] = Text(value, value_size);
          return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks,
        [](nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes, std::size_t size, void* self) {
          Of(self).replies_[id].data += Text(bytes, size);
          return 0;
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        callbacks, [](nghttp2_session*, std::int32_t id, std::uint32_t error, void* self) {
          Of(self).replies_[id].is_closed = true;
          Of(self).replies_[id].error = error;
          return 0;
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
          if (frame->hd.type == NGHTTP2_GOAWAY) Of(self).went_away_ = static_cast<int>(frame->goaway.error_code);
          return 0;
        });
    nghttp2_session_client_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window}
    };
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, 1);
  }
  ~Http2Client() { nghttp2_session_del(session_); }
  Http2Client(const Http2Client&) = delete;
  Http2Client& operator=(const Http2Client&) = delete;

  // `body`: framed messages; `ends`: nothing follows. More fields come after those that a call has.
  std::int32_t Call(
      const std::string& path, std::string body, bool ends = true, const Fields& more = {}, bool is_grpc = true) {
    Fields fields = {
        {":method",      is_grpc ? "POST" : "GET"},
        {":scheme",      "http"                  },
        {":path",        path                    },
        {":authority",   "test"                  },
        {"te",           "trailers"              },
        {"content-type", "application/grpc"      }
    };
    fields.insert(fields.end(), more.begin(), more.end());
    std::vector<nghttp2_nv> values;
    for (auto& [name, value] : fields) {
      values.push_back({reinterpret_cast<std::uint8_t*>(name.data()), reinterpret_cast<std::uint8_t*>(value.data()),
                        name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
    }
    nghttp2_data_provider source{};
    source.read_callback = [](nghttp2_session*, std::int32_t id, std::uint8_t* to, std::size_t room,
                              std::uint32_t* flags, nghttp2_data_source*,
                              void* self) { return Of(self).Give(id, to, room, *flags); };
    const std::int32_t id = nghttp2_submit_request(session_, nullptr, values.data(), values.size(), &source, nullptr);
    bodies_[id] = {std::move(body), ends};
    return id;
  }
  // More of a call that has not ended.
  void Say(std::int32_t id, std::string_view body, bool ends) {
    bodies_[id].bytes += body;
    bodies_[id].ends = ends;
    nghttp2_session_resume_data(session_, id);
  }
  void Ping() { nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr); }
  void Reset(std::int32_t id) { nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL); }

  // What it has to send now.
  std::string Output() {
    std::string out;
    for (;;) {
      const std::uint8_t* bytes = nullptr;
      const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
      if (size <= 0) return out;
      out += Text(bytes, static_cast<std::size_t>(size));
    }
  }
  void Hear(std::string_view bytes) {
    nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  }
  const Reply& reply(std::int32_t id) { return replies_[id]; }
  // The error of the GOAWAY that came; -1: none.
  int went_away() const { return went_away_; }

 private:
  struct Body {
    std::string bytes;
    bool ends = false;
  };
  static Http2Client& Of(void* self) { return *static_cast<Http2Client*>(self); }
  static std::string Text(const std::uint8_t* bytes, std::size_t size) {
    return {reinterpret_cast<const char*>(bytes), size};
  }
  ssize_t Give(std::int32_t id, std::uint8_t* to, std::size_t room, std::uint32_t& flags) {
    Body& body = bodies_[id];
    const std::size_t size = std::min(room, body.bytes.size());
    std::copy_n(body.bytes.begin(), size, to);
    body.bytes.erase(0, size);
    if (body.bytes.empty() && body.ends) flags |= NGHTTP2_DATA_FLAG_EOF;
    if (size == 0 && !body.ends) return NGHTTP2_ERR_DEFERRED;
    return static_cast<ssize_t>(size);
  }

  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, Body> bodies_;
  std::map<std::int32_t, Reply> replies_;
  int went_away_ = -1;
};

}  // namespace tocsin
