// A DNS server by UDP: a thread that answers what is ready and hands on the rest.
#pragma once
#include "answers.h"
#include "counters.h"
#include "misses.h"

enum { DNS_MAX_SOCKETS = 32 };

struct dns_server;

// Starts the worker. `on_miss` is called in it whenever requests wait. 0 or an errno.
int dns_server_start(struct dns_server **server, void (*on_miss)(void *), void *context);

// Ends the worker and frees everything.
void dns_server_stop(struct dns_server *server);

// Serves one more address; `address` gets the port that was chosen. 0 or an errno.
int dns_server_listen(struct dns_server *server, struct sockaddr_in6 *address);

// Upper bounds of the latency buckets but the last, in ns; they are added up by whoever reads the counters.
void dns_server_bounds(struct dns_server *server, const uint64_t *bounds);

struct dns_misses *dns_server_misses(struct dns_server *server);

// 0 or an errno.
int dns_server_send(struct dns_server *server, const struct dns_asker *asker, const uint8_t *reply, size_t length);

// The table of answers, locked until `dns_server_unlock`.
struct dns_answers *dns_server_lock(struct dns_server *server);
void dns_server_unlock(struct dns_server *server);

void dns_server_counters(struct dns_server *server, struct dns_counters *counters);

// Milliseconds of the clock that lifetimes of answers are measured by.
uint64_t dns_now(void);
