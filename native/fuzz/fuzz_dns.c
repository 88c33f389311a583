// A request to the DNS server: whatever comes, a reply is made within its bounds, repeats id and question, and fits
// the asker.
#include "dns/reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct dns_answers *answers;
static struct dns_chance chance = {88172645463325252u};

// `count` records of 16 bytes each that may be shuffled and cut; with `ttls` they age and stay as they are.
static void put(const char *name, size_t length, uint16_t type, uint8_t variant, uint16_t count, bool ttls) {
	struct dns_key key = {(const uint8_t *)name, (uint8_t)length, variant, type};
	struct dns_answer *answer = dns_answers_put(answers, &key, ttls ? count : 0, (uint16_t)(16 * count));
	if (answer == NULL) abort();
	answer->counts[0] = count;
	answer->stride = ttls ? 0 : 16;
	answer->expires_at = ttls ? 5000 : 0;
	for (uint16_t i = 0; ttls && i < count; i++) dns_answer_ttls(answer)[i] = (uint16_t)(16 * i + 6);
	// TTLs that last and TTLs that have run out take turns.
	for (uint16_t i = 0; i < count; i++) memset(dns_answer_body(answer) + 16 * i, i % 2 == 0 ? 0x11 : 0, 16);
}

// So many other names that the table grows; every other one is taken back.
static void crowd(void) {
	char name[8] = "\5";
	for (int i = 0; i < 2000; i++) {
		snprintf(name + 1, 6, "x%04d", i);
		put(name, 7, 1, DNS_VARIANT_ANY, 1, false);
	}
	for (int i = 0; i < 2000; i += 2) {
		snprintf(name + 1, 6, "x%04d", i);
		struct dns_key key = {(const uint8_t *)name, 7, DNS_VARIANT_ANY, 1};
		dns_answers_drop(answers, &key);
		dns_answers_drop(answers, &key);
	}
}

static void forget(void) {
	dns_answers_free(answers);
	dns_answers_free(NULL);
}

static void fill(void) {
	answers = dns_answers_new();
	if (answers == NULL || atexit(forget) != 0) abort();
	crowd();
	put("\3web", 5, 1, DNS_VARIANT_ANY, 2, false);
	put("\3web", 5, DNS_TYPE_OTHERS, DNS_VARIANT_ANY, 0, false);
	put("\4many", 6, 1, DNS_VARIANT_ANY, 250, false);
	put("\3org", 5, 1, 0, 3, true);
	put("\3org", 5, 1, DNS_VARIANT_EDNS, 200, true);
	put("", 1, 2, DNS_VARIANT_CHECKING_DISABLED, 13, true);
	struct dns_key reserved = {(const uint8_t *)"\3www", 5, DNS_VARIANT_ANY, DNS_TYPE_OTHERS};
	struct dns_answer *answer = dns_answers_put(answers, &reserved, 0, 0);
	if (answer == NULL) abort();
	answer->reserved = true;
}

static void close_domain(bool closed) {
	if (!closed) dns_answers_open(answers);
	else if (!dns_answers_close(answers, (const uint8_t *)"\5weave\5local", 13, 0x8083)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	if (answers == NULL) fill();
	// The request's id says whether the domain is closed and whether answers that end have ended.
	close_domain(size > 0 && (data[0] & 1) != 0);
	uint64_t now = size > 0 && (data[0] & 2) != 0 ? 6000 : 4000;
	// Of its own size, so that reading behind the end is seen.
	uint8_t *request = malloc(size == 0 ? 1 : size), *reply = malloc(DNS_MAX_DATAGRAM);
	if (request == NULL || reply == NULL) abort();
	memcpy(request, data, size);

	struct dns_query query;
	if (dns_query_parse(request, size, &query)) {
		struct dns_answer *answer = dns_answers_find(answers, &query, now);
		size_t length = answer == NULL ? 0 : dns_reply(request, &query, answer, now, &chance, reply);
		if (length > query.limit) abort();
		if (length > 0 && (memcmp(reply, request, 2) != 0 ||
		                   memcmp(reply + DNS_HEADER, request + DNS_HEADER, query.question_end - DNS_HEADER) != 0))
			abort();
	}
	free(request);
	free(reply);
	return 0;
}
