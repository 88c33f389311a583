// SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause)
// What containers must not send.

#define ICMPV6 58
#define ROUTER_ADVERTISEMENT 134
#define PORTS(source, destination) bpf_htonl((source) << 16 | (destination))

// IPv6 extension headers are skipped, up to four: hiding an advertisement behind one is the usual way round.
// (Fragmented advertisements need no care: hosts ignore them, RFC 6980.)
static __always_inline int guard6(struct __sk_buff *skb) {
	__u8 next, extension[2];
	__u32 at = ETH_HLEN + 40;
	if (bpf_skb_load_bytes(skb, ETH_HLEN + 6, &next, 1)) return 0;
	for (int i = 0; i < 4; i++) {
		if (next != 0 && next != 43 && next != 60) break; // hop-by-hop, routing, destination options
		if (bpf_skb_load_bytes(skb, at, extension, 2)) return 0;
		next = extension[0];
		at += 8 + 8 * extension[1];
	}
	__u32 word;
	if ((next != ICMPV6 && next != IPPROTO_UDP) || bpf_skb_load_bytes(skb, at, &word, 4)) return 0;
	if (next == ICMPV6) return *(__u8 *)&word == ROUTER_ADVERTISEMENT ? DROP_GUARD_RA : 0;
	return word == PORTS(547, 546) ? DROP_GUARD_DHCP : 0;
}

static __always_inline int guard4(struct __sk_buff *skb) {
	// Nearly every frame ends here, without a call: what is not UDP cannot be DHCP.
	const __u8 *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	if (data + ETH_HLEN + 10 <= end && data[ETH_HLEN + 9] != IPPROTO_UDP) return 0;
	__u8 header[10];
	__u32 ports;
	if (bpf_skb_load_bytes(skb, ETH_HLEN, header, sizeof header) || header[9] != IPPROTO_UDP) return 0;
	if (bpf_skb_load_bytes(skb, ETH_HLEN + 4 * (header[0] & 15), &ports, 4)) return 0;
	return ports == PORTS(67, 68) ? DROP_GUARD_DHCP : 0;
}

// Containers must not play router or DHCP server for the whole network (CVE-2020-11091 and the like).
static __always_inline int guard(struct __sk_buff *skb) {
	if (skb->protocol == bpf_htons(ETH_P_IPV6)) return guard6(skb);
	return skb->protocol == bpf_htons(ETH_P_IP) ? guard4(skb) : 0;
}
