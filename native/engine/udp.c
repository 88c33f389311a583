#define _GNU_SOURCE
#include "udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum { BUFFER = 8 << 20 };

static void enlarge(int fd) {
	int size = BUFFER;
	// Beyond the system's limit needs CAP_NET_ADMIN; the ordinary limit will do without.
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size)) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size)) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

static int set_discovery(int fd, int family, bool df) {
	if (family == AF_INET) {
		int mode = df ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT;
		return setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &mode, sizeof mode);
	}
	int mode = df ? IPV6_PMTUDISC_DO : IPV6_PMTUDISC_DONT, one = 1;
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one)) return -1;
	return setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &mode, sizeof mode);
}

// Everything that arrives goes to the first socket of the two that share the port.
static int receive_on_first(int fd) {
	struct sock_filter first[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
	struct sock_fprog program = { .len = 1, .filter = first };
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program);
}

// The first socket binds alone, so that a port in use by another program is noticed; only then it shares.
static int open_pair(struct udp_pair *pair, const union address *local) {
	int family = local->any.sa_family, one = 1;
	socklen_t length = address_length(local);
	pair->fragmentable = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (pair->fragmentable < 0) return errno;
	pair->df = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (pair->df < 0) return errno;

	enlarge(pair->fragmentable);
	enlarge(pair->df);
	if (set_discovery(pair->fragmentable, family, false) || set_discovery(pair->df, family, true) ||
	    bind(pair->fragmentable, &local->any, length) ||
	    setsockopt(pair->fragmentable, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) ||
	    setsockopt(pair->df, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) || bind(pair->df, &local->any, length) ||
	    receive_on_first(pair->fragmentable))
		return errno;
	return 0;
}

static void close_pair(struct udp_pair *pair) {
	if (pair->fragmentable >= 0) close(pair->fragmentable);
	if (pair->df >= 0) close(pair->df);
	*pair = (struct udp_pair){ -1, -1 };
}

int udp_open(struct udp *udp, const char *host, uint16_t port) {
	union address any4 = { .in4 = { .sin_family = AF_INET, .sin_port = htons(port) } };
	union address any6 = { .in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) } };
	*udp = (struct udp){ { -1, -1 }, { -1, -1 }, false };

	bool all = *host == 0;
	bool is4 = all || inet_pton(AF_INET, host, &any4.in4.sin_addr) == 1;
	bool is6 = all || (!is4 && inet_pton(AF_INET6, host, &any6.in6.sin6_addr) == 1);
	if (!is4 && !is6) return EINVAL;

	int error = is4 ? open_pair(&udp->v4, &any4) : 0;
	if (!error && is6) {
		error = open_pair(&udp->v6, &any6);
		// A host without IPv6 has an IPv4 underlay only.
		if (all && error && error != EADDRINUSE) {
			close_pair(&udp->v6);
			error = 0;
		}
	}
	if (error) {
		udp_close(udp);
		return error;
	}
	int one = 1;
	udp->segmentation = (udp->v4.fragmentable < 0 || !setsockopt(udp->v4.fragmentable, IPPROTO_UDP, UDP_GRO, &one, sizeof one)) &&
	                    (udp->v6.fragmentable < 0 || !setsockopt(udp->v6.fragmentable, IPPROTO_UDP, UDP_GRO, &one, sizeof one));
	return 0;
}

void udp_close(struct udp *udp) {
	close_pair(&udp->v4);
	close_pair(&udp->v6);
}

int udp_path_mtu(const union address *to) {
	int family = to->any.sa_family, mtu = 0;
	socklen_t length = sizeof mtu;
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0) return -errno;
	int failed = connect(fd, &to->any, address_length(to)) ||
	             (family == AF_INET6 ? getsockopt(fd, IPPROTO_IPV6, IPV6_MTU, &mtu, &length)
	                                 : getsockopt(fd, IPPROTO_IP, IP_MTU, &mtu, &length));
	int result = failed ? -errno : mtu;
	close(fd);
	return result;
}
