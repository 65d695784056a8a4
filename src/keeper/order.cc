#include "src/keeper/order.h"

#include "src/base/wire.h"
#include "src/hood/plan_wire.h"

namespace fumehood {

// Found by argument-dependent lookup from wire.h, hence not in an anonymous namespace.

template <typename A>
static void Visit(A& a, CgroupPlace& p) {
  a(p.version)(p.how)(p.v2_mount)(p.v2_parent)(p.v1_parents)(p.v2_kill_parent)(p.controllers)(p.missing)(p.needs_scope);
}
template <typename A>
static void Visit(A& a, CgroupLimits& l) {
  a(l.memory_bytes)(l.cpu_quota)(l.pids_max)(l.background);
}
template <typename A>
static void Visit(A& a, Limits& l) {
  a(l.memory_limit_mb)(l.cpu_quota)(l.pids_limit)(l.timeout_seconds)(l.grace_seconds)(l.idle_timeout_seconds);
  a(l.disk_limit_mb)(l.inode_limit)(l.output_limit_mb);
}
template <typename A>
static void Visit(A& a, WarmBox& w) {
  a(w.parked)(w.disk_method)(w.disk_limit_mb)(w.inode_limit)(w.own_dirs)(w.given)(w.wait_seconds)(w.key)(w.pool_size);
}
template <typename A>
static void Visit(A& a, BoxOrder& o) {
  a(o.token)(o.state_dir)(o.attempt)(o.plan)(o.cgroup)(o.scope_path)(o.by_root)(o.uid_range_first)(o.uid_range_count);
  a(o.owners)(o.warm);
}
template <typename A>
static void Visit(A& a, DispatcherProgram& p) {
  a(p.path)(p.env);
}
template <typename A>
static void Visit(A& a, RetryPolicy& p) {
  a(p.max)(p.on)(p.memory_factor)(p.memory_max_mb);
}
template <typename A>
static void Visit(A& a, AttemptEnd& e) {
  a(e.reason)(e.memory_limit_mb);
}
template <typename A>
static void Visit(A& a, KeeperOrder& o) {
  a(o.run_id)(o.name)(o.run_dir)(o.attempt)(o.submitted_at)(o.workdir)(o.plan)(o.own_dirs)(o.own_trees)(o.cgroup_limits)(o.limits);
  a(o.outputs)(o.mount_points)(o.log_path)(o.disk_method)(o.usage_interval_seconds)(o.weakened);
  a(o.remarks)(o.dispatcher)(o.retries)(o.earlier)(o.ledger_slot)(o.warm_wanted)(o.warm_why_not);
}

namespace {

template <typename Order>
std::string Encode(const Order& order) {
  wire::Writer writer;
  Visit(writer, const_cast<Order&>(order));
  return writer.Take();
}

template <typename Order>
Result<Order> Decode(std::string_view bytes) {
  Order order;
  wire::Reader reader(bytes);
  Visit(reader, order);
  if (!reader.whole()) return Error(ErrorCode::kCorrupt, "the order to the keeper is damaged, or from another version");
  FH_TRY(CheckSlots(order.plan));
  return order;
}

}  // namespace

std::string EncodeOrder(const KeeperOrder& order) { return Encode(order); }
Result<KeeperOrder> DecodeOrder(std::string_view bytes) { return Decode<KeeperOrder>(bytes); }
std::string EncodeBoxOrder(const BoxOrder& order) { return Encode(order); }
Result<BoxOrder> DecodeBoxOrder(std::string_view bytes) { return Decode<BoxOrder>(bytes); }

}  // namespace fumehood
