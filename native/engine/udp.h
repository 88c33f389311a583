// The UDP sockets of sleeve: for each address family one that lets the stack fragment and receives everything, and
// one that sets DF. Both send from the weave port, as old peers demand (overlay §4.1).
#pragma once
#include "link.h"

struct udp_pair {
	int fragmentable; // receives too; -1: family not in use
	int df;
};

struct udp {
	struct udp_pair v4, v6;
	bool segmentation; // the kernel cuts large sends (UDP_SEGMENT) and joins received ones (UDP_GRO)
};

// Binds to `host` (empty: all addresses of both families) and `port`. 0 or an errno.
int udp_open(struct udp *udp, const char *host, uint16_t port);
void udp_close(struct udp *udp);

static inline int udp_socket(const struct udp *udp, const union address *to, enum df_class class) {
	const struct udp_pair *pair = to->any.sa_family == AF_INET6 ? &udp->v6 : &udp->v4;
	return class == CLASS_DF ? pair->df : pair->fragmentable;
}

// The path MTU that the kernel knows towards `to`: bytes of an IP packet, or minus an errno.
int udp_path_mtu(const union address *to);

// IP and UDP headers on the underlay.
static inline uint32_t udp_overhead(const union address *to) {
	return to->any.sa_family == AF_INET6 ? 48 : 28;
}
