// SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause)
// The underlay without the VXLAN device: encapsulation and the way out, and what routers there complain of.

// What VXLAN puts before a frame, with the frame's own Ethernet header: room for it is made behind the outer one.
struct outer {
	__u8 ethernet[ETH_HLEN];
	struct iphdr ip;
	struct udphdr udp;
	__be32 vxlan[2];
	__u8 inner[ETH_HLEN];
} __attribute__((packed));
#define OUTER_ROOM (sizeof(struct outer) - ETH_HLEN)
#define VXLAN_FLAGS bpf_htonl(0x08000000)
#define ENCAPSULATE                                                                                                \
	(BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 | BPF_F_ADJ_ROOM_ENCAP_L4_UDP | BPF_F_ADJ_ROOM_ENCAP_L2_ETH |                  \
	 BPF_F_ADJ_ROOM_ENCAP_L2(ETH_HLEN) | BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_NO_CSUM_RESET)
#define DECAPSULATE_IPV6 (1ULL << 8) // Linux 6.3; before, such a frame takes the VXLAN device
#define AF_INET 2
#define PASS (-1) // to whoever comes next: another program, and at last the kernel

static __always_inline int is_ip(const struct __sk_buff *skb) {
	return skb->protocol == bpf_htons(ETH_P_IP) || skb->protocol == bpf_htons(ETH_P_IPV6);
}

// Encapsulates and sends by the underlay's device. PASS when that cannot be done, with the frame as it was.
static __always_inline int send_direct(struct __sk_buff *skb, const struct way *way, __u32 source, __u32 destination) {
	// The helper knows IP only, and a length that needs 17 bits has no place in the header.
	if (!is_ip(skb) || skb->vlan_present || skb->len > 0xffff - OUTER_ROOM) return PASS;
	struct bpf_redir_neigh next = { .nh_family = AF_INET, .ipv4_nh = way->gateway };
	__u32 ifindex = way->ifindex, hash = bpf_get_hash_recalc(skb), length = skb->len + OUTER_ROOM - ETH_HLEN;
	__u8 ethernet[ETH_HLEN];
	if (bpf_skb_load_bytes(skb, 0, ethernet, ETH_HLEN)) return PASS;
	if (bpf_skb_adjust_room(skb, OUTER_ROOM, BPF_ADJ_ROOM_MAC, ENCAPSULATE)) return PASS;
	struct outer *outer = (void *)(long)skb->data;
	if ((void *)(outer + 1) > (void *)(long)skb->data_end) return drop(DROP_ERROR);
	__builtin_memcpy(&outer->ip, way->ip, sizeof outer->ip);
	__builtin_memcpy(outer->inner, ethernet, ETH_HLEN);
	outer->ip.tot_len = bpf_htons(length);
	__u32 sum = way->sum + outer->ip.tot_len;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	outer->ip.check = (__u16)~sum;
	// Flows differ in the source port, so that the network can spread them, within the ports that VXLAN devices use.
	hash ^= hash << 16;
	outer->udp.source = bpf_htons((__u16)(32768 + ((__u64)hash * (61000 - 32768) >> 32)));
	outer->udp.dest = way->port;
	outer->udp.len = bpf_htons(length - sizeof outer->ip);
	outer->udp.check = 0;
	outer->vxlan[0] = VXLAN_FLAGS;
	outer->vxlan[1] = bpf_htonl((source | destination << 12) << 8);
	return bpf_redirect_neigh(ifindex, &next, sizeof next, 0);
}

// What a router answers to a datagram that its next link cannot take.
struct too_big {
	__u8 ethernet[ETH_HLEN];
	struct iphdr ip;
	__u8 type, code;
	__be16 check, unused, mtu;
	struct iphdr quoted;
	struct udphdr udp;
} __attribute__((packed));

// Tells the daemon at once that the path to a neighbour has become narrower; the kernel gets to know in any case.
static __always_inline int note_too_big(struct __sk_buff *skb) {
	struct too_big *answer = (void *)(long)skb->data;
	if ((void *)(answer + 1) > (void *)(long)skb->data_end || *(__u8 *)&answer->ip != 0x45) return PASS;
	if (answer->type != 3 || answer->code != 4 || answer->quoted.protocol != IPPROTO_UDP) return PASS;
	struct tunnel tunnel = {
		.from = answer->quoted.daddr,
		.to = answer->quoted.saddr,
		.ifindex = skb->ifindex,
		.port = answer->udp.dest,
	};
	__u32 mtu = bpf_ntohs(answer->mtu);
	if (!bpf_map_lookup_elem(&tunnels, &tunnel)) return PASS;
	struct event *event = bpf_ringbuf_reserve(&events, sizeof *event, 0);
	if (!event) return PASS;
	__builtin_memset(event, 0, sizeof *event);
	event->kind = EVENT_TOO_BIG;
	event->family = 4;
	*(__u32 *)event->address = tunnel.from;
	event->length = mtu;
	bpf_ringbuf_submit(event, 0);
	return PASS;
}
