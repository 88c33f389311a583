// Tries what the kernel can do, in places where trying changes nothing.
#define _GNU_SOURCE
#include "addon.h"
#include "netns/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

// netnsNew() → descriptor of an empty network namespace, which goes away when it is closed.
static napi_value js_new(napi_env env, napi_callback_info info) {
	(void)info;
	napi_value result;
	int home = netns_enter_new();
	if (home == -1) return weave_throw_errno(env, errno, "cannot make a network namespace");
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int error = fd < 0 ? errno : 0;
	netns_leave(home);

	if (error) return weave_throw_errno(env, error, "cannot make a network namespace");
	napi_create_int32(env, fd, &result);
	return result;
}

static int try_tap(unsigned offloads) {
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (fd < 0) return errno;

	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	snprintf(request.ifr_name, sizeof request.ifr_name, "probe%%d");
	int error = ioctl(fd, TUNSETIFF, &request) ? errno : 0;
	if (!error && offloads && ioctl(fd, TUNSETOFFLOAD, offloads)) error = errno;
	close(fd);
	return error;
}

// tryTap(ns, offloads) → errno of making a TAP with virtio headers and these TUN_F_* offloads, 0 when it works.
static napi_value js_try_tap(napi_env env, napi_callback_info info) {
	size_t argc = 2;
	napi_value argv[2], result;
	int32_t ns;
	uint32_t offloads;

	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc < 2 || napi_get_value_int32(env, argv[0], &ns) != napi_ok ||
	    napi_get_value_uint32(env, argv[1], &offloads) != napi_ok) {
		return weave_throw_argument(env, "tryTap(ns, offloads)");
	}

	int home = netns_enter(ns);
	if (home == -1) return weave_throw_errno(env, errno, "cannot enter the network namespace");
	int error = try_tap(offloads);
	netns_leave(home);
	napi_create_int32(env, error, &result);
	return result;
}

// tryUdpOption(level, option, value) → errno of setting it on a UDP socket, 0 when it works.
static napi_value js_try_udp_option(napi_env env, napi_callback_info info) {
	size_t argc = 3;
	napi_value argv[3], result;
	int32_t numbers[3];

	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	for (size_t i = 0; i < 3; i++) {
		if (argc < 3 || napi_get_value_int32(env, argv[i], &numbers[i]) != napi_ok) {
			return weave_throw_argument(env, "tryUdpOption(level, option, value)");
		}
	}

	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int error = fd < 0 || setsockopt(fd, numbers[0], numbers[1], &numbers[2], sizeof numbers[2]) ? errno : 0;
	if (fd >= 0) close(fd);
	napi_create_int32(env, error, &result);
	return result;
}

void weave_init_netns_probe(napi_env env, napi_value exports) {
	weave_export(env, exports, "netnsNew", js_new);
	weave_export(env, exports, "tryTap", js_try_tap);
	weave_export(env, exports, "tryUdpOption", js_try_udp_option);
}
