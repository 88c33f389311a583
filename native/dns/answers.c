#include "answers.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { FIRST_BUCKETS = 1024 };

struct dns_answers {
	struct dns_answer **buckets;
	size_t bucket_count; // a power of two
	size_t size;
	uint32_t seed; // so that askers cannot choose names that share a bucket
	struct dns_answer *absent; // for names of a closed domain that have no answers; else NULL
};

struct dns_answers *dns_answers_new(void) {
	struct dns_answers *answers = calloc(1, sizeof *answers);
	if (answers == NULL) return NULL;
	answers->bucket_count = FIRST_BUCKETS;
	answers->buckets = calloc(FIRST_BUCKETS, sizeof *answers->buckets);
	if (answers->buckets == NULL || getrandom(&answers->seed, sizeof answers->seed, 0) < 0) {
		dns_answers_free(answers);
		return NULL;
	}
	return answers;
}

void dns_answers_free(struct dns_answers *answers) {
	if (answers == NULL) return;
	for (size_t i = 0; answers->buckets != NULL && i < answers->bucket_count; i++) {
		for (struct dns_answer *answer = answers->buckets[i], *next; answer != NULL; answer = next) {
			next = answer->next;
			free(answer);
		}
	}
	free(answers->buckets);
	free(answers->absent);
	free(answers);
}

// Murmur3-like mixing, four bytes at a time.
static uint32_t mix(uint32_t hash, uint32_t word) {
	word *= 0xcc9e2d51u;
	word = (word << 15 | word >> 17) * 0x1b873593u;
	hash ^= word;
	return (hash << 13 | hash >> 19) * 5 + 0xe6546b64u;
}

static uint32_t hash_of(const struct dns_answers *answers, const struct dns_key *key) {
	uint32_t hash = mix(answers->seed, (uint32_t)key->type << 8 | key->variant);
	size_t at = 0;
	for (; at + 4 <= key->name_length; at += 4) {
		uint32_t word;
		memcpy(&word, key->name + at, sizeof word);
		hash = mix(hash, word);
	}
	for (; at < key->name_length; at++) hash = mix(hash, key->name[at]);
	hash ^= hash >> 16;
	hash *= 0x85ebca6bu;
	return hash ^ hash >> 13;
}

static uint8_t *name_of(struct dns_answer *answer) {
	return answer->bytes + answer->ttl_count * sizeof(uint16_t);
}

uint16_t *dns_answer_ttls(struct dns_answer *answer) {
	return (uint16_t *)(void *)answer->bytes;
}

uint8_t *dns_answer_body(struct dns_answer *answer) {
	return name_of(answer) + answer->name_length;
}

// Where the link to the answer of that key is, or would be.
static struct dns_answer **link_of(struct dns_answers *answers, const struct dns_key *key, uint32_t hash) {
	struct dns_answer **link = &answers->buckets[hash & (answers->bucket_count - 1)];
	for (; *link != NULL; link = &(*link)->next) {
		struct dns_answer *answer = *link;
		if (answer->hash == hash && answer->type == key->type && answer->variant == key->variant &&
		    answer->name_length == key->name_length && memcmp(name_of(answer), key->name, key->name_length) == 0)
			break;
	}
	return link;
}

// Without memory the chains just get longer.
static void grow(struct dns_answers *answers) {
	size_t count = answers->bucket_count * 2;
	struct dns_answer **buckets = calloc(count, sizeof *buckets);
	if (buckets == NULL) return;
	for (size_t i = 0; i < answers->bucket_count; i++) {
		for (struct dns_answer *answer = answers->buckets[i], *next; answer != NULL; answer = next) {
			next = answer->next;
			answer->next = buckets[answer->hash & (count - 1)];
			buckets[answer->hash & (count - 1)] = answer;
		}
	}
	free(answers->buckets);
	answers->buckets = buckets;
	answers->bucket_count = count;
}

// Of no table yet. NULL without memory.
static struct dns_answer *make(const struct dns_key *key, uint16_t ttl_count, uint16_t body_length) {
	size_t room = ttl_count * sizeof(uint16_t) + key->name_length + body_length;
	struct dns_answer *answer = calloc(1, sizeof *answer + room);
	if (answer == NULL) return NULL;
	answer->type = key->type;
	answer->variant = key->variant;
	answer->name_length = key->name_length;
	answer->ttl_count = ttl_count;
	answer->body_length = body_length;
	memcpy(name_of(answer), key->name, key->name_length);
	return answer;
}

struct dns_answer *dns_answers_put(struct dns_answers *answers, const struct dns_key *key, uint16_t ttl_count,
                                   uint16_t body_length) {
	struct dns_answer *answer = make(key, ttl_count, body_length);
	if (answer == NULL) return NULL;
	answer->hash = hash_of(answers, key);
	dns_answers_drop(answers, key);
	if (answers->size >= answers->bucket_count) grow(answers);
	struct dns_answer **link = link_of(answers, key, answer->hash);
	answer->next = *link;
	*link = answer;
	answers->size++;
	return answer;
}

void dns_answers_drop(struct dns_answers *answers, const struct dns_key *key) {
	struct dns_answer **link = link_of(answers, key, hash_of(answers, key));
	struct dns_answer *answer = *link;
	if (answer == NULL) return;
	*link = answer->next;
	answers->size--;
	free(answer);
}

bool dns_answers_close(struct dns_answers *answers, const uint8_t *domain, uint8_t length, uint16_t flags) {
	struct dns_key key = {domain, length, DNS_VARIANT_ANY, DNS_TYPE_OTHERS};
	struct dns_answer *absent = make(&key, 0, 0);
	if (absent == NULL) return false;
	absent->flags = flags;
	free(answers->absent);
	answers->absent = absent;
	return true;
}

void dns_answers_open(struct dns_answers *answers) {
	free(answers->absent);
	answers->absent = NULL;
}

// Whether the name is `domain` or below it, label by label, or has but one label.
static bool is_inside(const struct dns_query *query, const uint8_t *domain, uint8_t length) {
	size_t at = 0;
	if (query->name_length == 2u + query->name[0]) return true;
	while (query->name_length - at > length) at += 1u + query->name[at];
	return query->name_length - at == length && memcmp(query->name + at, domain, length) == 0;
}

static struct dns_answer *find(struct dns_answers *answers, const struct dns_query *query, uint16_t type,
                               uint8_t variant) {
	struct dns_key key = {query->name, query->name_length, variant, type};
	return *link_of(answers, &key, hash_of(answers, &key));
}

static uint8_t variant_of(const struct dns_query *query) {
	return (uint8_t)((query->flags & DNS_CD) | (query->edns ? DNS_VARIANT_EDNS : 0) |
	                 (query->dnssec_ok ? DNS_VARIANT_DNSSEC_OK : 0));
}

struct dns_answer *dns_answers_find(struct dns_answers *answers, const struct dns_query *query, uint64_t now) {
	struct dns_answer *answer = find(answers, query, query->type, DNS_VARIANT_ANY);
	if (answer == NULL && query->type != DNS_TYPE_DS) {
		answer = find(answers, query, DNS_TYPE_OTHERS, DNS_VARIANT_ANY);
		struct dns_answer *absent = answers->absent;
		if (answer == NULL && absent != NULL && is_inside(query, name_of(absent), absent->name_length)) return absent;
	}
	// What others said is for those who want us to ask others.
	if (answer == NULL && (query->flags & DNS_RD) != 0) answer = find(answers, query, query->type, variant_of(query));
	if (answer == NULL || answer->reserved) return NULL;
	return answer->expires_at != 0 && now >= answer->expires_at ? NULL : answer;
}
