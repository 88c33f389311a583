// The server's door for JavaScript: its life, its sockets, and requests on their way.
#include "binding.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct dns_door {
	struct dns_server *server; // NULL once closed
	napi_threadsafe_function wake;
	_Atomic bool woken;
};

// In the worker: wakes JavaScript once for all requests that come before it looks.
static void on_miss(void *context) {
	struct dns_door *door = context;
	if (!atomic_exchange(&door->woken, true)) napi_call_threadsafe_function(door->wake, NULL, napi_tsfn_nonblocking);
}

static void close_door(struct dns_door *door) {
	if (door->server == NULL) return;
	dns_server_stop(door->server);
	door->server = NULL;
	napi_release_threadsafe_function(door->wake, napi_tsfn_abort);
}

static void finalize(napi_env env, void *data, void *hint) {
	(void)env, (void)hint;
	close_door(data);
	free(data);
}

// Like dns_server_of, with the door around it.
static struct dns_door *dns_door_of(napi_env env, napi_callback_info info, napi_value *argv, size_t wanted) {
	size_t argc = DNS_MAX_ARGUMENTS;
	void *data = NULL;
	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc < wanted || napi_get_value_external(env, argv[0], &data) != napi_ok || ((struct dns_door *)data)->server == NULL) {
		weave_throw_argument(env, "an open DNS server is needed");
		return NULL;
	}
	return data;
}

struct dns_server *dns_server_of(napi_env env, napi_callback_info info, napi_value *argv, size_t wanted) {
	struct dns_door *door = dns_door_of(env, info, argv, wanted);
	return door == NULL ? NULL : door->server;
}

bool dns_bytes_of(napi_env env, napi_value value, uint8_t **bytes, size_t *length) {
	napi_typedarray_type type;
	bool is_array = false;
	void *data = NULL;
	if (napi_is_typedarray(env, value, &is_array) != napi_ok || !is_array) return false;
	if (napi_get_typedarray_info(env, value, &type, length, &data, NULL, NULL) != napi_ok) return false;
	*bytes = data;
	return type == napi_uint8_array;
}

// dnsOpen(onMiss): server
static napi_value dns_open(napi_env env, napi_callback_info info) {
	size_t argc = 1;
	napi_value callback, name, result;
	napi_get_cb_info(env, info, &argc, &callback, NULL, NULL);
	struct dns_door *door = calloc(1, sizeof *door);
	if (door == NULL) return weave_throw_errno(env, ENOMEM, "dns server");
	napi_create_string_utf8(env, "weave-dns", NAPI_AUTO_LENGTH, &name);
	if (napi_create_threadsafe_function(env, callback, NULL, name, 0, 1, NULL, NULL, NULL, NULL, &door->wake) != napi_ok) {
		free(door);
		return weave_throw_argument(env, "a callback is needed");
	}
	napi_unref_threadsafe_function(env, door->wake);
	int error = dns_server_start(&door->server, on_miss, door);
	if (error != 0) {
		napi_release_threadsafe_function(door->wake, napi_tsfn_abort);
		free(door);
		return weave_throw_errno(env, error, "dns server");
	}
	if (napi_create_external(env, door, finalize, NULL, &result) != napi_ok) {
		finalize(env, door, NULL);
		return NULL;
	}
	return result;
}

// dnsClose(server)
static napi_value dns_close(napi_env env, napi_callback_info info) {
	napi_value argv[DNS_MAX_ARGUMENTS];
	struct dns_door *door = dns_door_of(env, info, argv, 1);
	if (door != NULL) close_door(door);
	return NULL;
}

// dnsListen(server, host, port): port
static napi_value dns_listen(napi_env env, napi_callback_info info) {
	napi_value argv[DNS_MAX_ARGUMENTS], result;
	struct dns_server *server = dns_server_of(env, info, argv, 3);
	if (server == NULL) return NULL;
	char host[64];
	size_t length;
	uint32_t port;
	if (napi_get_value_string_utf8(env, argv[1], host, sizeof host, &length) != napi_ok ||
	    napi_get_value_uint32(env, argv[2], &port) != napi_ok || port > 0xffff)
		return weave_throw_argument(env, "an address and a port are needed");
	struct sockaddr_in6 address = {.sin6_port = htons((uint16_t)port)};
	struct sockaddr_in *four = (struct sockaddr_in *)(void *)&address;
	// The port is at one place in both; so is the family.
	if (inet_pton(AF_INET, host, &four->sin_addr) == 1) {
		address.sin6_family = AF_INET;
	} else {
		memset(&address.sin6_flowinfo, 0, sizeof address.sin6_flowinfo);
		if (inet_pton(AF_INET6, host, &address.sin6_addr) != 1) return weave_throw_argument(env, "not an IP address");
		address.sin6_family = AF_INET6;
	}
	int error = dns_server_listen(server, &address);
	if (error != 0) return weave_throw_errno(env, error, "bind");
	napi_create_uint32(env, ntohs(address.sin6_port), &result);
	return result;
}

