// Pages on a terminal, a pipe or a journal socket that may stop reading at any time: a person's Ctrl-S must not hold up
// anybody's page. One thread; nothing blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

namespace tocsin::notify {

class Console {
 public:
  // `fd` stays the caller's. A terminal or pipe is opened anew, so that non-blocking is our own and not our parent's.
  explicit Console(int fd);
  ~Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  void Print(std::uint64_t id, std::string text);
  // Forgets a page. True: at least a part of it has been printed.
  bool Cancel(std::uint64_t id);

  // The descriptor to wait for with POLLOUT, or -1 when there is nothing to print.
  int poll_fd() const { return waiting_.empty() ? -1 : fd_; }
  // Prints what fits. Returns the id of a page that is completely printed, until there is none.
  struct Printed {
    std::uint64_t id = 0;
    bool failed = false;  // nobody will ever read there
  };
  std::optional<Printed> Pump();

 private:
  struct Text {
    std::uint64_t id = 0;
    std::string text;
    std::size_t written = 0;
  };
  // As write(2), but never blocks.
  long Write(const char* bytes, std::size_t size) const;

  int fd_;
  bool owned_ = false;
  bool socket_ = false;
  std::deque<Text> waiting_;
};

}  // namespace tocsin::notify
