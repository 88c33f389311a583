// Netlink sockets and requests. The messages themselves are built and read in TypeScript.
#define _GNU_SOURCE
#include "addon.h"
#include "netns/netns.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#ifndef NETLINK_GET_STRICT_CHK
#define NETLINK_GET_STRICT_CHK 12
#endif

// The kernel answers within microseconds, but waits for its lock while others take interfaces down.
#define ANSWER_SECONDS 20

static int open_socket(int protocol) {
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	if (fd < 0) return -1;

	struct timeval timeout = {.tv_sec = ANSWER_SECONDS};
	int on = 1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
	// All three are niceties of newer kernels: words with an error, short acknowledgements, filtered dumps.
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
	setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
	return fd;
}

// netlinkOpen(protocol, ns) → descriptor, bound for ever to the namespace `ns` (-1: the host's). The caller closes it.
static napi_value js_open(napi_env env, napi_callback_info info) {
	size_t argc = 2;
	napi_value argv[2], result;
	int32_t protocol, ns;

	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc < 2 || napi_get_value_int32(env, argv[0], &protocol) != napi_ok ||
	    napi_get_value_int32(env, argv[1], &ns) != napi_ok) {
		return weave_throw_argument(env, "netlinkOpen(protocol, ns)");
	}

	int home = netns_enter(ns);
	if (home == -1) return weave_throw_errno(env, errno, "cannot enter the network namespace");
	int fd = open_socket(protocol);
	netns_leave(home);

	if (fd < 0) return weave_throw_errno(env, errno, "cannot open a netlink socket");
	napi_create_int32(env, fd, &result);
	return result;
}

// One batch on its way; `replies` is allocated here and freed by js_request.
struct request {
	int fd;
	uint32_t expected;
	const char *batch;
	char *replies;
	size_t batch_length, length, capacity;
};

static int reserve(struct request *r, size_t more) {
	if (r->length + more <= r->capacity) return 0;
	size_t capacity = r->capacity ? r->capacity : 4096;
	while (capacity < r->length + more) capacity *= 2;
	char *larger = realloc(r->replies, capacity);
	if (!larger) return ENOMEM;
	r->replies = larger;
	r->capacity = capacity;
	return 0;
}

// Sequence numbers of a batch count up; what lies outside belongs to a request that was given up before.
static int is_ours(const struct request *r, const struct nlmsghdr *message, uint32_t last) {
	uint32_t first = ((const struct nlmsghdr *)(const void *)r->batch)->nlmsg_seq;
	return message->nlmsg_seq - first <= last - first;
}

// How many of the expected answers this message completes.
static uint32_t completes(const struct request *r, const struct nlmsghdr *message) {
	if (message->nlmsg_type == NLMSG_DONE) return 1;
	if (message->nlmsg_type != NLMSG_ERROR) return 0;
	const struct nlmsgerr *answer = NLMSG_DATA(message);
	// A transaction that is refused as a whole has one answer only, to its opening message.
	if (message->nlmsg_len >= NLMSG_LENGTH(sizeof *answer) && answer->msg.nlmsg_type == NFNL_MSG_BATCH_BEGIN) {
		return r->expected;
	}
	return 1;
}

static uint32_t last_sequence(const struct request *r) {
	uint32_t last = 0;
	size_t left = r->batch_length;
	for (const struct nlmsghdr *m = (const void *)r->batch; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) last = m->nlmsg_seq;
	return last;
}

// Sends the batch and collects its answers; answers an errno.
static int converse(struct request *r) {
	uint32_t answered = 0, last = last_sequence(r);

	if (send(r->fd, r->batch, r->batch_length, 0) < 0) return errno;

	while (answered < r->expected) {
		ssize_t size = recv(r->fd, NULL, 0, MSG_PEEK | MSG_TRUNC);
		if (size < 0 && errno == EINTR) continue;
		if (size < 0) return errno == EAGAIN ? ETIMEDOUT : errno;
		int error = reserve(r, NLMSG_ALIGN((size_t)size));
		if (error) return error;
		ssize_t n = recv(r->fd, r->replies + r->length, (size_t)size, 0);
		if (n < 0) return errno;

		// Keeps what answers this batch; alignment is kept as every message starts aligned.
		size_t left = (size_t)n, kept = r->length;
		for (struct nlmsghdr *m = (void *)(r->replies + r->length); NLMSG_OK(m, left); ) {
			struct nlmsghdr *next = NLMSG_NEXT(m, left);
			if (is_ours(r, m, last)) {
				size_t length = NLMSG_ALIGN(m->nlmsg_len);
				answered += completes(r, m);
				memmove(r->replies + kept, m, m->nlmsg_len);
				kept += length;
			}
			m = next;
		}
		r->length = kept;
	}
	return 0;
}

