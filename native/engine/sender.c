#define _GNU_SOURCE
#include "sender.h"

#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "datagram.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

// More bytes than PENDING are sent at once: what waits should still be in the cache when the kernel copies it.
enum { RUNS = 24, PENDING = 192 << 10, RUN_BYTES = MAX_UDP_PAYLOAD, RUN_SEGMENTS = 64, WAIT_MS = 100 };

// Datagrams of one link and class, back to back: all of the same size, only the last may be smaller.
struct run {
	struct link *link;
	union address to;
	enum df_class class;
	uint32_t used;     // bytes of closed datagrams
	uint32_t segment;  // size of the first datagram
	uint32_t count;    // closed datagrams
	uint32_t filling;  // bytes of the datagram being filled, 0: none
	uint8_t bytes[RUN_BYTES + 64];
};

struct sender {
	struct sender_environment env;
	uint32_t taken;   // runs in use, in order
	uint32_t pending; // bytes of closed datagrams in them
	struct run run[RUNS];
};

struct sender *sender_new(const struct sender_environment *environment) {
	struct sender *sender = calloc(1, sizeof *sender);
	if (sender) sender->env = *environment;
	return sender;
}

void sender_free(struct sender *sender) {
	free(sender);
}

static struct run **open_run(struct sender *sender, struct run *run) {
	return &run->link->open[sender->env.worker][run->class];
}

// Seals the datagram being filled and makes it part of the run.
static void close_datagram(struct sender *sender, struct run *run) {
	if (run->filling == 0) return;
	uint8_t *packet = run->bytes + run->used;
	const struct cipher *cipher = &run->link->cipher;
	if (cipher->suite != SUITE_CLEAR) {
		uint64_t sequence = link_take_sequence(run->link, run->class);
		if (!cipher_seal(cipher, (enum sealer)sender->env.worker, packet, run->filling - SEALED_OVERHEAD, sequence)) {
			count(sender->env.counters, COUNT_dropSendFailed);
			run->filling = 0;
			return;
		}
		count(sender->env.counters, COUNT_datagramsSealed);
	}
	if (run->count == 0) run->segment = run->filling;
	run->used += run->filling;
	sender->pending += run->filling;
	run->count++;
	run->filling = 0;
}

static struct run *take_run(struct sender *sender, struct link *link, const struct path *path, enum df_class class) {
	if (sender->taken == RUNS || sender->pending > PENDING) sender_flush(sender);
	struct run *run = &sender->run[sender->taken++];
	run->link = link;
	run->to = path->to;
	run->class = class;
	run->used = run->segment = run->count = run->filling = 0;
	*open_run(sender, run) = run;
	return run;
}

// Can one more datagram that will have at least `size` bytes follow in the run?
static bool takes_datagram(const struct run *run, uint32_t size) {
	if (run->count == 0) return true;
	return run->count < RUN_SEGMENTS && size <= run->segment && run->used % run->segment == 0 &&
	       run->used + run->segment <= RUN_BYTES;
}

// The largest size that the datagram being filled may reach, given what lies before it in the run.
static uint32_t room_of(const struct run *run, const struct path *path) {
	return run->count > 0 && run->segment < path->max_payload ? run->segment : path->max_payload;
}

uint8_t *sender_room(struct sender *sender, struct link *link, const struct path *path, enum df_class class,
                     uint64_t source, uint64_t destination, uint32_t length) {
	uint32_t overhead = cipher_overhead(&link->cipher), need = FRAME_OVERHEAD + length;
	uint32_t limit = class == CLASS_DF ? path->max_payload : MAX_UDP_PAYLOAD;
	if (overhead + need > limit) {
		count(sender->env.counters, COUNT_dropTooBig);
		return NULL;
	}

	struct run *run = link->open[sender->env.worker][class];
	if (run && run->filling && run->filling + need > room_of(run, path)) close_datagram(sender, run);
	if (run && !run->filling && !takes_datagram(run, overhead + need)) run = NULL;
	if (!run) run = take_run(sender, link, path, class);

	uint8_t *packet = run->bytes + run->used;
	if (!run->filling) {
		put48(packet, sender->env.self);
		run->filling = overhead;
	}
	uint8_t *at = packet + run->filling;
	put48(at, source);
	put48(at + 6, destination);
	put16(at + 12, length);
	run->filling += need;
	count(sender->env.counters, COUNT_framesSent);
	return at + FRAME_OVERHEAD;
}

static void report(struct sender *sender, struct link *link, enum event_kind kind, int error) {
	if (atomic_exchange(&link->reported[kind], true)) return;
	struct event event = { .kind = kind, .link = link->id, .error = error };
	if (!events_push(sender->env.events, &event)) count(sender->env.counters, COUNT_eventsLost);
}

