// The socket that heartbeats of the fast datapath leave through: plain UDP with "don't fragment", as the frames
// have that they stand for. What comes back is received by the VXLAN device.
#define _GNU_SOURCE
#include "bpf/bpf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

// udpProbeSocket(family, localAddress, mark) → descriptor. Family 4 or 6; an empty address binds to none; 0 is no mark.
static napi_value js_open(napi_env env, napi_callback_info info) {
	size_t argc = 3;
	napi_value argv[3];
	int family, mark, discover = IP_PMTUDISC_PROBE;
	char text[INET6_ADDRSTRLEN];
	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc < 3 || !weave_int(env, argv[0], &family) || (family != 4 && family != 6) || !weave_int(env, argv[2], &mark) ||
	    napi_get_value_string_utf8(env, argv[1], text, sizeof text, NULL) != napi_ok) {
		return weave_throw_argument(env, "udpProbeSocket(family, localAddress, mark)");
	}
	bool v6 = family == 6;
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) return weave_throw_errno(env, errno, "cannot open a UDP socket");
	struct sockaddr_storage local = {.ss_family = v6 ? AF_INET6 : AF_INET};
	void *address = v6 ? (void *)&((struct sockaddr_in6 *)&local)->sin6_addr : &((struct sockaddr_in *)&local)->sin_addr;
	if (*text && inet_pton(local.ss_family, text, address) != 1) {
		close(fd);
		return weave_throw_argument(env, "udpProbeSocket: not an address");
	}
	if ((*text && bind(fd, (void *)&local, v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in))) ||
	    (mark && setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark)) ||
	    setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER, &discover, sizeof discover)) {
		int error = errno;
		close(fd);
		return weave_throw_errno(env, error, "cannot set up the socket for heartbeats");
	}
	return weave_number(env, fd);
}

// udpProbeSend(fd, address, port, bytes) → 0 or the errno: a failure is a fact about the path, not an exception.
static napi_value js_send(napi_env env, napi_callback_info info) {
	size_t argc = 4, length;
	napi_value argv[4];
	int fd, port;
	char text[INET6_ADDRSTRLEN];
	void *bytes;
	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc < 4 || !weave_int(env, argv[0], &fd) || !weave_int(env, argv[2], &port) ||
	    napi_get_value_string_utf8(env, argv[1], text, sizeof text, NULL) != napi_ok ||
	    !weave_bytes(env, argv[3], &bytes, &length)) {
		return weave_throw_argument(env, "udpProbeSend(fd, address, port, bytes)");
	}
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	ssize_t sent;
	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
		sent = sendto(fd, bytes, length, 0, (void *)&v4, sizeof v4);
	} else if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) {
		sent = sendto(fd, bytes, length, 0, (void *)&v6, sizeof v6);
	} else {
		return weave_throw_argument(env, "udpProbeSend: not an address");
	}
	return weave_number(env, sent < 0 ? errno : 0);
}

void weave_init_bpf_probe_socket(napi_env env, napi_value exports) {
	weave_export(env, exports, "udpProbeSocket", js_open);
	weave_export(env, exports, "udpProbeSend", js_send);
}
