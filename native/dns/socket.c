#define _GNU_SOURCE
#include "socket.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum { SOCKET_BUFFER = 4 << 20 };

struct in6_addr dns_local_of(struct msghdr *header) {
	struct in6_addr local = {0};
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof info);
			memcpy(&local, &info.ipi_spec_dst, sizeof info.ipi_spec_dst);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof info);
			local = info.ipi6_addr;
		}
	}
	return local;
}

size_t dns_put_local(uint8_t *control, const struct in6_addr *local, sa_family_t family) {
	static const struct in6_addr unset;
	if (memcmp(local, &unset, sizeof unset) == 0) return 0;
	struct cmsghdr *c = (struct cmsghdr *)(void *)control;
	if (family == AF_INET) {
		struct in_pktinfo info = {0};
		memcpy(&info.ipi_spec_dst, local, sizeof info.ipi_spec_dst);
		*c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof info), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO};
		memcpy(CMSG_DATA(c), &info, sizeof info);
		return CMSG_SPACE(sizeof info);
	}
	struct in6_pktinfo info = {.ipi6_addr = *local};
	*c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof info), .cmsg_level = IPPROTO_IPV6, .cmsg_type = IPV6_PKTINFO};
	memcpy(CMSG_DATA(c), &info, sizeof info);
	return CMSG_SPACE(sizeof info);
}

// Whether the address stands for all of the host's, so that requests must tell which one they came to.
static bool is_wildcard(const struct sockaddr_in6 *address) {
	if (address->sin6_family == AF_INET6) return IN6_IS_ADDR_UNSPECIFIED(&address->sin6_addr);
	return ((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr == INADDR_ANY;
}

static int bind_socket(int fd, struct sockaddr_in6 *address) {
	int on = 1, size = SOCKET_BUFFER;
	// More than the system's limit needs a privilege; without it the limit has to do.
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size) < 0)
		return errno;
	bool six = address->sin6_family == AF_INET6;
	if (six && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0) return errno;
	if (is_wildcard(address) && setsockopt(fd, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_RECVPKTINFO : IP_PKTINFO,
	                                       &on, sizeof on) < 0)
		return errno;
	socklen_t length = six ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	if (bind(fd, (struct sockaddr *)address, length) < 0) return errno;
	return getsockname(fd, (struct sockaddr *)address, &length) < 0 ? errno : 0;
}

int dns_socket_open(struct sockaddr_in6 *address, int *fd) {
	int opened = socket(address->sin6_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (opened < 0) return errno;
	int error = bind_socket(opened, address);
	if (error != 0) close(opened);
	else *fd = opened;
	return error;
}
