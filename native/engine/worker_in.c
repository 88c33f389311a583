// The worker that receives from neighbours and writes to the TAP.
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "engine.h"
#include "dwell.h"
#include "receive.h"

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

// Large messages are taken few at a time, so that they are still in the cache when they go to the TAP.
enum { MESSAGES = 32, FEW_MESSAGES = 4, LARGE = 16384, MESSAGE = 65536 };

struct inbox {
	struct mmsghdr message[MESSAGES];
	struct iovec piece[MESSAGES];
	union address from[MESSAGES];
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int)) + 32];
	} control[MESSAGES];
	unsigned limit; // messages to ask for
	uint8_t bytes[MESSAGES][MESSAGE];
};

static void inbox_prepare(struct inbox *inbox) {
	for (unsigned i = 0; i < inbox->limit; i++) {
		inbox->piece[i] = (struct iovec){ inbox->bytes[i], MESSAGE };
		inbox->message[i].msg_hdr = (struct msghdr){
			.msg_name = &inbox->from[i],
			.msg_namelen = sizeof inbox->from[i],
			.msg_iov = &inbox->piece[i],
			.msg_iovlen = 1,
			.msg_control = &inbox->control[i],
			.msg_controllen = sizeof inbox->control[i],
		};
	}
}

// Size of the datagrams that the kernel joined into one message; the last may be smaller.
static uint32_t datagram_size(struct mmsghdr *message) {
	struct msghdr *header = &message->msg_hdr;
	for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control; control = CMSG_NXTHDR(header, control)) {
		if (control->cmsg_level != IPPROTO_UDP || control->cmsg_type != UDP_GRO) continue;
		int size;
		memcpy(&size, CMSG_DATA(control), sizeof size);
		if (size > 0) return (uint32_t)size;
	}
	return message->msg_len ? message->msg_len : 1;
}

// Returns the number of messages taken from the socket; minus an errno when it is broken.
static int receive_batch(struct receiving *receiving, struct inbox *inbox, int fd) {
	inbox_prepare(inbox);
	int messages = recvmmsg(fd, inbox->message, inbox->limit, MSG_DONTWAIT, NULL);
	if (messages < 0) return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	count(receiving->sw.counters, COUNT_receiveCalls);
	uint32_t total = 0;
	for (int i = 0; i < messages; i++) {
		uint32_t length = inbox->message[i].msg_len, size = datagram_size(&inbox->message[i]);
		total += length;
		for (uint32_t at = 0; at < length; at += size) {
			uint32_t rest = length - at;
			receive_datagram(receiving, inbox->bytes[i] + at, rest < size ? rest : size, &inbox->from[i]);
		}
	}
	coalescer_flush(receiving->sw.coalescer);
	inbox->limit = messages > 0 && total / (uint32_t)messages > LARGE ? FEW_MESSAGES : MESSAGES;
	return messages;
}

static int receive_all(struct receiving *receiving, struct inbox *inbox, const struct udp *udp) {
	int v4 = udp->v4.fragmentable < 0 ? 0 : receive_batch(receiving, inbox, udp->v4.fragmentable);
	int v6 = udp->v6.fragmentable < 0 || v4 < 0 ? 0 : receive_batch(receiving, inbox, udp->v6.fragmentable);
	return v4 < 0 ? v4 : v6 < 0 ? v6 : v4 + v6;
}

// What recvmmsg reports of an earlier send or of memory pressure, not of the socket itself.
static bool transient(int error) {
	return error == ECONNREFUSED || error == EHOSTUNREACH || error == ENETUNREACH || error == ENOMEM || error == ENOBUFS;
}

void *worker_in(void *argument) {
	struct engine *engine = argument;
	_Atomic uint64_t *counters = engine->counters[WORKER_IN].row;
	struct sender_environment environment = {
		.worker = WORKER_IN, .self = engine->self, .udp = &engine->udp, .events = &engine->events, .counters = counters,
	};
	struct receiving receiving = { .sw = {
		.worker = WORKER_IN, .self = engine->self, .macs = engine->macs, .sender = sender_new(&environment),
		.coalescer = coalescer_new(engine->tap.fd, engine->tap.udp_segments, counters), .events = &engine->events, .counters = counters,
		.tap = engine->tap.fd,
	} };
	struct switching *sw = &receiving.sw;
	struct inbox *inbox = malloc(sizeof *inbox);
	struct dwell dwell = { 0 };
	int error = sw->sender && sw->coalescer && inbox ? 0 : ENOMEM;
	if (inbox) inbox->limit = MESSAGES;

	while (!error && !atomic_load_explicit(&engine->stopping, memory_order_relaxed)) {
		epoch_enter(&engine->epoch, WORKER_IN);
		uint32_t local_mtu = atomic_load_explicit(&engine->local_mtu, memory_order_relaxed);
		switch_batch(sw, atomic_load(&engine->tables), local_mtu, engine_now());
		int messages = receive_all(&receiving, inbox, &engine->udp);
		sender_flush(sw->sender);
		epoch_leave(&engine->epoch, WORKER_IN);

		if (messages < 0 && !transient(-messages)) error = -messages;
		if (dwell_again(&dwell, messages > 0)) continue;
		struct pollfd ready[] = {
			{ engine->stop_signal, POLLIN, 0 },
			{ engine->udp.v4.fragmentable, POLLIN, 0 },
			{ engine->udp.v6.fragmentable, POLLIN, 0 },
		};
		if (poll(ready, 3, -1) < 0 && errno != EINTR) error = errno;
	}
	if (error) {
		struct event event = { .kind = EVENT_STOPPED, .error = error };
		events_push(&engine->events, &event);
	}
	sender_free(sw->sender);
	coalescer_free(sw->coalescer);
	free(inbox);
	return NULL;
}
