#include "src/keeper/parking_place.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "src/base/ulid.h"
#include "src/sys/errno_error.h"
#include "src/sys/file.h"
#include "src/sys/message.h"
#include "src/sys/positioned_io.h"
#include "src/sys/process.h"

namespace fumehood {
namespace {

constexpr const char* kDir = "warm";
constexpr const char* kLockName = ".lock";
constexpr const char* kClosedName = ".closed";  // a token: who began before it was written has been sent away, though it had no place yet
constexpr std::string_view kMaking = "making.";
constexpr std::string_view kTake = "take";
constexpr std::string_view kLeave = "leave";
// Both sides are programs of ours, which say at once what they want; a stopped one is not waited for.
constexpr struct timeval kPatience {2, 0};

Result<Fd> OpenPlace(const std::string& state_dir) {
  const std::string path = state_dir + "/" + kDir;
  FH_TRY(MakeDirs(path, 0700));
  return OpenDir(kHere, path);
}

// A socket's path has some 100 bytes; a state directory's may have more.
struct sockaddr_un AddressOf(const Fd& dir, const std::string& name) {
  struct sockaddr_un address {};
  address.sun_family = AF_UNIX;
  const std::string path = ProcFdPath(dir.get()) + "/" + name;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

Result<Fd> MakeSocket() {
  Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int error = errno;
  if (!fd.valid()) return ErrnoError(error, "socket");
  return fd;
}

void BePatient(const Fd& socket) {
  (void)setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  (void)setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
}

std::optional<struct ucred> PeerOf(const Fd& socket) {
  struct ucred peer {};
  socklen_t size = sizeof peer;
  if (getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.uid != geteuid()) return std::nullopt;
  return peer;
}

struct Entry {
  std::string name, key, token;
  bool open = false;  // its box stands
};

// The longest waiting first: a token begins with its time.
Result<std::vector<Entry>> List(const Fd& dir) {
  FH_ASSIGN_OR_RETURN(const auto found, ListDir(dir.get()));
  std::vector<Entry> entries;
  for (const DirEntry& entry : found) {
    const size_t dot = entry.name.rfind('.');
    if (dot == std::string::npos || dot == 0) continue;
    const bool open = !entry.name.starts_with(kMaking);
    const size_t key = open ? 0 : kMaking.size();
    entries.push_back({entry.name, entry.name.substr(key, dot - key), entry.name.substr(dot + 1), open});
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.token < b.token; });
  return entries;
}

// Empty: nobody listens there, and the entry is gone.
std::optional<Fd> Connect(const Fd& dir, const Entry& entry) {
  auto fd = MakeSocket();
  if (!fd) return std::nullopt;
  BePatient(*fd);
  const struct sockaddr_un address = AddressOf(dir, entry.name);
  if (connect(fd->get(), reinterpret_cast<const struct sockaddr*>(&address), sizeof address) == 0) return std::move(fd).value();
  if (errno == ECONNREFUSED) (void)unlinkat(dir.get(), entry.name.c_str(), 0);  // its keeper was killed
  return std::nullopt;
}

// True once the keeper has said that the box is ours.
bool IsTaken(const Fd& news) {
  constexpr int kPatienceMs = 2000;
  std::string line;
  for (;;) {
    struct pollfd wait {news.get(), POLLIN, 0};
    if (poll(&wait, 1, kPatienceMs) <= 0) return false;
    char byte = 0;
    if (read(news.get(), &byte, 1) != 1) return false;
    if (byte == '\n') return line == "taken";
    line += byte;
  }
}

}  // namespace

Result<std::optional<ParkingPlace>> ParkingPlace::Claim(const std::string& state_dir, const std::string& key, const std::string& token,
                                                        int64_t pool_size) {
  ParkingPlace place;
  FH_ASSIGN_OR_RETURN(place.dir_, OpenPlace(state_dir));
  FH_ASSIGN_OR_RETURN(const Fd lock, OpenAt(place.dir_.get(), kLockName, O_RDWR | O_CREAT, 0600));
  FH_TRY(LockExclusive(lock.get()));  // of two that claim at once, the later one counts the earlier
  FH_ASSIGN_OR_RETURN(const auto closed, FindFile(place.dir_.get(), kClosedName));
  constexpr size_t kTime = 10;  // of a token's letters; the rest is chance
  if (closed && token.substr(0, kTime) <= closed->substr(0, kTime)) return std::optional<ParkingPlace>();
  FH_ASSIGN_OR_RETURN(std::vector<Entry> entries, List(place.dir_));
  std::erase_if(entries, [&](const Entry& entry) { return !Connect(place.dir_, entry); });
  if (static_cast<int64_t>(entries.size()) >= pool_size) {
    const auto other = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.key != key; });
    if (other == entries.end()) return std::optional<ParkingPlace>();
    const auto line = Connect(place.dir_, *other);
    if (line) (void)SendMessage(*line, kLeave);  // one that has gone meanwhile has made room too
    (void)unlinkat(place.dir_.get(), other->name.c_str(), 0);
  }
  FH_ASSIGN_OR_RETURN(place.listener_, MakeSocket());
  place.name_ = std::string(kMaking) + key + "." + token;
  const struct sockaddr_un address = AddressOf(place.dir_, place.name_);
  if (bind(place.listener_.get(), reinterpret_cast<const struct sockaddr*>(&address), sizeof address) != 0 ||
      listen(place.listener_.get(), 8) != 0) {
    const int error = errno;
    return ErrnoError(error, "listen in " + state_dir + "/" + kDir);
  }
  return std::optional<ParkingPlace>(std::move(place));
}

