#define _GNU_SOURCE
#include "server.h"

#include "reply.h"
#include "socket.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	BATCH = 64,
	MISSES_ROOM = 1 << 20,
	STOP = UINT32_MAX, // epoll mark of the event that ends the worker
};

// One batch of requests and replies; the replies go back along the addresses of the requests.
struct batch {
	struct mmsghdr requests[BATCH];
	struct mmsghdr replies[BATCH];
	struct iovec request_parts[BATCH];
	struct iovec reply_parts[BATCH];
	struct sockaddr_in6 peers[BATCH];
	_Alignas(struct cmsghdr) uint8_t controls[BATCH][DNS_CONTROL];
	uint8_t request_bytes[BATCH][DNS_MAX_DATAGRAM];
	uint8_t reply_bytes[BATCH][DNS_MAX_DATAGRAM];
};

struct dns_server {
	pthread_t worker;
	pthread_mutex_t lock; // guards answers and counters
	struct dns_answers *answers;
	struct dns_misses *misses;
	struct dns_counters counters;
	uint64_t bounds[DNS_LATENCY_BUCKETS - 1];
	struct dns_chance chance;
	int sockets[DNS_MAX_SOCKETS];
	uint32_t socket_count; // written by the control thread only, before the worker hears of a socket
	int epoll;
	int stop;
	void (*on_miss)(void *);
	void *context;
	struct batch batch;
};

static uint64_t now_ns(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t dns_now(void) {
	return now_ns() / 1000000u;
}

static void prepare(struct batch *batch) {
	for (int i = 0; i < BATCH; i++) {
		batch->request_parts[i] = (struct iovec){batch->request_bytes[i], DNS_MAX_DATAGRAM};
		batch->requests[i].msg_hdr = (struct msghdr){
			.msg_name = &batch->peers[i],
			.msg_namelen = sizeof batch->peers[i],
			.msg_iov = &batch->request_parts[i],
			.msg_iovlen = 1,
			.msg_control = batch->controls[i],
			.msg_controllen = DNS_CONTROL,
		};
	}
}

// The reply to one request, into the batch; 0 when it has to wait for JavaScript.
static size_t answer(struct dns_server *server, int i, uint64_t now) {
	struct batch *batch = &server->batch;
	const uint8_t *request = batch->request_bytes[i];
	struct dns_query query;
	if (!dns_query_parse(request, batch->requests[i].msg_len, &query)) return 0;
	struct dns_answer *ready = dns_answers_find(server->answers, &query, now);
	if (ready == NULL) return 0;
	size_t length = dns_reply(request, &query, ready, now, &server->chance, batch->reply_bytes[i]);
	if (length == 0) return 0;
	dns_count_answer(&server->counters, &query, ready);
	return length;
}

// A request without an answer ready; true when JavaScript has to hear of it.
static bool miss(struct dns_server *server, uint32_t socket, int i) {
	struct batch *batch = &server->batch;
	struct dns_asker asker = {.peer = batch->peers[i], .socket = socket};
	asker.local = dns_local_of(&batch->requests[i].msg_hdr);
	if (dns_misses_add(server->misses, &asker, batch->request_bytes[i], (uint16_t)batch->requests[i].msg_len)) return true;
	pthread_mutex_lock(&server->lock);
	server->counters.lost++;
	pthread_mutex_unlock(&server->lock);
	return false;
}

static void send_replies(struct dns_server *server, int fd, uint32_t count) {
	for (uint32_t sent = 0; sent < count;) {
		int done = sendmmsg(fd, server->batch.replies + sent, count - sent, MSG_DONTWAIT);
		if (done > 0) {
			sent += (uint32_t)done;
			continue;
		}
		if (errno == EINTR) continue;
		// The first one cannot be sent (its asker is gone, the buffer is full): the others may.
		sent++;
		pthread_mutex_lock(&server->lock);
		server->counters.unsent++;
		pthread_mutex_unlock(&server->lock);
	}
}

// One batch off the socket.
static void serve(struct dns_server *server, uint32_t socket) {
	struct batch *batch = &server->batch;
	for (int i = 0; i < BATCH; i++) {
		batch->requests[i].msg_hdr.msg_namelen = sizeof batch->peers[i];
		batch->requests[i].msg_hdr.msg_controllen = DNS_CONTROL;
	}
	int received = recvmmsg(server->sockets[socket], batch->requests, BATCH, MSG_DONTWAIT, NULL);
	if (received <= 0) return;
	uint64_t start = now_ns();
	size_t lengths[BATCH];
	pthread_mutex_lock(&server->lock);
	for (int i = 0; i < received; i++) lengths[i] = answer(server, i, start / 1000000u);
	pthread_mutex_unlock(&server->lock);

	uint32_t replies = 0;
	bool missed = false;
	for (int i = 0; i < received; i++) {
		if (lengths[i] == 0) {
			missed |= miss(server, socket, i);
			continue;
		}
		// The request's control data is read and then replaced by the reply's.
		struct in6_addr local = dns_local_of(&batch->requests[i].msg_hdr);
		batch->reply_parts[replies] = (struct iovec){batch->reply_bytes[i], lengths[i]};
		batch->replies[replies].msg_hdr = (struct msghdr){
			.msg_name = &batch->peers[i],
			.msg_namelen = batch->requests[i].msg_hdr.msg_namelen,
			.msg_iov = &batch->reply_parts[replies],
			.msg_iovlen = 1,
			.msg_control = batch->controls[i],
			.msg_controllen = dns_put_local(batch->controls[i], &local, batch->peers[i].sin6_family),
		};
		replies++;
	}
	send_replies(server, server->sockets[socket], replies);
	if (replies > 0) {
		pthread_mutex_lock(&server->lock);
		dns_count_latency(&server->counters, server->bounds, now_ns() - start, replies);
		pthread_mutex_unlock(&server->lock);
	}
	if (missed) server->on_miss(server->context);
}

static void *work(void *argument) {
	struct dns_server *server = argument;
	pthread_setname_np(pthread_self(), "weave-dns");
	for (;;) {
		struct epoll_event events[DNS_MAX_SOCKETS];
		int count = epoll_wait(server->epoll, events, DNS_MAX_SOCKETS, -1);
		for (int i = 0; i < count; i++) {
			if (events[i].data.u32 == STOP) return NULL;
			// Level triggered: what is left is reported again, after the other sockets had their turn.
			serve(server, events[i].data.u32);
		}
	}
}

static void free_server(struct dns_server *server) {
	for (uint32_t i = 0; i < server->socket_count; i++) close(server->sockets[i]);
	if (server->epoll >= 0) close(server->epoll);
	if (server->stop >= 0) close(server->stop);
	dns_answers_free(server->answers);
	dns_misses_free(server->misses);
	pthread_mutex_destroy(&server->lock);
	free(server);
}

int dns_server_start(struct dns_server **started, void (*on_miss)(void *), void *context) {
	struct dns_server *server = calloc(1, sizeof *server);
	if (server == NULL) return ENOMEM;
	pthread_mutex_init(&server->lock, NULL);
	server->on_miss = on_miss;
	server->context = context;
	prepare(&server->batch);
	server->answers = dns_answers_new();
	server->misses = dns_misses_new(MISSES_ROOM);
	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	server->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int error = 0;
	if (server->answers == NULL || server->misses == NULL) error = ENOMEM;
	else if (server->epoll < 0 || server->stop < 0) error = errno;
	else if (getrandom(&server->chance.state, sizeof server->chance.state, 0) < 0) error = errno;
	else {
		server->chance.state |= 1;
		struct epoll_event event = {.events = EPOLLIN, .data.u32 = STOP};
		if (epoll_ctl(server->epoll, EPOLL_CTL_ADD, server->stop, &event) < 0) error = errno;
		else error = pthread_create(&server->worker, NULL, work, server);
	}
	if (error != 0) {
		free_server(server);
		return error;
	}
	*started = server;
	return 0;
}

void dns_server_stop(struct dns_server *server) {
	uint64_t one = 1;
	// An event counter below its limit takes this always.
	while (write(server->stop, &one, sizeof one) < 0 && errno == EINTR) {}
	pthread_join(server->worker, NULL);
	free_server(server);
}

int dns_server_listen(struct dns_server *server, struct sockaddr_in6 *address) {
	if (server->socket_count == DNS_MAX_SOCKETS) return ENOSPC;
	int fd = -1;
	int error = dns_socket_open(address, &fd);
	if (error == 0) {
		struct epoll_event event = {.events = EPOLLIN, .data.u32 = server->socket_count};
		server->sockets[server->socket_count] = fd;
		if (epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event) < 0) error = errno;
	}
	if (error != 0) {
		if (fd >= 0) close(fd);
		return error;
	}
	server->socket_count++;
	return 0;
}

