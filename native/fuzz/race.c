// Two engines on loopback under load while the control thread changes everything it can: for ThreadSanitizer.
// Needs root and a network namespace of its own: `unshare -n build/fuzz/race SECONDS`.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../engine/engine.h"

enum { FRAME = 1200, BURST = 64, LIFE_MS = 2000 };

static void loopback_up(void) {
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (ioctl(fd, SIOCSIFFLAGS, &request)) perror("lo");
	close(fd);
}

static struct engine *start(uint64_t self, const char *tap, uint16_t port) {
	struct engine_options options = { .self = self, .tap = tap, .mtu = 1376, .local_mtu = 1376, .host = "127.0.0.1", .port = port, .seed = self };
	int error;
	const char *what;
	struct engine *engine = engine_start(&options, &error, &what);
	if (engine) return engine;
	fprintf(stderr, "%s: %s\n", what, strerror(error));
	exit(2);
}

static struct link *connect_to(struct engine *engine, uint64_t name, uint16_t port, enum suite suite, bool outbound, uint32_t mtu) {
	uint8_t key[2 * CHAIN_BYTES];
	memset(key, 3, sizeof key);
	struct link *link = link_new((uint32_t)name, name, suite, outbound, key);
	struct path *path = calloc(1, sizeof *path);
	path->to.in4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	path->mtu = mtu;
	path->max_payload = mtu + 34;
	path->stack_fragments = true;
	engine_set_path(engine, link, path);
	return link;
}

static void route_to(struct engine *engine, struct link *link) {
	struct tables *tables = tables_new(2, 1);
	struct route *theirs = tables_entry(tables, link->name), *ours = tables_entry(tables, engine->self);
	link_hold(theirs->neighbour = link);
	link_hold(theirs->next_hop = link);
	link_hold(tables->links[0] = link);
	tables->links_length = 1;
	ours = tables_entry(tables, engine->self);
	ours->tree_length = 1;
	engine_set_tables(engine, tables);
}

// Frames that leave by the TAP are what its engine captures.
static int packet_socket(int index) {
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_ifindex = index };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (bind(fd, (struct sockaddr *)&address, sizeof address)) perror("bind");
	return fd;
}

static void burst(int fd, uint32_t turn) {
	uint8_t frame[FRAME] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5 };
	for (uint32_t i = 0; i < BURST; i++) {
		if (i % 8 == 0) frame[0] = 0xff;
		put32(frame + 8, turn * BURST + i);
		if (send(fd, frame, i % 2 ? FRAME : 60, 0) < 0) return;
		frame[0] = 2;
	}
}

// Two engines and the connection between them.
struct pair {
	struct engine *a, *b;
	struct link *to_a, *to_b;
	int into_a, into_b;
	struct mac_entry *macs;
};

static struct pair pair_start(void) {
	struct pair pair = { .a = start(1, "racea", 16783), .b = start(2, "raceb", 16784) };
	pair.into_a = packet_socket(pair.a->tap.index);
	pair.into_b = packet_socket(pair.b->tap.index);
	pair.macs = calloc(MAC_CAPACITY, sizeof *pair.macs);
	return pair;
}

static void reconnect(struct pair *pair, enum suite suite) {
	link_drop(pair->to_b);
	link_drop(pair->to_a);
	pair->to_b = connect_to(pair->a, 2, 16784, suite, true, 1438);
	pair->to_a = connect_to(pair->b, 1, 16783, suite, false, 1438);
}

// A new connection now and then; new sizes, keys and tables all the time.
static void disturb(struct pair *pair, uint32_t turn) {
	struct event events[64];
	if (turn % 50 == 0) reconnect(pair, turn / 50 % SUITES);
	route_to(pair->a, pair->to_b);
	route_to(pair->b, pair->to_a);
	burst(pair->into_a, turn);
	burst(pair->into_b, turn);
	engine_send_special(pair->a, pair->to_b, CLASS_DF, 22, turn + 1);
	engine_send_special(pair->b, pair->to_a, CLASS_FRAGMENTABLE, 60001, 0);
	atomic_store(&pair->a->local_mtu, turn % 2 ? 1376 : 1000);
	mac_list(pair->a->macs, engine_now(), pair->macs, MAC_CAPACITY);
	if (turn % 5 == 0) engine_rekey(pair->a, pair->to_b);
	if (turn % 7 == 0) engine_rekey(pair->b, pair->to_a);
	if (turn % 20 == 0) mac_forget_peer(pair->b->macs, 1);
	events_take(&pair->a->events, events, 64);
	events_take(&pair->b->events, events, 64);
	epoch_collect(&pair->a->epoch);
}

static uint64_t counted(const struct pair *pair, enum counter which) {
	uint64_t sum = 0;
	for (int worker = 0; worker <= WORKERS; worker++)
		sum += atomic_load_explicit(&pair->a->counters[worker].row[which], memory_order_relaxed) +
		       atomic_load_explicit(&pair->b->counters[worker].row[which], memory_order_relaxed);
	return sum;
}

// In the middle of traffic.
static void pair_stop(struct pair *pair) {
	engine_stop(pair->a);
	engine_stop(pair->b);
	link_drop(pair->to_b);
	link_drop(pair->to_a);
	engine_free(pair->a);
	engine_free(pair->b);
	free(pair->macs);
	close(pair->into_a);
	close(pair->into_b);
}

int main(int argc, char **argv) {
	loopback_up();
	uint64_t end = engine_now() + 1000ull * (uint64_t)(argc > 1 ? atoi(argv[1]) : 5);
	uint64_t received = 0, opened = 0, refused = 0, keys = 0, lives = 0;
	for (; engine_now() < end; lives++) {
		struct pair pair = pair_start();
		uint64_t stop = engine_now() + LIFE_MS;
		for (uint32_t turn = 0; engine_now() < stop; turn++) disturb(&pair, turn);
		received += counted(&pair, COUNT_framesReceived);
		opened += counted(&pair, COUNT_datagramsOpened);
		refused += counted(&pair, COUNT_dropUndecryptable);
		keys += counted(&pair, COUNT_rekeys);
		pair_stop(&pair);
	}
	printf("%llu frames crossed, %llu datagrams opened and %llu refused, %llu new keys, %llu starts and stops\n",
	       (unsigned long long)received, (unsigned long long)opened, (unsigned long long)refused, (unsigned long long)keys,
	       (unsigned long long)lives);
	return received > 0 && opened > 0 && keys > 0 ? 0 : 1;
}
