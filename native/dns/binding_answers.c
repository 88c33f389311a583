// What JavaScript puts ready, and takes back.
#include "binding.h"

#include <errno.h>
#include <string.h>

static bool dns_field(napi_env env, napi_value object, const char *name, uint32_t *number) {
	napi_value value;
	return napi_get_named_property(env, object, name, &value) == napi_ok &&
	       napi_get_value_uint32(env, value, number) == napi_ok;
}

static bool key_of(napi_env env, napi_value name, napi_value fields, struct dns_key *key) {
	uint8_t *bytes;
	size_t length;
	uint32_t type, variant;
	if (!dns_bytes_of(env, name, &bytes, &length) || length == 0 || length > DNS_MAX_NAME) return false;
	if (!dns_field(env, fields, "type", &type) || !dns_field(env, fields, "variant", &variant)) return false;
	*key = (struct dns_key){bytes, (uint8_t)length, (uint8_t)variant, (uint16_t)type};
	return true;
}

// Everything of an answer but its name and body.
struct fields {
	uint32_t zone, flags, answers, authority, additional, stride, extended, life;
};

static bool fields_of(napi_env env, napi_value object, struct fields *fields) {
	return dns_field(env, object, "zone", &fields->zone) && fields->zone < DNS_ZONES &&
	       dns_field(env, object, "flags", &fields->flags) && dns_field(env, object, "answers", &fields->answers) &&
	       dns_field(env, object, "authority", &fields->authority) &&
	       dns_field(env, object, "additional", &fields->additional) &&
	       dns_field(env, object, "stride", &fields->stride) && dns_field(env, object, "extended", &fields->extended) &&
	       dns_field(env, object, "life", &fields->life);
}

// Whether all TTLs lie inside the body, and all records of one length fill it.
static bool body_fits(const struct fields *fields, const uint8_t *ttls, size_t ttl_count, size_t length) {
	if (length > DNS_MAX_DATAGRAM || ttl_count > DNS_MAX_DATAGRAM / 4) return false;
	if (fields->stride != 0 && (fields->stride < DNS_MIN_RECORD || fields->answers * (uint64_t)fields->stride != length)) return false;
	for (size_t i = 0; i < ttl_count; i++) {
		uint16_t at;
		memcpy(&at, ttls + 2 * i, sizeof at);
		if (at + 4u > length) return false;
	}
	return true;
}

// dnsPut(server, name, {type, variant, zone, flags, answers, authority, additional, stride, extended, life, ttls}, body):
// `life` in ms, 0 for ever; `ttls` a Uint8Array of offsets, 2 bytes each in native order
static napi_value dns_put(napi_env env, napi_callback_info info) {
	napi_value argv[DNS_MAX_ARGUMENTS], offsets;
	struct dns_server *server = dns_server_of(env, info, argv, 4);
	if (server == NULL) return NULL;
	struct dns_key key;
	struct fields fields;
	uint8_t *body, *ttls;
	size_t body_length, ttls_length;
	if (!key_of(env, argv[1], argv[2], &key) || !fields_of(env, argv[2], &fields) ||
	    napi_get_named_property(env, argv[2], "ttls", &offsets) != napi_ok ||
	    !dns_bytes_of(env, offsets, &ttls, &ttls_length) || !dns_bytes_of(env, argv[3], &body, &body_length) ||
	    !body_fits(&fields, ttls, ttls_length / 2, body_length))
		return weave_throw_argument(env, "a name, fields of an answer and its body are needed");

	uint64_t now = dns_now();
	struct dns_answers *answers = dns_server_lock(server);
	struct dns_answer *answer = dns_answers_put(answers, &key, (uint16_t)(ttls_length / 2), (uint16_t)body_length);
	if (answer != NULL) {
		answer->zone = (uint8_t)fields.zone;
		answer->flags = (uint16_t)fields.flags;
		answer->counts[0] = (uint16_t)fields.answers;
		answer->counts[1] = (uint16_t)fields.authority;
		answer->counts[2] = (uint16_t)fields.additional;
		answer->stride = (uint16_t)fields.stride;
		answer->extended = (uint16_t)fields.extended;
		answer->stored_at = now;
		answer->expires_at = fields.life == 0 ? 0 : now + fields.life;
		if (ttls_length > 1) memcpy(dns_answer_ttls(answer), ttls, ttls_length / 2 * 2);
		if (body_length > 0) memcpy(dns_answer_body(answer), body, body_length);
	}
	dns_server_unlock(server);
	return answer == NULL ? weave_throw_errno(env, ENOMEM, "dns answer") : NULL;
}

// dnsReserve(server, name, {type, variant})
static napi_value dns_reserve(napi_env env, napi_callback_info info) {
	napi_value argv[DNS_MAX_ARGUMENTS];
	struct dns_server *server = dns_server_of(env, info, argv, 3);
	if (server == NULL) return NULL;
	struct dns_key key;
	if (!key_of(env, argv[1], argv[2], &key)) return weave_throw_argument(env, "a name, a type and a variant are needed");
	struct dns_answer *answer = dns_answers_put(dns_server_lock(server), &key, 0, 0);
	if (answer != NULL) answer->reserved = true;
	dns_server_unlock(server);
	return answer == NULL ? weave_throw_errno(env, ENOMEM, "dns answer") : NULL;
}

// dnsAbsent(server, domain, flags): the answer for names of the domain that have none; flags 0: they have to ask us
static napi_value dns_absent(napi_env env, napi_callback_info info) {
	napi_value argv[DNS_MAX_ARGUMENTS];
	struct dns_server *server = dns_server_of(env, info, argv, 3);
	if (server == NULL) return NULL;
	uint8_t *domain;
	size_t length;
	uint32_t flags;
	if (!dns_bytes_of(env, argv[1], &domain, &length) || length == 0 || length > DNS_MAX_NAME ||
	    napi_get_value_uint32(env, argv[2], &flags) != napi_ok || flags > 0xffff)
		return weave_throw_argument(env, "a domain and flags are needed");
	bool done = true;
	struct dns_answers *answers = dns_server_lock(server);
	if (flags == 0) dns_answers_open(answers);
	else done = dns_answers_close(answers, domain, (uint8_t)length, (uint16_t)flags);
	dns_server_unlock(server);
	return done ? NULL : weave_throw_errno(env, ENOMEM, "dns answer");
}

// dnsDrop(server, name, {type, variant})
static napi_value dns_drop(napi_env env, napi_callback_info info) {
	napi_value argv[DNS_MAX_ARGUMENTS];
	struct dns_server *server = dns_server_of(env, info, argv, 3);
	if (server == NULL) return NULL;
	struct dns_key key;
	if (!key_of(env, argv[1], argv[2], &key)) return weave_throw_argument(env, "a name, a type and a variant are needed");
	dns_answers_drop(dns_server_lock(server), &key);
	dns_server_unlock(server);
	return NULL;
}

void dns_init_answers(napi_env env, napi_value exports) {
	weave_export(env, exports, "dnsPut", dns_put);
	weave_export(env, exports, "dnsReserve", dns_reserve);
	weave_export(env, exports, "dnsAbsent", dns_absent);
	weave_export(env, exports, "dnsDrop", dns_drop);
}