void dns_server_bounds(struct dns_server *server, const uint64_t *bounds) {
	pthread_mutex_lock(&server->lock);
	memcpy(server->bounds, bounds, sizeof server->bounds);
	pthread_mutex_unlock(&server->lock);
}

struct dns_misses *dns_server_misses(struct dns_server *server) {
	return server->misses;
}

int dns_server_send(struct dns_server *server, const struct dns_asker *asker, const uint8_t *reply, size_t length) {
	if (asker->socket >= server->socket_count) return EINVAL;
	_Alignas(struct cmsghdr) uint8_t control[DNS_CONTROL];
	struct dns_asker to = *asker;
	struct iovec part = {(void *)reply, length};
	struct msghdr header = {
		.msg_name = &to.peer,
		.msg_namelen = to.peer.sin6_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in),
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = dns_put_local(control, &to.local, to.peer.sin6_family),
	};
	return sendmsg(server->sockets[asker->socket], &header, MSG_DONTWAIT) < 0 ? errno : 0;
}

struct dns_answers *dns_server_lock(struct dns_server *server) {
	pthread_mutex_lock(&server->lock);
	return server->answers;
}

void dns_server_unlock(struct dns_server *server) {
	pthread_mutex_unlock(&server->lock);
}

void dns_server_counters(struct dns_server *server, struct dns_counters *counters) {
	pthread_mutex_lock(&server->lock);
	*counters = server->counters;
	pthread_mutex_unlock(&server->lock);
}
