#include "binding.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>

static const napi_type_tag DOOR = { 0x7765617665656e67ull, 0x696e65646f6f7221ull };

struct door *door_of(napi_env env, napi_callback_info info, napi_value *argv, size_t wanted) {
	size_t argc = wanted + 1;
	napi_value all[12];
	bool is_door = false;
	void *door = NULL;
	napi_get_cb_info(env, info, &argc, all, NULL, NULL);
	if (argc >= 1) napi_check_object_type_tag(env, all[0], &DOOR, &is_door);
	if (argc != wanted + 1 || !is_door || napi_unwrap(env, all[0], &door) != napi_ok) {
		weave_throw_argument(env, "engine: wrong number of arguments, or the first is no engine");
		return NULL;
	}
	if (!((struct door *)door)->engine) {
		napi_throw_error(env, "ESTOPPED", "engine: it was stopped");
		return NULL;
	}
	memcpy(argv, all + 1, wanted * sizeof *argv);
	return door;
}

struct link *door_link(struct door *door, uint32_t id) {
	uint32_t slot = id & 0xffff;
	struct link *link = slot < door->slots_length ? door->slots[slot] : NULL;
	return link && link->id == id ? link : NULL;
}

static napi_value throw_link(napi_env env) {
	return weave_throw_argument(env, "engine: there is no such link");
}

static struct link *link_of(napi_env env, struct door *door, napi_value value) {
	double id;
	return number_of(env, value, &id) ? door_link(door, (uint32_t)id) : NULL;
}

// From a worker. One call for many events: JavaScript takes all that are there.
static void wake(void *argument) {
	struct door *door = argument;
	napi_call_threadsafe_function(door->wake, NULL, napi_tsfn_nonblocking);
}

static void close_door(struct door *door) {
	if (!door->engine) return;
	engine_stop(door->engine);
	for (uint32_t i = 0; i < door->slots_length; i++) link_drop(door->slots[i]);
	free(door->slots);
	door->slots = NULL;
	door->slots_length = 0;
	engine_free(door->engine);
	door->engine = NULL;
	napi_release_threadsafe_function(door->wake, napi_tsfn_abort);
}

static void finalize(napi_env env, void *door, void *hint) {
	(void)env;
	(void)hint;
	close_door(door);
	free(door);
}

struct start_texts {
	char tap[IF_NAMESIZE];
	char host[64];
};

static bool read_options(napi_env env, napi_value object, struct engine_options *options, struct start_texts *texts) {
	static const char *const names[] = { "self", "mtu", "localMtu", "port", "seed", "tap", "host" };
	double numbers[5];
	napi_value value;
	for (int i = 0; i < 7; i++) {
		if (napi_get_named_property(env, object, names[i], &value) != napi_ok) return false;
		if (i < 5 && !number_of(env, value, &numbers[i])) return false;
		if (i == 5 && !text_of(env, value, texts->tap, sizeof texts->tap)) return false;
		if (i == 6 && !text_of(env, value, texts->host, sizeof texts->host)) return false;
	}
	options->self = (uint64_t)numbers[0];
	options->mtu = (uint32_t)numbers[1];
	options->local_mtu = (uint32_t)numbers[2];
	options->port = (uint16_t)numbers[3];
	options->seed = (uint64_t)numbers[4];
	options->tap = texts->tap;
	options->host = texts->host;
	return true;
}

// engineStart({ self, tap, mtu, localMtu, host, port, seed }, wake) → engine; `wake` is called when there are events
static napi_value start(napi_env env, napi_callback_info info) {
	size_t argc = 2;
	napi_value argv[2], object, name;
	struct engine_options options = { 0 };
	struct start_texts texts;
	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc != 2 || !read_options(env, argv[0], &options, &texts))
		return weave_throw_argument(env, "engineStart: needs self, tap, mtu, localMtu, host, port and seed, and a function");

	struct door *door = calloc(1, sizeof *door);
	if (!door) return weave_throw_errno(env, ENOMEM, "engine");
	options.wake = wake;
	options.argument = door;
	napi_create_string_utf8(env, "weave engine", NAPI_AUTO_LENGTH, &name);
	if (napi_create_threadsafe_function(env, argv[1], NULL, name, 0, 1, NULL, NULL, NULL, NULL, &door->wake) != napi_ok) {
		free(door);
		return weave_throw_argument(env, "engineStart: the second argument is no function");
	}
	napi_unref_threadsafe_function(env, door->wake);

	int error;
	const char *what;
	door->engine = engine_start(&options, &error, &what);
	if (!door->engine) {
		napi_release_threadsafe_function(door->wake, napi_tsfn_abort);
		free(door);
		return weave_throw_errno(env, error, what);
	}
	napi_create_object(env, &object);
	napi_type_tag_object(env, object, &DOOR);
	napi_wrap(env, object, door, finalize, NULL, NULL);
	set_number(env, object, "tapIndex", door->engine->tap.index);
	napi_value flag;
	napi_get_boolean(env, door->engine->tap.udp_segments, &flag);
	set_value(env, object, "udpSegments", flag);
	napi_get_boolean(env, door->engine->udp.segmentation, &flag);
	set_value(env, object, "segmentation", flag);
	return object;
}

