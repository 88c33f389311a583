// Between JavaScript and the engine. All of it runs on JavaScript's thread, the control thread of the engine.
#pragma once
#include "addon.h"
#include "engine.h"

// The links of one engine by id: the lower 16 bits are a slot, the upper tell its users apart.
struct door {
	struct engine *engine; // NULL once stopped
	napi_threadsafe_function wake;
	_Atomic bool woken;
	struct link **slots;
	uint32_t slots_length;
	uint32_t generation;
};

// The door of the call's first argument, and its other arguments; NULL with a pending exception when it is no open door.
struct door *door_of(napi_env env, napi_callback_info info, napi_value *argv, size_t wanted);

struct link *door_link(struct door *door, uint32_t id);

// Arguments; false when the value has another type.
bool number_of(napi_env env, napi_value value, double *number);
bool flag_of(napi_env env, napi_value value, bool *flag);
bool text_of(napi_env env, napi_value value, char *text, size_t room);
bool undefined(napi_env env, napi_value value);

// The bytes of a Uint8Array, where they lie.
struct view {
	uint8_t *bytes;
	size_t length;
};
bool view_of(napi_env env, napi_value value, struct view *view);

napi_value number_value(napi_env env, double number);
// A Uint8Array with a copy of the bytes; NULL when out of memory.
napi_value bytes_value(napi_env env, const void *bytes, size_t length);
void set_value(napi_env env, napi_value object, const char *name, napi_value value);
void set_number(napi_env env, napi_value object, const char *name, double number);

// IPv4 or IPv6 text, IPv6 with a scope or not; false when it is none.
bool address_parse(const char *host, uint16_t port, union address *address);
napi_value address_value(napi_env env, const union address *address);

napi_value bind_set_tables(napi_env env, napi_callback_info info);
napi_value bind_events(napi_env env, napi_callback_info info);
napi_value bind_macs(napi_env env, napi_callback_info info);
napi_value bind_forget_peer(napi_env env, napi_callback_info info);
napi_value bind_counter_names(napi_env env, napi_callback_info info);
napi_value bind_counters(napi_env env, napi_callback_info info);
napi_value bind_link_counters(napi_env env, napi_callback_info info);
