#include <charconv>

#include <fmt/format.h>

#include "src/spec/rules.h"

namespace fumehood {
namespace {

constexpr size_t kMaxHostBytes = 253;   // RFC 1035, without the last dot
constexpr size_t kMaxHostPartBytes = 63;

bool IsPort(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

bool IsHostPart(std::string_view part) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
  return !part.empty() && part.size() <= kMaxHostPartBytes && part.front() != '-' && part.back() != '-' &&
         part.find_first_not_of(kLetters) == std::string_view::npos;
}

// A name or an IPv4 address.
bool IsHostName(std::string_view host) {
  if (host.empty() || host.size() > kMaxHostBytes) return false;
  for (;;) {
    const size_t dot = host.find('.');
    if (!IsHostPart(host.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    host.remove_prefix(dot + 1);
  }
}

// Only the form is looked at: the address is parsed by the system when it is used.
bool IsBracketedAddress(std::string_view host) {
  constexpr std::string_view kLetters = "0123456789abcdefABCDEF:.";
  if (host.size() < 4 || host.size() > 47 || host.front() != '[' || host.back() != ']') return false;
  const std::string_view address = host.substr(1, host.size() - 2);
  return address.find(':') != std::string_view::npos && address.find_first_not_of(kLetters) == std::string_view::npos;
}

bool IsHostWithPort(std::string_view entry) {
  const size_t colon = entry.rfind(':');
  if (colon == std::string_view::npos || !IsPort(entry.substr(colon + 1))) return false;
  const std::string_view host = entry.substr(0, colon);
  return IsHostName(host) || IsBracketedAddress(host);
}

}  // namespace

void NetworkEntriesAreHostsWithPorts(const AnalysisSpec& spec, const Config&, ProblemList& problems) {
  const NetworkSpec& network = spec.network;
  if (network.mode != NetworkMode::kAllow) {
    if (!network.allow.empty()) problems.Add("network", "lists hosts, but its mode is not `allow`");
    return;
  }
  if (network.allow.empty()) problems.Add("network.allow", "lists no host; for no network at all write `none`");
  const FieldPath field = FieldPath::Top("network");
  const FieldPath list = field.Key("allow");
  for (size_t i = 0; i < network.allow.size(); ++i) {
    if (IsHostWithPort(network.allow[i])) continue;
    problems.Add(list.Item(i).ToString(), fmt::format("is {}; allowed: HOST:PORT, such as data.example.org:443 or [2001:db8::1]:443",
                                                      ShortQuoted(network.allow[i])));
  }
}

}  // namespace fumehood