// netlinkRequest(fd, batch, expected) → all replies, once `expected` of them were acknowledgements or ends of dumps.
// The kernel does the work within the call, in microseconds: a thread of the pool would cost more than that.
static napi_value js_request(napi_env env, napi_callback_info info) {
	size_t argc = 3, length;
	napi_value argv[3], result = NULL;
	void *batch;
	struct request r = {0};

	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc < 3 || napi_get_value_int32(env, argv[0], &r.fd) != napi_ok ||
	    napi_get_typedarray_info(env, argv[1], NULL, &length, &batch, NULL, NULL) != napi_ok ||
	    length < sizeof(struct nlmsghdr) || napi_get_value_uint32(env, argv[2], &r.expected) != napi_ok) {
		return weave_throw_argument(env, "netlinkRequest(fd, batch, expected)");
	}
	r.batch = batch;
	r.batch_length = length;

	int error = converse(&r);
	if (error) weave_throw_errno(env, error, "netlink request failed");
	else napi_create_buffer_copy(env, r.length, r.replies ? r.replies : "", NULL, &result);
	free(r.replies);
	return result;
}

// A request on a thread of the pool: owned by the work item, freed in `finish`.
struct later {
	napi_async_work work;
	napi_deferred deferred;
	struct request request;
	char *batch;
	int error;
};

static void execute(napi_env env, void *data) {
	(void)env;
	struct later *later = data;
	later->error = converse(&later->request);
}

static void finish(napi_env env, napi_status status, void *data) {
	struct later *later = data;
	struct request *r = &later->request;
	int error = status == napi_ok ? later->error : ECANCELED;
	if (error) {
		napi_reject_deferred(env, later->deferred, weave_errno_error(env, error, "netlink request failed"));
	} else {
		napi_value value;
		napi_create_buffer_copy(env, r->length, r->replies ? r->replies : "", NULL, &value);
		napi_resolve_deferred(env, later->deferred, value);
	}
	napi_delete_async_work(env, later->work);
	free(r->replies);
	free(later->batch);
	free(later);
}

// netlinkRequestLater(fd, batch, expected) → Promise of the same. For what takes the kernel tens of milliseconds,
// such as removing an interface. Nothing else may use the descriptor meanwhile.
static napi_value js_request_later(napi_env env, napi_callback_info info) {
	size_t argc = 3, length;
	napi_value argv[3], name, promise;
	void *batch;
	struct later *later = calloc(1, sizeof *later);
	if (!later) return weave_throw_errno(env, ENOMEM, "netlinkRequestLater");

	struct request *r = &later->request;
	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	bool valid = argc == 3 && napi_get_value_int32(env, argv[0], &r->fd) == napi_ok &&
	             napi_get_typedarray_info(env, argv[1], NULL, &length, &batch, NULL, NULL) == napi_ok &&
	             length >= sizeof(struct nlmsghdr) &&
	             napi_get_value_uint32(env, argv[2], &r->expected) == napi_ok;
	if (valid) valid = (later->batch = malloc(length)) != NULL;
	if (!valid) {
		free(later);
		return weave_throw_argument(env, "netlinkRequestLater(fd, batch, expected)");
	}
	memcpy(later->batch, batch, length);
	r->batch = later->batch;
	r->batch_length = length;

	napi_create_string_utf8(env, "netlink", NAPI_AUTO_LENGTH, &name);
	napi_create_promise(env, &later->deferred, &promise);
	napi_create_async_work(env, NULL, name, execute, finish, later, &later->work);
	napi_queue_async_work(env, later->work);
	return promise;
}

void weave_init_netlink_socket(napi_env env, napi_value exports) {
	weave_export(env, exports, "netlinkOpen", js_open);
	weave_export(env, exports, "netlinkRequest", js_request);
	weave_export(env, exports, "netlinkRequestLater", js_request_later);
}
