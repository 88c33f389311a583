// What a service manager and its services say to each other, by descriptors and datagrams (sd_listen_fds, sd_notify).
#define _GNU_SOURCE
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

// A leading '@' stands for the zero byte of an abstract name.
static int address_of(const char *path, size_t length, struct sockaddr_un *address, socklen_t *size) {
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (length == 0 || length >= sizeof address->sun_path) return EINVAL;
	memcpy(address->sun_path, path, length);
	if (path[0] == '@') address->sun_path[0] = '\0';
	*size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	return 0;
}

static int send_datagram(const char *path, size_t path_length, const char *text, size_t length) {
	struct sockaddr_un address;
	socklen_t size;
	int error = address_of(path, path_length, &address, &size);
	if (error) return error;

	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0) return errno;
	ssize_t sent = sendto(fd, text, length, MSG_NOSIGNAL, (struct sockaddr *)&address, size);
	error = sent < 0 ? errno : 0;
	close(fd);
	return error;
}

// serviceNotify(path, text): one datagram to the manager's socket; throws the errno.
static napi_value js_notify(napi_env env, napi_callback_info info) {
	size_t argc = 2, path_length, length;
	napi_value argv[2];
	char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1], text[512];

	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc < 2 || napi_get_value_string_utf8(env, argv[0], path, sizeof path, &path_length) != napi_ok ||
	    napi_get_value_string_utf8(env, argv[1], text, sizeof text, &length) != napi_ok) {
		return weave_throw_argument(env, "serviceNotify(path, text)");
	}
	int error = send_datagram(path, path_length, text, length);
	return error ? weave_throw_errno(env, error, path) : NULL;
}

// listeningPath(fd) → the path of a listening Unix stream socket, '' for any other descriptor. Children will not
// inherit it: managers hand descriptors over without close-on-exec.
static napi_value js_listening_path(napi_env env, napi_callback_info info) {
	size_t argc = 1;
	napi_value argv[1], result;
	int32_t fd;
	int listens = 0, type = 0;
	socklen_t flag_size = sizeof listens, type_size = sizeof type;
	struct sockaddr_un address = {.sun_family = AF_UNSPEC};
	socklen_t size = sizeof address;
	size_t length = 0;

	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc < 1 || napi_get_value_int32(env, argv[0], &fd) != napi_ok) {
		return weave_throw_argument(env, "listeningPath(fd)");
	}
	if (getsockname(fd, (struct sockaddr *)&address, &size) == 0 && address.sun_family == AF_UNIX &&
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &flag_size) == 0 && listens &&
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size) == 0 && type == SOCK_STREAM &&
	    fcntl(fd, F_SETFD, FD_CLOEXEC) == 0) {
		length = strnlen(address.sun_path, size - offsetof(struct sockaddr_un, sun_path));
	}
	napi_create_string_utf8(env, address.sun_path, length, &result);
	return result;
}

void weave_init_service_socket(napi_env env, napi_value exports) {
	weave_export(env, exports, "serviceNotify", js_notify);
	weave_export(env, exports, "listeningPath", js_listening_path);
}
