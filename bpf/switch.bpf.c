// SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause)
// The fast datapath: one Ethernet switch with three kinds of port. `vethwe-datapath` leads to the Linux bridge
// with the containers, the VXLAN device to neighbours, the TAP to the sleeve engine. User space keeps the
// tables; no packet goes there.
//
// Wire format (overlay §5.1): VXLAN, network id = destination short id << 12 | source short id, where source is
// the peer that captured the frame and destination the one it is for, or, on a flooded copy, the neighbour.
//
// No BTF, no CO-RE: the maps are plain definitions, so any kernel that has the helpers can load it.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>
#include <stddef.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "switch.h"
#include "tables.h"
#include "guard.h"
#include "underlay.h"

#define PROGRAM(name) __attribute__((section("tc/" name), used))

char LICENSE[] __attribute__((section("license"), used)) = "Dual BSD/GPL";

// A MAC that a remote peer used this recently is not taken for local (seconds of the config's clock).
#define HOLD 2
#define TUNNEL_KEY_SIZE 28 // up to tunnel_label: the size that kernels old and new accept

static __always_inline struct hop *hop_to(__u32 peer) {
	struct hop *hop = bpf_map_lookup_elem(&hops, &peer);
	return hop && hop->flags & HOP_UP ? hop : NULL;
}

static __always_inline void copy_mac(struct mac *mac, const __u8 *bytes) {
	__builtin_memcpy(mac->bytes, bytes, 6);
	mac->zero = 0;
}

static __always_inline int is_zero(const struct mac *mac) {
	return !(*(const __u32 *)mac->bytes | *(const __u16 *)(mac->bytes + 4));
}

static __always_inline int set_tunnel(struct __sk_buff *skb, const struct hop *hop, __u32 source, __u32 destination) {
	struct bpf_tunnel_key key = { .tunnel_id = source | destination << 12, .tunnel_ttl = 64 };
	__u64 flags = BPF_F_ZERO_CSUM_TX | BPF_F_DONT_FRAGMENT;
	if (hop->flags & HOP_IPV6) {
		__builtin_memcpy(key.remote_ipv6, hop->address, 16);
		flags |= BPF_F_TUNINFO_IPV6;
	} else {
		key.remote_ipv4 = bpf_ntohl(*(const __u32 *)hop->address);
	}
	if (hop->flags & HOP_SEALED) skb->mark |= SEALED_MARK;
	return bpf_skb_set_tunnel_key(skb, &key, TUNNEL_KEY_SIZE, flags);
}

// The engine learns who sent a frame and who is to get it from two VLAN tags: short ids are as wide as VLAN ids,
// and the tag helpers work on any frame, super-frames included. Outer (802.1ad): destination, inner: source.
static __always_inline int tag(struct __sk_buff *skb, __u32 source, __u32 destination) {
	return bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), (__u16)source) ||
	       bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021AD), (__u16)destination);
}

static __always_inline int punt(struct __sk_buff *skb, const struct config *conf, __u32 source, __u32 destination) {
	__u32 tap = conf->punt;
	if (!tap) return drop(DROP_NO_TAP);
	if (tag(skb, source, destination)) return drop(DROP_ERROR);
	count(PUNTED);
	return bpf_redirect(tap, 0);
}

// A frame larger than the path of this hop goes through the engine, which fragments it or answers the sender.
static __always_inline int fits(struct __sk_buff *skb, const struct hop *hop) {
	__u32 length = skb->len - ETH_HLEN;
	if (!hop->mtu) return 1;
	if (skb->gso_size) {
		// A super-frame will be cut: what counts are its parts, each with all headers.
		__u8 head[40];
		__u32 at = ETH_HLEN + 40, transport = 8;
		if (bpf_skb_load_bytes(skb, ETH_HLEN, head, sizeof head)) return 1;
		__u8 protocol = head[6];
		if (skb->protocol == bpf_htons(ETH_P_IP)) {
			at = ETH_HLEN + 4 * (head[0] & 15);
			protocol = head[9];
		}
		if (protocol == IPPROTO_TCP) {
			if (bpf_skb_load_bytes(skb, at + 12, head, 1)) return 1;
			transport = head[0] >> 4 << 2;
		}
		length = at - ETH_HLEN + transport + skb->gso_size;
	}
	return length <= hop->mtu;
}