// engineStop(engine): ends the threads, removes the TAP, frees all
static napi_value stop(napi_env env, napi_callback_info info) {
	napi_value none;
	struct door *door = door_of(env, info, &none, 0);
	if (door) close_door(door);
	return NULL;
}

static int free_slot(struct door *door) {
	for (uint32_t i = 0; i < door->slots_length; i++)
		if (!door->slots[i]) return (int)i;
	uint32_t length = door->slots_length ? door->slots_length * 2 : 16;
	if (length > 0xffff) return -1;
	struct link **slots = realloc(door->slots, length * sizeof *slots);
	if (!slots) return -1;
	memset(slots + door->slots_length, 0, (length - door->slots_length) * sizeof *slots);
	int slot = (int)door->slots_length;
	door->slots = slots;
	door->slots_length = length;
	return slot;
}

// The key material of a link: as many bytes as the suite wants, nothing in clear.
static bool key_of(napi_env env, napi_value value, enum suite suite, const uint8_t **key) {
	napi_typedarray_type type;
	size_t length = 0;
	void *bytes = NULL;
	*key = NULL;
	if (suite == SUITE_CLEAR) return undefined(env, value);
	if (napi_get_typedarray_info(env, value, &type, &length, &bytes, NULL, NULL) != napi_ok) return false;
	*key = bytes;
	return type == napi_uint8_array && length == cipher_key_bytes(suite);
}

// engineAddLink(engine, name, suite, outbound, key or undefined) → id, never 0
static napi_value add_link(napi_env env, napi_callback_info info) {
	napi_value argv[4];
	struct door *door = door_of(env, info, argv, 4);
	if (!door) return NULL;
	double name, suite;
	bool outbound;
	const uint8_t *key;
	if (!number_of(env, argv[0], &name) || !number_of(env, argv[1], &suite) || suite < 0 || suite >= SUITES ||
	    !flag_of(env, argv[2], &outbound) || !key_of(env, argv[3], (enum suite)suite, &key))
		return weave_throw_argument(env, "engineAddLink: needs a name, a suite, a direction and a key of the suite's length");

	int slot = free_slot(door);
	door->generation = (door->generation + 1) & 0x7fff;
	uint32_t id = (door->generation + 1) << 16 | (uint32_t)slot;
	struct link *link = slot < 0 ? NULL : link_new(id, (uint64_t)name, (enum suite)suite, outbound, key);
	if (!link) return weave_throw_errno(env, ENOMEM, "add a link");
	door->slots[slot] = link;
	return number_value(env, id);
}

// engineRekey(engine, id) → epoch of the key that is now sent with; 0 for suites without rekeying
static napi_value rekey(napi_env env, napi_callback_info info) {
	napi_value argv[1];
	struct door *door = door_of(env, info, argv, 1);
	if (!door) return NULL;
	struct link *link = link_of(env, door, argv[0]);
	return link ? number_value(env, (double)engine_rekey(door->engine, link)) : throw_link(env);
}

// engineDropLink(engine, id): the id is gone at once, the link when the tables do not name it any more
static napi_value drop_link(napi_env env, napi_callback_info info) {
	napi_value argv[1];
	struct door *door = door_of(env, info, argv, 1);
	if (!door) return NULL;
	struct link *link = link_of(env, door, argv[0]);
	if (!link) return throw_link(env);
	door->slots[link->id & 0xffff] = NULL;
	link_drop(link);
	return NULL;
}

