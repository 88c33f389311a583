#include <errno.h>
#include <stdlib.h>

#include "binding.h"

static napi_value special_value(napi_env env, napi_value object, const struct event *event) {
	napi_value value;
	set_number(env, object, "length", event->length);
	napi_get_boolean(env, event->zeros, &value);
	set_value(env, object, "zeros", value);
	napi_create_bigint_uint64(env, event->uid, &value);
	set_value(env, object, "uid", value);
	set_value(env, object, "from", address_value(env, &event->from));
	return object;
}

static napi_value event_value(napi_env env, const struct event *event) {
	napi_value object, value;
	napi_create_object(env, &object);
	set_number(env, object, "kind", event->kind);
	switch (event->kind) {
	case EVENT_SPECIAL:
		set_number(env, object, "link", event->link);
		return special_value(env, object, event);
	case EVENT_MAC:
		set_number(env, object, "mac", (double)event->mac);
		set_number(env, object, "peer", (double)event->peer);
		napi_get_boolean(env, event->moved, &value);
		set_value(env, object, "moved", value);
		return object;
	case EVENT_TOO_BIG:
	case EVENT_SEND_FAILED:
	case EVENT_UNDECRYPTABLE:
		set_number(env, object, "link", event->link);
		break;
	case EVENT_STOPPED:
		break;
	}
	set_number(env, object, "errno", event->error);
	return object;
}

// engineEvents(engine) → what happened since the last call
napi_value bind_events(napi_env env, napi_callback_info info) {
	napi_value none, array;
	struct door *door = door_of(env, info, &none, 0);
	if (!door) return NULL;
	epoch_collect(&door->engine->epoch);
	napi_create_array(env, &array);
	struct event batch[64];
	uint32_t taken, length = 0;
	// Bounded by the queue's size: the workers may go on adding meanwhile.
	do {
		taken = events_take(&door->engine->events, batch, 64);
		for (uint32_t i = 0; i < taken; i++) napi_set_element(env, array, length++, event_value(env, &batch[i]));
	} while (taken > 0 && length < 2 * EVENT_ROOM);
	if (taken > 0) door->engine->events.wake(door);
	return array;
}

// engineMacs(engine) → Float64Array of address, peer, age in ms
napi_value bind_macs(napi_env env, napi_callback_info info) {
	napi_value none, buffer, array = NULL;
	struct door *door = door_of(env, info, &none, 0);
	if (!door) return NULL;
	struct mac_entry *list = malloc(sizeof *list * MAC_CAPACITY);
	if (!list) return weave_throw_errno(env, ENOMEM, "list the MAC addresses");
	uint64_t now = engine_now();
	size_t length = mac_list(door->engine->macs, now, list, MAC_CAPACITY);
	void *bytes;
	if (napi_create_arraybuffer(env, length * 3 * sizeof(double), &bytes, &buffer) == napi_ok &&
	    napi_create_typedarray(env, napi_float64_array, length * 3, buffer, 0, &array) == napi_ok) {
		double *out = bytes;
		for (size_t i = 0; i < length; i++) {
			*out++ = (double)list[i].mac;
			*out++ = (double)list[i].peer;
			*out++ = (double)(now - list[i].seen);
		}
	}
	free(list);
	return array;
}

// engineForgetPeer(engine, name) → number of addresses forgotten
napi_value bind_forget_peer(napi_env env, napi_callback_info info) {
	napi_value argv[1];
	double name;
	struct door *door = door_of(env, info, argv, 1);
	if (!door) return NULL;
	if (!number_of(env, argv[0], &name)) return weave_throw_argument(env, "engineForgetPeer: needs a name");
	return number_value(env, (double)mac_forget_peer(door->engine->macs, (uint64_t)name));
}

// engineCounterNames() → string[]
napi_value bind_counter_names(napi_env env, napi_callback_info info) {
	static const char *const names[] = {
#define COUNTER_NAME(name) #name,
		ENGINE_COUNTERS(COUNTER_NAME)
#undef COUNTER_NAME
	};
	(void)info;
	napi_value array, text;
	napi_create_array(env, &array);
	for (uint32_t i = 0; i < COUNTERS; i++) {
		napi_create_string_utf8(env, names[i], NAPI_AUTO_LENGTH, &text);
		napi_set_element(env, array, i, text);
	}
	return array;
}

static napi_value numbers_value(napi_env env, const uint64_t *values, size_t length) {
	napi_value buffer, array = NULL;
	void *bytes;
	if (napi_create_arraybuffer(env, length * sizeof(double), &bytes, &buffer) != napi_ok) return NULL;
	for (size_t i = 0; i < length; i++) ((double *)bytes)[i] = (double)values[i];
	napi_create_typedarray(env, napi_float64_array, length, buffer, 0, &array);
	return array;
}

// engineCounters(engine) → Float64Array in the order of the names
napi_value bind_counters(napi_env env, napi_callback_info info) {
	napi_value none;
	struct door *door = door_of(env, info, &none, 0);
	if (!door) return NULL;
	uint64_t sums[COUNTERS] = { 0 };
	for (int worker = 0; worker <= WORKERS; worker++)
		for (int i = 0; i < COUNTERS; i++)
			sums[i] += atomic_load_explicit(&door->engine->counters[worker].row[i], memory_order_relaxed);
	return numbers_value(env, sums, COUNTERS);
}

// engineLinkCounters(engine, id) → Float64Array: datagrams and bytes sent, received; undecryptable, replayed, send failures
napi_value bind_link_counters(napi_env env, napi_callback_info info) {
	napi_value argv[1];
	double id;
	struct door *door = door_of(env, info, argv, 1);
	if (!door) return NULL;
	struct link *link = number_of(env, argv[0], &id) ? door_link(door, (uint32_t)id) : NULL;
	if (!link) return weave_throw_argument(env, "engine: there is no such link");
	const struct link_counters *c = &link->counters;
	uint64_t values[] = {
		atomic_load(&c->datagrams_sent), atomic_load(&c->bytes_sent), atomic_load(&c->datagrams_received),
		atomic_load(&c->bytes_received), atomic_load(&c->undecryptable), atomic_load(&c->replayed), atomic_load(&c->send_failed),
	};
	return numbers_value(env, values, sizeof values / sizeof *values);
}
