// Looks whether a legacy iptables table changed: those send no events, and a look costs one system call.
#define _GNU_SOURCE
#include "addon.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

// legacyTableSize(table) → [number of entries, bytes], or null where the kernel has no such table.
static napi_value js_size(napi_env env, napi_callback_info info) {
	size_t argc = 1, length;
	napi_value argv[1], result, number;
	struct ipt_getinfo table = {0};
	socklen_t size = sizeof table;

	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc < 1 || napi_get_value_string_utf8(env, argv[0], table.name, sizeof table.name, &length) != napi_ok) {
		return weave_throw_argument(env, "legacyTableSize(table)");
	}

	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (fd < 0) return weave_throw_errno(env, errno, "cannot open a raw socket");
	int error = getsockopt(fd, IPPROTO_IP, IPT_SO_GET_INFO, &table, &size) ? errno : 0;
	close(fd);

	if (error == ENOENT || error == ENOPROTOOPT) {
		napi_get_null(env, &result);
		return result;
	}
	if (error) return weave_throw_errno(env, error, "cannot look at the legacy table");
	napi_create_array_with_length(env, 2, &result);
	napi_create_uint32(env, table.num_entries, &number);
	napi_set_element(env, result, 0, number);
	napi_create_uint32(env, table.size, &number);
	napi_set_element(env, result, 1, number);
	return result;
}

void weave_init_netfilter_legacy(napi_env env, napi_value exports) {
	weave_export(env, exports, "legacyTableSize", js_size);
}
