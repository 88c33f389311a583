#define _GNU_SOURCE
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

enum { QUEUE_LENGTH = 5000 };

static int set_link(struct ifreq *request, uint32_t mtu, const char **what) {
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		*what = "socket";
		return errno;
	}
	int failed = 0;
	*what = "set the queue length";
	request->ifr_qlen = QUEUE_LENGTH;
	failed = ioctl(fd, SIOCSIFTXQLEN, request);
	if (!failed) {
		*what = "set the MTU";
		request->ifr_mtu = (int)mtu;
		failed = ioctl(fd, SIOCSIFMTU, request);
	}
	if (!failed) {
		*what = "bring the device up";
		failed = ioctl(fd, SIOCGIFFLAGS, request);
		request->ifr_flags |= IFF_UP;
		failed = failed || ioctl(fd, SIOCSIFFLAGS, request);
	}
	int error = failed ? errno : 0;
	close(fd);
	return error;
}

// The device carries frames of others: with IPv6 of its own it would announce itself to the whole network. Hosts without
// IPv6 have no such file.
static void silence(const char *name) {
	char path[64 + IFNAMSIZ];
	snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0) return;
	if (write(fd, "1", 1) != 1) perror(path);
	close(fd);
}

static int set_offloads(struct tap *tap) {
	unsigned tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
	tap->udp_segments = ioctl(tap->fd, TUNSETOFFLOAD, tcp | TUN_F_USO4 | TUN_F_USO6) == 0;
	return tap->udp_segments ? 0 : ioctl(tap->fd, TUNSETOFFLOAD, tcp);
}

int tap_open(struct tap *tap, const char *name, uint32_t mtu, const char **what) {
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	strncpy(request.ifr_name, name, IFNAMSIZ - 1);

	*what = "open /dev/net/tun";
	tap->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (tap->fd < 0) return errno;
	*what = "create the TAP device";
	int error = ioctl(tap->fd, TUNSETIFF, &request) ? errno : 0;
	if (!error) {
		*what = "set the offloads";
		error = set_offloads(tap) ? errno : 0;
	}
	if (!error) {
		silence(request.ifr_name);
		error = set_link(&request, mtu, what);
	}
	if (error) {
		close(tap->fd);
		tap->fd = -1;
		return error;
	}
	tap->index = (int)if_nametoindex(name);
	return 0;
}