static __always_inline int forward(struct __sk_buff *skb, const struct config *conf, const struct hop *hop, __u32 source, __u32 destination, __u32 counter) {
	if (hop->flags & HOP_SLEEVE || !fits(skb, hop)) return punt(skb, conf, source, destination);
	count(counter);
	if (counter == SENT) account(skb, destination, 1);
	__u32 vxlan = conf->vxlan;
	struct way *way = hop->flags & HOP_SEALED ? NULL : bpf_map_lookup_elem(&ways, &destination);
	if (way && way->ifindex) {
		int verdict = send_direct(skb, way, source, destination);
		if (verdict != PASS) return verdict;
	}
	if (set_tunnel(skb, hop, source, destination)) return drop(DROP_ERROR);
	return bpf_redirect(vxlan, 0);
}

// A copy to each neighbour on the source's broadcast tree. Direct packet pointers are void afterwards.
static __always_inline void flood(struct __sk_buff *skb, const struct config *conf, __u32 source) {
	__u32 vxlan = conf->vxlan, tap = conf->punt, mark = skb->mark;
	struct tree *tree = bpf_map_lookup_elem(&trees, &source);
	if (!tree) return;
	for (__u32 i = 0; i < TREE_MAX; i++) {
		if (i >= tree->count) break;
		__u32 to = tree->to[i];
		struct hop *hop = hop_to(to);
		if (!hop) continue;
		if (hop->flags & HOP_SLEEVE || !fits(skb, hop)) {
			if (!tap) {
				count(DROP_NO_TAP);
				continue;
			}
			if (tag(skb, source, to)) {
				count(DROP_ERROR);
				return;
			}
			bpf_clone_redirect(skb, tap, 0);
			count(PUNTED);
			if (bpf_skb_vlan_pop(skb) || bpf_skb_vlan_pop(skb)) {
				count(DROP_ERROR);
				return;
			}
			continue;
		}
		if (set_tunnel(skb, hop, source, to)) {
			count(DROP_ERROR);
			continue;
		}
		bpf_clone_redirect(skb, vxlan, 0);
		skb->mark = mark;
		count(FLOODED);
		if (source == conf->self) account(skb, to, 1);
	}
}

// Last seen wins, but for a moment of hold-down. 0, or the reason to drop the frame.
static __always_inline int learn_local(const struct config *conf, const struct mac *mac, __u32 ifindex) {
	__u32 now = conf->clock;
	struct local *known = bpf_map_lookup_elem(&locals, mac);
	if (known) {
		if (known->seen != now) known->seen = now;
		return 0;
	}
	struct remote *there = bpf_map_lookup_elem(&remotes, mac);
	if (there) {
		if (now - there->seen < HOLD) return DROP_HELD;
		bpf_map_delete_elem(&remotes, mac);
	}
	struct local entry = { .seen = now, .ifindex = ifindex };
	if (bpf_map_update_elem(&locals, mac, &entry, BPF_NOEXIST)) count(DROP_TABLE_FULL);
	return 0;
}

static __always_inline void learn_remote(const struct config *conf, const struct mac *mac, __u32 peer) {
	__u32 now = conf->clock;
	struct remote *known = bpf_map_lookup_elem(&remotes, mac);
	if (known && known->peer == peer) {
		if (known->seen != now) known->seen = now;
		return;
	}
	struct local *here = bpf_map_lookup_elem(&locals, mac);
	if (here) {
		// What the control plane put there is a container of this host: a frame from elsewhere is a forgery or
		// an echo, and must not take its traffic away.
		if (here->flags & LOCAL_FIXED) return;
		bpf_map_delete_elem(&locals, mac);
	}
	struct remote entry = { .seen = now, .peer = (__u16)peer };
	bpf_map_update_elem(&remotes, mac, &entry, BPF_ANY);
}

