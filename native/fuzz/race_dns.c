// The DNS server under load while the control thread changes everything it can: for ThreadSanitizer, and for leaks.
// Loopback only: `build/fuzz/race_dns SECONDS`.
#define _GNU_SOURCE
#include "dns/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS = 2, NAMES = 200, BODY = 16 };

static _Atomic bool ended;
static _Atomic uint64_t asked, answered;
static _Atomic uint32_t woken;

static void fail(const char *what, int error) {
	fprintf(stderr, "%s: %s\n", what, strerror(error));
	exit(2);
}

static void on_miss(void *context) {
	(void)context;
	atomic_fetch_add(&woken, 1);
}

// `nNNN.weave.`, in wire form; its length.
static uint8_t write_name(uint8_t *name, unsigned number) {
	char label[8];
	int length = snprintf(label, sizeof label, "n%03u", number % NAMES);
	name[0] = (uint8_t)length;
	memcpy(name + 1, label, (size_t)length);
	memcpy(name + 1 + length, "\5weave", 7);
	return (uint8_t)(1 + length + 7);
}

// Some hit, some miss, some are absent, some are malformed.
static size_t write_query(uint8_t *query, unsigned number) {
	static const uint8_t header[DNS_HEADER] = {0, 0, 1, 0, 0, 1};
	memcpy(query, header, sizeof header);
	size_t at = DNS_HEADER + write_name(query + DNS_HEADER, number);
	const uint8_t rest[] = {0, number % 7 == 0 ? DNS_TYPE_DS : 1, 0, 1};
	memcpy(query + at, rest, sizeof rest);
	return number % 11 == 0 ? at : at + sizeof rest;
}

static void *ask(void *argument) {
	const struct sockaddr_in *server = argument;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)server, sizeof *server) < 0) fail("client", errno);
	uint8_t query[DNS_HEADER + DNS_MAX_NAME + 4], reply[DNS_MAX_DATAGRAM];
	for (unsigned number = 0; !atomic_load(&ended); number++) {
		if (send(fd, query, write_query(query, number), MSG_DONTWAIT) > 0) atomic_fetch_add(&asked, 1);
		while (recv(fd, reply, sizeof reply, MSG_DONTWAIT) > 0) atomic_fetch_add(&answered, 1);
	}
	close(fd);
	return NULL;
}

static void change_names(struct dns_server *server, unsigned turn) {
	uint8_t name[DNS_MAX_NAME];
	struct dns_key key = {name, write_name(name, turn), DNS_VARIANT_ANY, turn % 3 == 0 ? DNS_TYPE_OTHERS : 1};
	struct dns_answers *answers = dns_server_lock(server);
	if (turn % 4 == 3) dns_answers_drop(answers, &key);
	else {
		struct dns_answer *answer = dns_answers_put(answers, &key, 0, BODY);
		if (answer == NULL) fail("answer", ENOMEM);
		answer->counts[0] = 1;
		answer->stride = BODY;
		answer->reserved = turn % 5 == 0;
		memset(dns_answer_body(answer), 0x11, BODY);
	}
	if (turn % 64 == 0) {
		if (!dns_answers_close(answers, (const uint8_t *)"\5weave", 7, 0x8003)) fail("close", ENOMEM);
	} else if (turn % 64 == 32) {
		dns_answers_open(answers);
	}
	dns_server_unlock(server);
}

// What JavaScript does: takes the requests that wait and sends each one back as its own reply.
static void answer_misses(struct dns_server *server) {
	struct dns_misses *misses = dns_server_misses(server);
	uint8_t *taken = malloc(dns_misses_room(misses));
	if (taken == NULL) fail("misses", ENOMEM);
	size_t used = dns_misses_take(misses, taken);
	for (size_t at = 0; at < used;) {
		uint16_t length;
		struct dns_asker asker;
		memcpy(&length, taken + at, sizeof length);
		memcpy(&asker, taken + at + sizeof length, sizeof asker);
		at += sizeof length + sizeof asker;
		dns_server_send(server, &asker, taken + at, length);
		at += length;
	}
	free(taken);
}

static struct sockaddr_in listen_on(struct dns_server *server, uint32_t host) {
	struct sockaddr_in6 address = {0};
	struct sockaddr_in *four = (struct sockaddr_in *)(void *)&address;
	*four = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(host)};
	int error = dns_server_listen(server, &address);
	if (error != 0) fail("listen", error);
	struct sockaddr_in bound = *four;
	bound.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return bound;
}

int main(int count, char **arguments) {
	time_t until = time(NULL) + (count > 1 ? atoi(arguments[1]) : 3);
	struct dns_server *server;
	int error = dns_server_start(&server, on_miss, NULL);
	if (error != 0) fail("server", error);
	// One address, and all of them: there replies must leave from the address that was asked.
	struct sockaddr_in addresses[CLIENTS] = {listen_on(server, INADDR_LOOPBACK), listen_on(server, INADDR_ANY)};
	pthread_t clients[CLIENTS];
	for (int i = 0; i < CLIENTS; i++) pthread_create(&clients[i], NULL, ask, &addresses[i]);

	uint64_t bounds[DNS_LATENCY_BUCKETS - 1];
	for (int i = 0; i < DNS_LATENCY_BUCKETS - 1; i++) bounds[i] = 1000u << i;
	struct dns_counters counters;
	unsigned sockets = CLIENTS;
	for (unsigned turn = 0; time(NULL) < until; turn++) {
		change_names(server, turn);
		answer_misses(server);
		dns_server_bounds(server, bounds);
		dns_server_counters(server, &counters);
		if (turn % 100 == 0 && sockets < DNS_MAX_SOCKETS) {
			listen_on(server, INADDR_LOOPBACK);
			sockets++;
		}
	}
	atomic_store(&ended, true);
	for (int i = 0; i < CLIENTS; i++) pthread_join(clients[i], NULL);
	dns_server_stop(server);
	printf("%llu asked, %llu answered, %u times woken\n", (unsigned long long)asked, (unsigned long long)answered, woken);
	return answered == 0 || woken == 0;
}
