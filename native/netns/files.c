// Reads and writes /proc/sys/net of another namespace: those paths resolve by the namespace of whoever opens them.
#define _GNU_SOURCE
#include "addon.h"
#include "netns/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES 256
#define VALUE_BYTES 4096

static int read_file(const char *path, char *value, size_t size, size_t *length) {
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) return errno;

	ssize_t n = read(fd, value, size);
	int error = n < 0 ? errno : 0;
	close(fd);
	*length = n < 0 ? 0 : (size_t)n;
	return error;
}

static int write_file(const char *path, const char *value, size_t length) {
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0) return errno;

	int error = write(fd, value, length) < 0 ? errno : 0;
	close(fd);
	return error;
}

// netnsRead(ns, path) → string; throws the errno of open or read.
static napi_value js_read(napi_env env, napi_callback_info info) {
	size_t argc = 2, length;
	napi_value argv[2], result;
	int32_t ns;
	char path[PATH_BYTES], value[VALUE_BYTES];

	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc < 2 || napi_get_value_int32(env, argv[0], &ns) != napi_ok ||
	    napi_get_value_string_utf8(env, argv[1], path, sizeof path, &length) != napi_ok) {
		return weave_throw_argument(env, "netnsRead(ns, path)");
	}

	int home = netns_enter(ns);
	if (home == -1) return weave_throw_errno(env, errno, "cannot enter the network namespace");
	int error = read_file(path, value, sizeof value, &length);
	netns_leave(home);

	if (error) return weave_throw_errno(env, error, path);
	napi_create_string_utf8(env, value, length, &result);
	return result;
}

// netnsWrite(ns, [path, value, path, value, …]) → errno of each pair, 0 where it was written.
static napi_value js_write(napi_env env, napi_callback_info info) {
	size_t argc = 2;
	napi_value argv[2], result;
	int32_t ns;
	uint32_t count;

	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc < 2 || napi_get_value_int32(env, argv[0], &ns) != napi_ok ||
	    napi_get_array_length(env, argv[1], &count) != napi_ok || count % 2) {
		return weave_throw_argument(env, "netnsWrite(ns, [path, value, …])");
	}

	// Everything comes out of JavaScript before the hop: no callback may run in the wrong namespace.
	struct entry {
		char path[PATH_BYTES], value[PATH_BYTES];
		size_t length;
		int error;
	} *entries = calloc(count / 2 + 1, sizeof *entries);
	if (!entries) return weave_throw_errno(env, ENOMEM, "netnsWrite");
	for (uint32_t i = 0; i < count / 2; i++) {
		napi_value path, value;
		size_t length;
		napi_get_element(env, argv[1], 2 * i, &path);
		napi_get_element(env, argv[1], 2 * i + 1, &value);
		if (napi_get_value_string_utf8(env, path, entries[i].path, PATH_BYTES, &length) != napi_ok ||
		    napi_get_value_string_utf8(env, value, entries[i].value, PATH_BYTES, &entries[i].length) != napi_ok) {
			free(entries);
			return weave_throw_argument(env, "netnsWrite: paths and values are strings");
		}
	}

	int home = netns_enter(ns);
	if (home == -1) {
		int error = errno;
		free(entries);
		return weave_throw_errno(env, error, "cannot enter the network namespace");
	}
	for (uint32_t i = 0; i < count / 2; i++) {
		entries[i].error = write_file(entries[i].path, entries[i].value, entries[i].length);
	}
	netns_leave(home);

	napi_create_array_with_length(env, count / 2, &result);
	for (uint32_t i = 0; i < count / 2; i++) {
		napi_value error;
		napi_create_int32(env, entries[i].error, &error);
		napi_set_element(env, result, i, error);
	}
	free(entries);
	return result;
}

void weave_init_netns_files(napi_env env, napi_value exports) {
	weave_export(env, exports, "netnsRead", js_read);
	weave_export(env, exports, "netnsWrite", js_write);
}