// engineSetPath(engine, id, host, port, mtu, maxPayload, stackFragments)
static napi_value set_path(napi_env env, napi_callback_info info) {
	napi_value argv[6];
	struct door *door = door_of(env, info, argv, 6);
	if (!door) return NULL;
	struct link *link = link_of(env, door, argv[0]);
	if (!link) return throw_link(env);
	char host[64];
	double port, mtu, max_payload;
	struct path path = { 0 };
	if (!text_of(env, argv[1], host, sizeof host) || !number_of(env, argv[2], &port) || !number_of(env, argv[3], &mtu) ||
	    !number_of(env, argv[4], &max_payload) || !flag_of(env, argv[5], &path.stack_fragments) ||
	    !address_parse(host, (uint16_t)port, &path.to) || max_payload < 0 || max_payload > MAX_UDP_PAYLOAD)
		return weave_throw_argument(env, "engineSetPath: needs an address, a port, an MTU, a payload size and a flag");
	path.mtu = (uint32_t)mtu;
	path.max_payload = (uint32_t)max_payload;
	struct path *copy = malloc(sizeof *copy);
	if (!copy) return weave_throw_errno(env, ENOMEM, "set a path");
	*copy = path;
	engine_set_path(door->engine, link, copy);
	return NULL;
}

// engineSendSpecial(engine, id, df, length, uid) → 0 or an errno
static napi_value send_special(napi_env env, napi_callback_info info) {
	napi_value argv[4];
	struct door *door = door_of(env, info, argv, 4);
	if (!door) return NULL;
	struct link *link = link_of(env, door, argv[0]);
	if (!link) return throw_link(env);
	bool df, lossless;
	double length;
	uint64_t uid;
	if (!flag_of(env, argv[1], &df) || !number_of(env, argv[2], &length) || length < 14 || length > 0xffff ||
	    napi_get_value_bigint_uint64(env, argv[3], &uid, &lossless) != napi_ok || !lossless)
		return weave_throw_argument(env, "engineSendSpecial: needs a flag, a length from 14 to 65535 and a 64-bit number");
	return number_value(env, engine_send_special(door->engine, link, df ? CLASS_DF : CLASS_FRAGMENTABLE, (uint32_t)length, uid));
}

// enginePathMtu(engine, id) → what the kernel knows of the path, minus an errno when it does not
static napi_value path_mtu(napi_env env, napi_callback_info info) {
	napi_value argv[1];
	struct door *door = door_of(env, info, argv, 1);
	if (!door) return NULL;
	struct link *link = link_of(env, door, argv[0]);
	if (!link) return throw_link(env);
	const struct path *path = atomic_load(&link->path);
	return number_value(env, path ? udp_path_mtu(&path->to) : -EDESTADDRREQ);
}

// engineListen(engine, id, kind): report this kind of event of the link again
static napi_value listen_again(napi_env env, napi_callback_info info) {
	napi_value argv[2];
	struct door *door = door_of(env, info, argv, 2);
	if (!door) return NULL;
	struct link *link = link_of(env, door, argv[0]);
	double kind;
	if (!link) return throw_link(env);
	if (!number_of(env, argv[1], &kind) || kind < 0 || kind > EVENT_STOPPED) return weave_throw_argument(env, "engineListen: no such kind of event");
	atomic_store(&link->reported[(int)kind], false);
	return NULL;
}

// engineSetLocalMtu(engine, mtu)
static napi_value set_local_mtu(napi_env env, napi_callback_info info) {
	napi_value argv[1];
	double mtu;
	struct door *door = door_of(env, info, argv, 1);
	if (!door) return NULL;
	if (!number_of(env, argv[0], &mtu) || mtu < 0 || mtu > 0xffff) return weave_throw_argument(env, "engineSetLocalMtu: needs an MTU");
	atomic_store(&door->engine->local_mtu, (uint32_t)mtu);
	return NULL;
}

void weave_init_engine(napi_env env, napi_value exports) {
	weave_export(env, exports, "engineStart", start);
	weave_export(env, exports, "engineStop", stop);
	weave_export(env, exports, "engineAddLink", add_link);
	weave_export(env, exports, "engineRekey", rekey);
	weave_export(env, exports, "engineDropLink", drop_link);
	weave_export(env, exports, "engineSetPath", set_path);
	weave_export(env, exports, "engineSendSpecial", send_special);
	weave_export(env, exports, "enginePathMtu", path_mtu);
	weave_export(env, exports, "engineListen", listen_again);
	weave_export(env, exports, "engineSetLocalMtu", set_local_mtu);
	weave_export(env, exports, "engineSetTables", bind_set_tables);
	weave_export(env, exports, "engineEvents", bind_events);
	weave_export(env, exports, "engineMacs", bind_macs);
	weave_export(env, exports, "engineForgetPeer", bind_forget_peer);
	weave_export(env, exports, "engineCounterNames", bind_counter_names);
	weave_export(env, exports, "engineCounters", bind_counters);
	weave_export(env, exports, "engineLinkCounters", bind_link_counters);
}
