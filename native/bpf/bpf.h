// What the files of this concern share: the bpf(2) call and small argument readers.
#pragma once
#include "addon.h"

#include <linux/bpf.h>
#include <stdint.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

// Headers of Linux before 6.6.
#define WEAVE_TCX_INGRESS 46
#define WEAVE_TCX_EGRESS 47

// The result of bpf(2): a descriptor or 0, or -1 with errno set.
static inline int weave_bpf(int command, union bpf_attr *attr) {
	return (int)syscall(SYS_bpf, command, attr, sizeof *attr);
}

static inline uint64_t weave_pointer(const void *pointer) { return (uint64_t)(uintptr_t)pointer; }

// True when the argument is an integer; false leaves `out` alone.
static inline bool weave_int(napi_env env, napi_value value, int *out) {
	int32_t number;
	if (napi_get_value_int32(env, value, &number) != napi_ok) return false;
	*out = number;
	return true;
}

// A Buffer or Uint8Array; the bytes are borrowed for the duration of the call.
static inline bool weave_bytes(napi_env env, napi_value value, void **bytes, size_t *length) {
	bool is_buffer = false;
	if (napi_is_buffer(env, value, &is_buffer) != napi_ok || !is_buffer) return false;
	return napi_get_buffer_info(env, value, bytes, length) == napi_ok;
}

static inline napi_value weave_number(napi_env env, int number) {
	napi_value value;
	napi_create_int32(env, number, &value);
	return value;
}

static inline napi_value weave_undefined(napi_env env) {
	napi_value value;
	napi_get_undefined(env, &value);
	return value;
}