static __always_inline int is_stp(const struct mac *mac) {
	return *(const __u32 *)mac->bytes == bpf_htonl(0x0180c200) && *(const __u16 *)(mac->bytes + 4) == 0;
}

#define BEGIN(skb)                                                                                            \
	void *data = (void *)(long)(skb)->data, *end = (void *)(long)(skb)->data_end;                          \
	__u32 zero = 0;                                                                                        \
	struct config *conf = bpf_map_lookup_elem(&config, &zero);                                             \
	if (!conf || !conf->vxlan || data + ETH_HLEN > end) return drop(DROP_MALFORMED);                       \
	struct mac to, from;                                                                                   \
	copy_mac(&to, data);                                                                                   \
	copy_mac(&from, data + 6)

// Ingress of vethwe-datapath: what the bridge floods or sends to us.
PROGRAM("from_bridge") int from_bridge(struct __sk_buff *skb) {
	BEGIN(skb);
	if (is_stp(&to)) return drop(DROP_STP);
	int reason = conf->flags & CONFIG_GUARD ? guard(skb) : 0;
	if (reason) return drop((__u32)reason);
	reason = learn_local(conf, &from, 0);
	if (reason) return drop((__u32)reason);

	if (!(to.bytes[0] & 1)) {
		if (bpf_map_lookup_elem(&locals, &to)) return drop(DROP_LOCAL);
		struct remote *there = bpf_map_lookup_elem(&remotes, &to);
		if (there) {
			__u32 peer = there->peer;
			struct hop *hop = hop_to(peer);
			return hop ? forward(skb, conf, hop, conf->self, peer, SENT) : drop(DROP_NO_ROUTE);
		}
	}
	flood(skb, conf, conf->self); // groups, and unicast to a MAC that nobody has seen
	return TC_ACT_SHOT;	      // the original has gone to every local port already
}

// Hands a control frame (both MACs zero) to the daemon.
static __always_inline int report(struct __sk_buff *skb, const struct bpf_tunnel_key *key, int ipv6) {
	struct event *event = bpf_ringbuf_reserve(&events, sizeof *event, 0);
	if (!event) return drop(DROP_ERROR);
	event->kind = EVENT_CONTROL;
	event->tunnel = key->tunnel_id;
	event->family = ipv6 ? 6 : 4;
	event->length = skb->len;
	__builtin_memset(event->address, 0, sizeof event->address);
	if (ipv6) __builtin_memcpy(event->address, key->remote_ipv6, 16);
	else *(__u32 *)event->address = bpf_htonl(key->remote_ipv4);
	__u32 length = skb->len < sizeof event->head ? skb->len : sizeof event->head;
	__builtin_memset(event->head, 0, sizeof event->head);
	if (length < ETH_HLEN || bpf_skb_load_bytes(skb, 0, event->head, length)) {
		bpf_ringbuf_discard(event, 0);
		return drop(DROP_MALFORMED);
	}
	bpf_ringbuf_submit(event, 0);
	count(CONTROL);
	return TC_ACT_SHOT;
}

// Delivers a frame from another peer: into the bridge, and on along the source's tree when it is for everybody.
static __always_inline int deliver(struct __sk_buff *skb, const struct config *conf, const struct mac *to, __u32 source, __u32 counter) {
	__u32 port = conf->port;
	struct local *here = to->bytes[0] & 1 ? NULL : bpf_map_lookup_elem(&locals, to);
	count(counter);
	if (counter == RECEIVED) account(skb, source, 0);
	if (!here) {
		flood(skb, conf, source);
	} else if (conf->flags & CONFIG_DIRECT && here->ifindex) {
		return bpf_redirect_peer(here->ifindex, 0);
	}
	return bpf_redirect(port, 0); // egress of vethwe-datapath = into the bridge
}

