// What a run sees as /etc: a small copy, kept in the state directory, of what programs need from it and of nothing else, with
// users and hosts of its own. Made anew when one of its sources has changed. Of a root file system all of its /etc is copied, but
// for passwords, and with users, hosts and name services in the hood's way too.
#pragma once

#include <cstdint>
#include <string>

#include "fumehood/result.h"

namespace fumehood {

struct EtcRequest {
  std::string state_dir;
  int64_t uid = 1000;         // of the analysis, inside
  int64_t gid = 1000;
  bool network_host = false;  // also the host's resolver
  std::string tree;           // of a root file system of its own: what it has in /etc, instead of the host's; empty: the host's
  std::string tree_identity;  // changes when the tree does; empty: its /etc is looked at
};

// Its absolute path. Costs some twenty stat calls when nothing has changed.
Result<std::string> EnsureEtcTree(const EtcRequest& request);

}  // namespace fumehood
