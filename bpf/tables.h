// SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause)
// The tables that the programs and the daemon share, and what the programs count in them.

struct map_definition {
	__u32 type, key_size, value_size, max_entries, flags;
};
#define MAP __attribute__((section("maps"), used))

struct map_definition config MAP = { BPF_MAP_TYPE_ARRAY, 4, sizeof(struct config), 1, 0 };
struct map_definition hops MAP = { BPF_MAP_TYPE_ARRAY, 4, sizeof(struct hop), PEERS, 0 };
struct map_definition trees MAP = { BPF_MAP_TYPE_ARRAY, 4, sizeof(struct tree), PEERS, 0 };
struct map_definition remotes MAP = { BPF_MAP_TYPE_LRU_HASH, sizeof(struct mac), sizeof(struct remote), 32768, 0 };
// Not LRU: a flood of forged MACs must not push out the real ones.
struct map_definition locals MAP = { BPF_MAP_TYPE_HASH, sizeof(struct mac), sizeof(struct local), 8192, 0 };
struct map_definition sources MAP = { BPF_MAP_TYPE_HASH, sizeof(struct source), 4, 4096, 0 };
struct map_definition ways MAP = { BPF_MAP_TYPE_ARRAY, 4, sizeof(struct way), PEERS, 0 };
struct map_definition tunnels MAP = { BPF_MAP_TYPE_HASH, sizeof(struct tunnel), 4, 4096, 0 };
struct map_definition counters MAP = { BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, COUNTERS, 0 };
struct map_definition traffic MAP = { BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct traffic), PEERS, 0 };
struct map_definition events MAP = { BPF_MAP_TYPE_RINGBUF, 0, 0, 1 << 18, 0 };

static __always_inline int drop(__u32 reason) {
	__u64 *count = bpf_map_lookup_elem(&counters, &reason);
	if (count) (*count)++;
	return TC_ACT_SHOT;
}

static __always_inline void count(__u32 what) { drop(what); }

static __always_inline void account(const struct __sk_buff *skb, __u32 peer, int out) {
	struct traffic *with = bpf_map_lookup_elem(&traffic, &peer);
	if (!with) return;
	__u32 packets = skb->gso_segs ? skb->gso_segs : 1;
	if (out) {
		with->packets_out += packets;
		with->bytes_out += skb->len;
	} else {
		with->packets_in += packets;
		with->bytes_in += skb->len;
	}
}
