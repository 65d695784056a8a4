#include "src/sys/quota_warnings.h"

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/quota.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <optional>
#include <string_view>

#include "src/sys/errno_error.h"

namespace fumehood {
namespace {

constexpr std::string_view kFamily{"VFS_DQUOT", 10};  // with its NUL, as the kernel compares it
constexpr size_t kBuffer = 8192;  // netlink(7): no kernel message is larger
using Buffer = std::array<char, kBuffer>;

constexpr size_t Aligned(size_t size) { return (size + NLA_ALIGNTO - 1) & ~size_t{NLA_ALIGNTO - 1}; }

// Calls `on` for each attribute in `bytes`: its type, its payload.
template <typename On>
void ForEachAttribute(std::string_view bytes, const On& on) {
  while (bytes.size() >= sizeof(nlattr)) {
    nlattr head{};
    std::memcpy(&head, bytes.data(), sizeof head);
    if (head.nla_len < sizeof head || head.nla_len > bytes.size()) return;
    on(head.nla_type & NLA_TYPE_MASK, bytes.substr(sizeof head, head.nla_len - sizeof head));
    bytes.remove_prefix(std::min(bytes.size(), Aligned(head.nla_len)));
  }
}

template <typename Number>
Number NumberIn(std::string_view payload) {
  Number number = 0;
  if (payload.size() >= sizeof number) std::memcpy(&number, payload.data(), sizeof number);
  return number;
}

// Calls `on` for each message of generic netlink in `bytes`: its family, its attributes.
template <typename On>
void ForEachMessage(std::string_view bytes, const On& on) {
  constexpr size_t kHeads = sizeof(nlmsghdr) + sizeof(genlmsghdr);
  while (bytes.size() >= kHeads) {
    nlmsghdr head{};
    std::memcpy(&head, bytes.data(), sizeof head);
    if (head.nlmsg_len < kHeads || head.nlmsg_len > bytes.size()) return;
    on(head.nlmsg_type, bytes.substr(kHeads, head.nlmsg_len - kHeads));
    bytes.remove_prefix(std::min(bytes.size(), Aligned(head.nlmsg_len)));
  }
}

struct Family {
  uint16_t id = 0;
  std::optional<uint32_t> group;
};

Result<void> AskForFamily(int socket) {
  struct {
    nlmsghdr head{};
    genlmsghdr command{};
    nlattr attribute{};
    char name[Aligned(kFamily.size())] = {};
  } request;
  request.head.nlmsg_len = sizeof request;
  request.head.nlmsg_type = GENL_ID_CTRL;
  request.head.nlmsg_flags = NLM_F_REQUEST;
  request.command.cmd = CTRL_CMD_GETFAMILY;
  request.command.version = 1;
  request.attribute.nla_len = sizeof(nlattr) + kFamily.size();
  request.attribute.nla_type = CTRL_ATTR_FAMILY_NAME;
  std::memcpy(request.name, kFamily.data(), kFamily.size());
  if (send(socket, &request, sizeof request, 0) < 0) return ErrnoError(errno, "ask the kernel for quota warnings");
  return {};
}

// The kernel has answered before send returns.
Result<Family> ReadFamily(int socket) {
  Buffer buffer;
  const ssize_t got = recv(socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got < 0) return ErrnoError(errno, "ask the kernel for quota warnings");
  Family family;
  ForEachMessage({buffer.data(), static_cast<size_t>(got)}, [&](uint16_t, std::string_view attributes) {
    ForEachAttribute(attributes, [&](int type, std::string_view payload) {
      if (type == CTRL_ATTR_FAMILY_ID) family.id = NumberIn<uint16_t>(payload);
      if (type != CTRL_ATTR_MCAST_GROUPS) return;
      ForEachAttribute(payload, [&](int, std::string_view group) {
        ForEachAttribute(group, [&](int member, std::string_view value) {
          if (member == CTRL_ATTR_MCAST_GRP_ID) family.group = NumberIn<uint32_t>(value);
        });
      });
    });
  });
  if (family.id == 0 || !family.group) return Error(ErrorCode::kUnsupported, "this kernel sends no quota warnings");
  return family;
}

}  // namespace

Result<QuotaWarnings> QuotaWarnings::Open() {
  Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC));
  if (!socket.valid()) return ErrnoError(errno, "open a netlink socket");
  FH_TRY(AskForFamily(socket.get()));
  FH_ASSIGN_OR_RETURN(const Family family, ReadFamily(socket.get()));
  const uint32_t group = *family.group;
  if (setsockopt(socket.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0) {
    return ErrnoError(errno, "listen to quota warnings");
  }
  return QuotaWarnings(std::move(socket), family.id);
}

QuotaRefusals QuotaWarnings::Read(uint32_t project, uint64_t device) {
  QuotaRefusals refusals;
  Buffer buffer;
  // More than a full socket holds: a neighbour that runs into its own limit all the time must not keep us here.
  for (int left = 1000; left > 0; --left) {
    const ssize_t got = recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == ENOBUFS || errno == EINTR)) continue;  // some were dropped
    if (got <= 0) break;
    ForEachMessage({buffer.data(), static_cast<size_t>(got)}, [&](uint16_t family, std::string_view attributes) {
      if (family != family_) return;
      uint32_t kind = 0, warning = 0, major_number = 0, minor_number = 0;
      uint64_t id = 0;
      ForEachAttribute(attributes, [&](int type, std::string_view payload) {
        if (type == QUOTA_NL_A_QTYPE) kind = NumberIn<uint32_t>(payload);
        if (type == QUOTA_NL_A_EXCESS_ID) id = NumberIn<uint64_t>(payload);
        if (type == QUOTA_NL_A_WARNING) warning = NumberIn<uint32_t>(payload);
        if (type == QUOTA_NL_A_DEV_MAJOR) major_number = NumberIn<uint32_t>(payload);
        if (type == QUOTA_NL_A_DEV_MINOR) minor_number = NumberIn<uint32_t>(payload);
      });
      if (kind != PRJQUOTA || id != project || makedev(major_number, minor_number) != device) return;
      refusals.bytes = refusals.bytes || warning == QUOTA_NL_BHARDWARN;
      refusals.inodes = refusals.inodes || warning == QUOTA_NL_IHARDWARN;
    });
  }
  return refusals;
}

}  // namespace fumehood
