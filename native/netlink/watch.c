// Netlink events: a small thread blocks on the socket and hands whole datagrams to a JavaScript callback.
#define _GNU_SOURCE
#include "addon.h"

#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif
#define DATAGRAM_BYTES 65536
#define RECEIVE_BUFFER (4 << 20)

// Owned by the JavaScript handle's finalizer; the thread has ended before it is freed.
struct watch {
	int fd, stop;
	bool running;
	pthread_t thread;
	napi_env env;
	napi_threadsafe_function deliver;
};

struct event {
	size_t length; // 0: events were lost, the receiver must look for itself
	char bytes[];
};

static void on_event(napi_env env, napi_value callback, void *context, void *data) {
	(void)context;
	struct event *event = data;
	napi_value self, argument;
	if (env && callback) {
		napi_get_undefined(env, &self);
		if (event->length) napi_create_buffer_copy(env, event->length, event->bytes, NULL, &argument);
		else napi_get_null(env, &argument);
		napi_call_function(env, self, callback, 1, &argument, NULL);
	}
	free(event);
}

static int emit(struct watch *w, const char *bytes, size_t length) {
	struct event *event = malloc(sizeof *event + length);
	if (!event) return 0;
	event->length = length;
	__builtin_memcpy(event->bytes, bytes, length);
	if (napi_call_threadsafe_function(w->deliver, event, napi_tsfn_nonblocking) == napi_ok) return 1;
	free(event);
	return 0;
}

static void *watch_loop(void *data) {
	struct watch *w = data;
	char *bytes = malloc(DATAGRAM_BYTES);
	if (!bytes) return NULL;

	for (;;) {
		struct pollfd fds[2] = {{.fd = w->fd, .events = POLLIN}, {.fd = w->stop, .events = POLLIN}};
		if (poll(fds, 2, -1) < 0 && errno != EINTR) break;
		if (fds[1].revents) break;
		if (!fds[0].revents) continue;
		ssize_t n = recv(w->fd, bytes, DATAGRAM_BYTES, MSG_DONTWAIT);
		if (n > 0 && !emit(w, bytes, (size_t)n)) break;
		if (n < 0 && errno == ENOBUFS && !emit(w, NULL, 0)) break;
		if (n < 0 && errno != ENOBUFS && errno != EAGAIN && errno != EINTR) break;
	}
	free(bytes);
	return NULL;
}

static void stop_watch(void *data) {
	struct watch *w = data;
	if (!w->running) return;
	w->running = false;
	eventfd_write(w->stop, 1);
	pthread_join(w->thread, NULL);
	napi_release_threadsafe_function(w->deliver, napi_tsfn_abort);
	close(w->stop);
	close(w->fd);
}

static void free_watch(napi_env env, void *data, void *hint) {
	(void)hint;
	struct watch *w = data;
	if (w->running) {
		napi_remove_env_cleanup_hook(env, stop_watch, w);
		stop_watch(w);
	}
	free(w);
}

static int join_groups(int fd, napi_env env, napi_value groups) {
	uint32_t count;
	int size = RECEIVE_BUFFER;
	struct sockaddr_nl address = {.nl_family = AF_NETLINK};

	// Beyond the system's limit where we may; a lost event is reported either way.
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size)) {
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	}
	if (bind(fd, (struct sockaddr *)&address, sizeof address)) return errno;
	if (napi_get_array_length(env, groups, &count) != napi_ok) return EINVAL;
	for (uint32_t i = 0; i < count; i++) {
		napi_value element;
		int32_t group;
		napi_get_element(env, groups, i, &element);
		if (napi_get_value_int32(env, element, &group) != napi_ok) return EINVAL;
		if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group)) return errno;
	}
	return 0;
}

// netlinkWatch(fd, groups, onDatagram) → handle. Takes over the descriptor. onDatagram gets a Buffer, or null when
// events were lost. The handle keeps the process alive until netlinkUnwatch.
static napi_value js_watch(napi_env env, napi_callback_info info) {
	size_t argc = 3;
	napi_value argv[3], handle, name;
	int32_t fd;

	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc < 3 || napi_get_value_int32(env, argv[0], &fd) != napi_ok) {
		return weave_throw_argument(env, "netlinkWatch(fd, groups, onDatagram)");
	}
	int error = join_groups(fd, env, argv[1]);
	if (error) return weave_throw_errno(env, error, "cannot subscribe to netlink events");

	struct watch *w = calloc(1, sizeof *w);
	if (!w) return weave_throw_errno(env, ENOMEM, "netlinkWatch");
	w->fd = fd;
	w->env = env;
	napi_create_string_utf8(env, "netlink-events", NAPI_AUTO_LENGTH, &name);
	if (napi_create_threadsafe_function(env, argv[2], NULL, name, 0, 1, NULL, NULL, NULL, on_event, &w->deliver) !=
	    napi_ok) {
		free(w);
		return weave_throw_argument(env, "netlinkWatch: onDatagram must be a function");
	}

	w->stop = eventfd(0, EFD_CLOEXEC);
	error = w->stop < 0 ? errno : pthread_create(&w->thread, NULL, watch_loop, w);
	if (error) {
		napi_release_threadsafe_function(w->deliver, napi_tsfn_abort);
		if (w->stop >= 0) close(w->stop);
		free(w);
		return weave_throw_errno(env, error, "cannot start the event thread");
	}
	w->running = true;
	napi_add_env_cleanup_hook(env, stop_watch, w);
	napi_create_external(env, w, free_watch, NULL, &handle);
	return handle;
}

// netlinkUnwatch(handle): no callback comes after it. Idempotent.
static napi_value js_unwatch(napi_env env, napi_callback_info info) {
	size_t argc = 1;
	napi_value argv[1];
	void *data;

	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc < 1 || napi_get_value_external(env, argv[0], &data) != napi_ok) {
		return weave_throw_argument(env, "netlinkUnwatch(handle)");
	}
	struct watch *w = data;
	if (w->running) {
		napi_remove_env_cleanup_hook(env, stop_watch, w);
		stop_watch(w);
	}
	return NULL;
}

void weave_init_netlink_watch(napi_env env, napi_value exports) {
	weave_export(env, exports, "netlinkWatch", js_watch);
	weave_export(env, exports, "netlinkUnwatch", js_unwatch);
}