// Ingress of the VXLAN device.
PROGRAM("from_vxlan") int from_vxlan(struct __sk_buff *skb) {
	BEGIN(skb);
	struct bpf_tunnel_key key = {};
	struct source sender = {};
	int ipv6 = 0;
	if (bpf_skb_get_tunnel_key(skb, &key, TUNNEL_KEY_SIZE, 0)) {
		ipv6 = 1;
		if (bpf_skb_get_tunnel_key(skb, &key, TUNNEL_KEY_SIZE, BPF_F_TUNINFO_IPV6)) return drop(DROP_ERROR);
		__builtin_memcpy(sender.address, key.remote_ipv6, 16);
	} else {
		*(__u32 *)sender.address = bpf_htonl(key.remote_ipv4);
	}
	if (!bpf_map_lookup_elem(&sources, &sender)) return drop(DROP_STRANGER);
	if (is_zero(&to) && is_zero(&from)) return report(skb, &key, ipv6);

	__u32 source = key.tunnel_id & 0xfff, destination = key.tunnel_id >> 12 & 0xfff;
	if (source == conf->self) return drop(DROP_OWN);
	if (destination != conf->self) {
		struct hop *hop = hop_to(destination);
		return hop ? forward(skb, conf, hop, source, destination, RELAYED) : drop(DROP_NO_ROUTE);
	}
	learn_remote(conf, &from, source);
	return deliver(skb, conf, &to, source, RECEIVED);
}

// Ingress of the underlay's device: takes what is for a container out of its tunnel at once, past route lookup, socket and
// VXLAN device. Whatever is not plain goes on to the kernel, and comes back to us in from_vxlan: control frames among
// it, so that a firewall that stops VXLAN here is noticed by the heartbeats, as ever.
PROGRAM("from_underlay") int from_underlay(struct __sk_buff *skb) {
	struct outer *outer = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;
	if (skb->protocol != bpf_htons(ETH_P_IP) || (void *)&outer->udp > end) return PASS;
	if (outer->ip.protocol == IPPROTO_ICMP) return note_too_big(skb);
	if ((void *)(outer + 1) + 20 > end || outer->ip.protocol != IPPROTO_UDP || outer->vxlan[0] != VXLAN_FLAGS || outer->udp.check) return PASS;
	if (*(__u8 *)&outer->ip != 0x45 || outer->ip.frag_off & bpf_htons(0x3fff) || skb->vlan_present) return PASS;
	struct tunnel tunnel = {
		.from = outer->ip.saddr,
		.to = outer->ip.daddr,
		.ifindex = skb->ifindex,
		.port = outer->udp.dest,
	};
	if (!bpf_map_lookup_elem(&tunnels, &tunnel)) return PASS;

	__u32 zero = 0, network = bpf_ntohl(outer->vxlan[1]) >> 8, source = network & 0xfff;
	struct config *conf = bpf_map_lookup_elem(&config, &zero);
	if (!conf || !(conf->flags & CONFIG_DIRECT) || network >> 12 != conf->self || source == conf->self) return PASS;
	// The helper knows IP only. It leaves the mark of the tunnel on super-frames, which TCP ignores and UDP does not.
	__u8 *inner = outer->inner;
	__u16 protocol = *(__u16 *)(inner + 12);
	if (protocol != bpf_htons(ETH_P_IP) && protocol != bpf_htons(ETH_P_IPV6)) return PASS;
	int ipv6 = protocol == bpf_htons(ETH_P_IPV6);
	if (skb->gso_size && inner[ETH_HLEN + (ipv6 ? 6 : 9)] != IPPROTO_TCP) return PASS;
	__u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_NO_CSUM_RESET | (ipv6 ? DECAPSULATE_IPV6 : 0);
	struct mac to, from;
	copy_mac(&to, inner);
	copy_mac(&from, inner + 6);
	struct local *here = bpf_map_lookup_elem(&locals, &to);
	__u32 ifindex = here ? here->ifindex : 0;
	if (!ifindex) return PASS;
	__u8 ethernet[ETH_HLEN];
	__builtin_memcpy(ethernet, inner, ETH_HLEN);
	if (bpf_skb_adjust_room(skb, -(__s32)OUTER_ROOM, BPF_ADJ_ROOM_MAC, flags)) return PASS;
	bpf_csum_level(skb, BPF_CSUM_LEVEL_DEC);
	__u8 *data = (void *)(long)skb->data;
	if (data + ETH_HLEN > (__u8 *)(long)skb->data_end) return drop(DROP_ERROR);
	__builtin_memcpy(data, ethernet, ETH_HLEN);
	learn_remote(conf, &from, source);
	count(RECEIVED);
	account(skb, source, 0);
	return bpf_redirect_peer(ifindex, 0);
}