// dnsTake(server): bytes, for each request its length (2 bytes, native order), asker and bytes; see misses.h
static napi_value dns_take(napi_env env, napi_callback_info info) {
	napi_value argv[DNS_MAX_ARGUMENTS], buffer, result;
	struct dns_door *door = dns_door_of(env, info, argv, 1);
	if (door == NULL) return NULL;
	atomic_store(&door->woken, false);
	struct dns_misses *misses = dns_server_misses(door->server);
	uint8_t *taken = malloc(dns_misses_room(misses));
	if (taken == NULL) return weave_throw_errno(env, ENOMEM, "dns requests");
	size_t length = dns_misses_take(misses, taken);
	void *data = NULL;
	napi_status status = napi_create_arraybuffer(env, length, &data, &buffer);
	if (status == napi_ok && length > 0) memcpy(data, taken, length);
	free(taken);
	if (status != napi_ok) return NULL;
	napi_create_typedarray(env, napi_uint8_array, length, buffer, 0, &result);
	return result;
}

// dnsSend(server, asker, reply): whether the kernel took it
static napi_value dns_send(napi_env env, napi_callback_info info) {
	napi_value argv[DNS_MAX_ARGUMENTS], result;
	struct dns_server *server = dns_server_of(env, info, argv, 3);
	if (server == NULL) return NULL;
	uint8_t *asker, *reply;
	size_t asker_length, reply_length;
	if (!dns_bytes_of(env, argv[1], &asker, &asker_length) || !dns_bytes_of(env, argv[2], &reply, &reply_length) ||
	    asker_length != sizeof(struct dns_asker))
		return weave_throw_argument(env, "an asker and a reply are needed");
	struct dns_asker to;
	memcpy(&to, asker, sizeof to);
	napi_get_boolean(env, dns_server_send(server, &to, reply, reply_length) == 0, &result);
	return result;
}

// dnsBounds(server, BigUint64Array of DNS_LATENCY_BUCKETS - 1 ns)
static napi_value dns_bounds(napi_env env, napi_callback_info info) {
	napi_value argv[DNS_MAX_ARGUMENTS];
	struct dns_server *server = dns_server_of(env, info, argv, 2);
	if (server == NULL) return NULL;
	napi_typedarray_type type;
	size_t length;
	void *data = NULL;
	if (napi_get_typedarray_info(env, argv[1], &type, &length, &data, NULL, NULL) != napi_ok ||
	    type != napi_biguint64_array || length != DNS_LATENCY_BUCKETS - 1)
		return weave_throw_argument(env, "15 bounds in a BigUint64Array are needed");
	dns_server_bounds(server, data);
	return NULL;
}

// dnsCounters(server): BigUint64Array, laid out as struct dns_counters
static napi_value dns_counters(napi_env env, napi_callback_info info) {
	napi_value argv[DNS_MAX_ARGUMENTS], buffer, result;
	struct dns_server *server = dns_server_of(env, info, argv, 1);
	if (server == NULL) return NULL;
	struct dns_counters counters;
	dns_server_counters(server, &counters);
	void *data = NULL;
	if (napi_create_arraybuffer(env, sizeof counters, &data, &buffer) != napi_ok) return NULL;
	memcpy(data, &counters, sizeof counters);
	napi_create_typedarray(env, napi_biguint64_array, sizeof counters / 8, buffer, 0, &result);
	return result;
}

void weave_init_dns(napi_env env, napi_value exports) {
	napi_value size;
	weave_export(env, exports, "dnsOpen", dns_open);
	weave_export(env, exports, "dnsClose", dns_close);
	weave_export(env, exports, "dnsListen", dns_listen);
	weave_export(env, exports, "dnsTake", dns_take);
	weave_export(env, exports, "dnsSend", dns_send);
	weave_export(env, exports, "dnsBounds", dns_bounds);
	weave_export(env, exports, "dnsCounters", dns_counters);
	dns_init_answers(env, exports);
	napi_create_uint32(env, sizeof(struct dns_asker), &size);
	napi_set_named_property(env, exports, "dnsAskerLength", size);
}