static void account(struct sender *sender, struct run *run, uint32_t datagrams, uint32_t bytes) {
	count_add(sender->env.counters, COUNT_datagramsSent, datagrams);
	atomic_fetch_add_explicit(&run->link->counters.datagrams_sent, datagrams, memory_order_relaxed);
	atomic_fetch_add_explicit(&run->link->counters.bytes_sent, bytes, memory_order_relaxed);
}

// True when sending is worth trying again: the socket's buffer was full and now has room.
static bool wait_for_room(struct sender *sender, int fd) {
	struct pollfd writable = { .fd = fd, .events = POLLOUT };
	return sender->env.wait && poll(&writable, 1, WAIT_MS) > 0;
}

static void failed(struct sender *sender, struct run *run, int error, uint32_t datagrams) {
	bool full = error == EAGAIN || error == ENOBUFS;
	count_add(sender->env.counters, full ? COUNT_dropSendQueueFull : COUNT_dropSendFailed, datagrams);
	if (full) return;
	atomic_fetch_add_explicit(&run->link->counters.send_failed, datagrams, memory_order_relaxed);
	report(sender, run->link, error == EMSGSIZE ? EVENT_TOO_BIG : EVENT_SEND_FAILED, error);
}

static void send_one_by_one(struct sender *sender, int fd, struct run *run) {
	for (uint32_t at = 0; at < run->used; at += run->segment) {
		uint32_t size = run->used - at < run->segment ? run->used - at : run->segment;
		count(sender->env.counters, COUNT_sendCalls);
		ssize_t sent;
		do sent = sendto(fd, run->bytes + at, size, 0, &run->to.any, address_length(&run->to));
		while (sent < 0 && (errno == EINTR || (errno == EAGAIN && wait_for_room(sender, fd))));
		if (sent < 0)
			failed(sender, run, errno, 1);
		else
			account(sender, run, 1, size);
	}
}

struct batch {
	struct mmsghdr message[RUNS];
	struct iovec piece[RUNS];
	struct run *run[RUNS];
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(uint16_t))];
	} control[RUNS];
	unsigned length;
};

static void batch_add(struct batch *batch, struct run *run) {
	unsigned i = batch->length++;
	batch->run[i] = run;
	batch->piece[i] = (struct iovec){ run->bytes, run->used };
	struct msghdr *header = &batch->message[i].msg_hdr;
	*header = (struct msghdr){
		.msg_name = &run->to,
		.msg_namelen = address_length(&run->to),
		.msg_iov = &batch->piece[i],
		.msg_iovlen = 1,
	};
	if (run->count == 1) return;
	header->msg_control = &batch->control[i];
	header->msg_controllen = sizeof batch->control[i];
	struct cmsghdr *control = CMSG_FIRSTHDR(header);
	uint16_t segment = (uint16_t)run->segment;
	control->cmsg_level = IPPROTO_UDP;
	control->cmsg_type = UDP_SEGMENT;
	control->cmsg_len = CMSG_LEN(sizeof segment);
	memcpy(CMSG_DATA(control), &segment, sizeof segment);
}

// EINVAL, EMSGSIZE: a segment exceeds the path MTU. EIO: the device cannot do checksums. One by one tells.
static void batch_send(struct sender *sender, int fd, struct batch *batch) {
	for (unsigned done = 0; done < batch->length;) {
		count(sender->env.counters, COUNT_sendCalls);
		int sent = sendmmsg(fd, batch->message + done, batch->length - done, 0);
		if (sent > 0) {
			for (unsigned i = done; i < done + (unsigned)sent; i++) {
				account(sender, batch->run[i], batch->run[i]->count, batch->run[i]->used);
				if (batch->run[i]->count > 1) count_add(sender->env.counters, COUNT_sentSegmented, batch->run[i]->count);
			}
			done += (unsigned)sent;
			continue;
		}
		if (errno == EINTR || (errno == EAGAIN && wait_for_room(sender, fd))) continue;
		struct run *run = batch->run[done++];
		if (run->count > 1 && (errno == EINVAL || errno == EMSGSIZE || errno == EIO))
			send_one_by_one(sender, fd, run);
		else
			failed(sender, run, errno, run->count);
	}
	batch->length = 0;
}

void sender_flush(struct sender *sender) {
	struct batch batch;
	int fd = -1;
	batch.length = 0;
	for (uint32_t i = 0; i < sender->taken; i++) {
		struct run *run = &sender->run[i];
		close_datagram(sender, run);
		*open_run(sender, run) = NULL;
		if (run->count == 0) continue;
		int socket = udp_socket(sender->env.udp, &run->to, run->class);
		if (socket != fd && batch.length) batch_send(sender, fd, &batch);
		fd = socket;
		if (fd < 0)
			failed(sender, run, EAFNOSUPPORT, run->count);
		else if (run->count > 1 && !sender->env.udp->segmentation)
			send_one_by_one(sender, fd, run);
		else
			batch_add(&batch, run);
	}
	if (batch.length) batch_send(sender, fd, &batch);
	sender->taken = sender->pending = 0;
}
