#include "gateway/socket.h"

#include <array>
#include <cstring>
#include <filesystem>
#include <iterator>

#include <gtest/gtest.h>
#include <sys/socket.h>

namespace tocsin {
namespace {

std::ptrdiff_t OpenDescriptors() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
}

void SendByteWithTwoDescriptors(int socket, int fd) {
  const std::array<int, 2> sent{fd, fd};
  char byte = 'x';
  iovec piece{.iov_base = &byte, .iov_len = 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof sent)> control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* const part = CMSG_FIRSTHDR(&message);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(sizeof sent);
  std::memcpy(CMSG_DATA(part), sent.data(), sizeof sent);
  ASSERT_EQ(sendmsg(socket, &message, 0), 1);
}

TEST(GatewayConnectionTest, KeepsOneOfAllDescriptorsThatAreSentToIt) {
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
  const FileDescriptor hostile(ends[0]);
  GatewayConnection connection(FileDescriptor(ends[1]), 4096);
  const std::ptrdiff_t before = OpenDescriptors();
  for (int i = 0; i < 100; ++i) {
    SendByteWithTwoDescriptors(hostile.get(), hostile.get());
    ASSERT_TRUE(connection.Move().ok());
  }
  EXPECT_EQ(OpenDescriptors(), before + 1);
}

}  // namespace
}  // namespace tocsin