Result<void> ParkingPlace::Open() {
  const std::string open = name_.substr(kMaking.size());
  if (renameat(dir_.get(), name_.c_str(), dir_.get(), open.c_str()) != 0) {
    const int error = errno;
    return ErrnoError(error, "open the place " + open);  // sent away meanwhile
  }
  name_ = open;
  return {};
}

ParkingPlace::Visit ParkingPlace::Receive() {
  Visit visit;
  Fd visitor(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!visitor.valid() || !PeerOf(visitor)) return visit;
  BePatient(visitor);
  auto message = ReceiveMessage(visitor, 64);
  if (!message || !*message) return visit;
  if ((*message)->bytes == kLeave) visit.wish = Visit::Wish::kLeave;
  if ((*message)->bytes != kTake || (*message)->fds.size() != 1) return visit;
  constexpr struct timeval kForEver {0, 0};
  (void)setsockopt(visitor.get(), SOL_SOCKET, SO_RCVTIMEO, &kForEver, sizeof kForEver);
  (void)setsockopt(visitor.get(), SOL_SOCKET, SO_SNDTIMEO, &kForEver, sizeof kForEver);
  visit.wish = Visit::Wish::kTake;
  visit.orders = std::move(visitor);
  visit.news = std::move((*message)->fds[0]);
  return visit;
}

void ParkingPlace::Leave() {
  if (!listener_.valid()) return;
  (void)unlinkat(dir_.get(), name_.c_str(), 0);  // sent away: it is gone
  listener_.Reset();
}

Result<std::optional<TakenPlace>> TakeParked(const std::string& state_dir, const std::string& key) {
  FH_ASSIGN_OR_RETURN(const Fd dir, OpenPlace(state_dir));
  FH_ASSIGN_OR_RETURN(const std::vector<Entry> entries, List(dir));
  for (const Entry& entry : entries) {
    if (entry.key != key || !entry.open) continue;
    auto line = Connect(dir, entry);
    const auto peer = line ? PeerOf(*line) : std::nullopt;
    if (!peer) continue;
    FH_ASSIGN_OR_RETURN(PipePair news, MakePipe());
    const bool asked = bool{SendMessage(*line, kTake, {news.write.get()})};
    news.write.Reset();
    if (!asked || !IsTaken(news.read)) continue;
    TakenPlace taken;
    taken.token = entry.token;
    taken.keeper = peer->pid;  // it has just spoken, and goes only when we do
    FH_ASSIGN_OR_RETURN(taken.keeper_fd, PidfdOpen(peer->pid));
    timeval for_ever{};
    (void)setsockopt(line->get(), SOL_SOCKET, SO_SNDTIMEO, &for_ever, sizeof for_ever);
    taken.orders = std::move(*line);
    taken.news = std::move(news.read);
    return std::optional<TakenPlace>(std::move(taken));
  }
  return std::optional<TakenPlace>();
}

Result<int64_t> CountParked(const std::string& state_dir, const std::string& key) {
  FH_ASSIGN_OR_RETURN(const auto there, FindStat(kHere, state_dir + "/" + kDir, true));
  if (!there) return 0;
  FH_ASSIGN_OR_RETURN(const Fd dir, OpenPlace(state_dir));
  FH_ASSIGN_OR_RETURN(const std::vector<Entry> entries, List(dir));
  return std::count_if(entries.begin(), entries.end(), [&](const Entry& entry) {
    return (key.empty() || entry.key == key) && Connect(dir, entry).has_value();
  });
}

Result<int64_t> SendParkedAway(const std::string& state_dir) {
  FH_ASSIGN_OR_RETURN(const auto there, FindStat(kHere, state_dir + "/" + kDir, true));
  if (!there) return 0;
  FH_ASSIGN_OR_RETURN(const Fd dir, OpenPlace(state_dir));
  FH_ASSIGN_OR_RETURN(const Fd lock, OpenAt(dir.get(), kLockName, O_RDWR | O_CREAT, 0600));
  FH_TRY(LockExclusive(lock.get()));
  FH_TRY(WriteFileAtomically(dir.get(), kClosedName, NewRunId(), 0600, Durability::kLater));
  FH_ASSIGN_OR_RETURN(const std::vector<Entry> entries, List(dir));
  int64_t sent = 0;
  for (const Entry& entry : entries) {
    const auto line = Connect(dir, entry);
    if (line && SendMessage(*line, kLeave)) ++sent;
  }
  return sent;
}

}  // namespace fumehood