// Ingress of the engine's TAP: frames of sleeve peers, tagged as in tag().
PROGRAM("from_tap") int from_tap(struct __sk_buff *skb) {
	__u32 zero = 0;
	struct config *conf = bpf_map_lookup_elem(&config, &zero);
	if (!conf || !conf->vxlan || !skb->vlan_present) return drop(DROP_MALFORMED);
	__u32 destination = skb->vlan_tci & 0xfff;
	if (bpf_skb_vlan_pop(skb) || !skb->vlan_present) return drop(DROP_MALFORMED);
	__u32 source = skb->vlan_tci & 0xfff;
	if (bpf_skb_vlan_pop(skb)) return drop(DROP_MALFORMED);
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	if (data + ETH_HLEN > end) return drop(DROP_MALFORMED);
	struct mac to, from;
	copy_mac(&to, data);
	copy_mac(&from, data + 6);

	// The engine answers local senders (fragmentation needed) in the name of remote peers, so source == self is
	// not dropped here, but never learnt.
	if (destination != conf->self) {
		struct hop *hop = hop_to(destination);
		if (!hop || hop->flags & HOP_SLEEVE) return drop(DROP_NO_ROUTE);
		if (set_tunnel(skb, hop, source, destination)) return drop(DROP_ERROR);
		count(RELAYED);
		return bpf_redirect(conf->vxlan, 0);
	}
	if (source != conf->self) learn_remote(conf, &from, source);
	return deliver(skb, conf, &to, source, UNPUNTED);
}

// Ingress of a container's host side veth: the guard, before any other container sees the frame; then, in direct mode,
// the short way for known unicast. All else goes to the bridge.
PROGRAM("from_container") int from_container(struct __sk_buff *skb) {
	BEGIN(skb);
	if (conf->flags & CONFIG_GUARD) {
		int reason = guard(skb);
		if (reason) return drop((__u32)reason);
	}
	if (!(conf->flags & CONFIG_DIRECT) || to.bytes[0] & 1) return TC_ACT_OK;
	struct local *own = bpf_map_lookup_elem(&locals, &from);
	// Only what the control plane registered for this very port: a forged source takes the slow way.
	if (!own || own->ifindex != skb->ifindex) return TC_ACT_OK;
	struct remote *there = bpf_map_lookup_elem(&remotes, &to);
	if (there) {
		__u32 peer = there->peer;
		struct hop *hop = hop_to(peer);
		return hop ? forward(skb, conf, hop, conf->self, peer, SENT) : TC_ACT_OK;
	}
	struct local *here = bpf_map_lookup_elem(&locals, &to);
	__u32 ifindex = here ? here->ifindex : 0;
	if (!ifindex || ifindex == skb->ifindex) return TC_ACT_OK;
	count(DIRECT);
	return bpf_redirect_peer(ifindex, 0);
}
