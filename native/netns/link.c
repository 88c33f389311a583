// What a link can be told without netlink: checksum offload (ethtool ioctl) and a frame sent out of it.
#define _GNU_SOURCE
#include "addon.h"
#include "netns/netns.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int set_tx_checksum(const char *ifname, int on) {
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0) return errno;

	struct ethtool_value value = {.cmd = ETHTOOL_STXCSUM, .data = on ? 1 : 0};
	struct ifreq request = {.ifr_data = (char *)&value};
	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", ifname);
	int error = ioctl(fd, SIOCETHTOOL, &request) ? errno : 0;
	close(fd);
	return error;
}

// setTxChecksum(ns, ifname, on)
static napi_value js_set_tx_checksum(napi_env env, napi_callback_info info) {
	size_t argc = 3, length;
	napi_value argv[3];
	int32_t ns;
	bool on;
	char ifname[IFNAMSIZ];

	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc < 3 || napi_get_value_int32(env, argv[0], &ns) != napi_ok ||
	    napi_get_value_string_utf8(env, argv[1], ifname, sizeof ifname, &length) != napi_ok ||
	    napi_get_value_bool(env, argv[2], &on) != napi_ok) {
		return weave_throw_argument(env, "setTxChecksum(ns, ifname, on)");
	}

	int home = netns_enter(ns);
	if (home == -1) return weave_throw_errno(env, errno, "cannot enter the network namespace");
	int error = set_tx_checksum(ifname, on);
	netns_leave(home);
	return error ? weave_throw_errno(env, error, ifname) : NULL;
}

// A descriptor that is closed on a thread of the pool; owned by the work item.
struct closing {
	napi_async_work work;
	int fd;
};

static void close_descriptor(napi_env env, void *data) {
	(void)env;
	close(((struct closing *)data)->fd);
}

static void closed(napi_env env, napi_status status, void *data) {
	(void)status;
	napi_delete_async_work(env, ((struct closing *)data)->work);
	free(data);
}

// Closing a packet socket waits until every processor has let go of it, which takes milliseconds.
static void close_later(napi_env env, int fd) {
	napi_value name;
	struct closing *closing = malloc(sizeof *closing);
	if (!closing) {
		close(fd);
		return;
	}
	closing->fd = fd;
	napi_create_string_utf8(env, "close-packet-socket", NAPI_AUTO_LENGTH, &name);
	napi_create_async_work(env, NULL, name, close_descriptor, closed, closing, &closing->work);
	napi_queue_async_work(env, closing->work);
}

static int send_frame(int fd, int ifindex, const void *frame, size_t length) {
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = ifindex, .sll_halen = 6};
	memcpy(to.sll_addr, frame, 6);
	return sendto(fd, frame, length, 0, (struct sockaddr *)&to, sizeof to) < 0 ? errno : 0;
}

// sendFrame(ns, ifindex, frame): one whole Ethernet frame out of an interface.
static napi_value js_send_frame(napi_env env, napi_callback_info info) {
	size_t argc = 3, length;
	napi_value argv[3];
	int32_t ns, ifindex;
	void *frame;

	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc < 3 || napi_get_value_int32(env, argv[0], &ns) != napi_ok ||
	    napi_get_value_int32(env, argv[1], &ifindex) != napi_ok ||
	    napi_get_typedarray_info(env, argv[2], NULL, &length, &frame, NULL, NULL) != napi_ok || length < 14) {
		return weave_throw_argument(env, "sendFrame(ns, ifindex, frame)");
	}

	int home = netns_enter(ns);
	if (home == -1) return weave_throw_errno(env, errno, "cannot enter the network namespace");
	// Protocol 0: the socket only sends and never queues what arrives.
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	int error = fd < 0 ? errno : send_frame(fd, ifindex, frame, length);
	netns_leave(home);
	if (fd >= 0) close_later(env, fd);
	return error ? weave_throw_errno(env, error, "cannot send a frame") : NULL;
}

void weave_init_netns_link(napi_env env, napi_value exports) {
	weave_export(env, exports, "setTxChecksum", js_set_tx_checksum);
	weave_export(env, exports, "sendFrame", js_send_frame);
}
