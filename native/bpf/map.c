// BPF maps: create, read, write. Sizes of keys and values are the caller's to know (src/native/bpf/map.ts); they
// are checked against what the kernel says of the map, so that a wrong one is an exception, not an overrun.
#define _GNU_SOURCE
#include "bpf/bpf.h"

#include <errno.h>
#include <stdlib.h>

struct sizes {
	uint32_t key, value;
};

// Bytes that a lookup fills: per-CPU maps give one 8-aligned value for each possible CPU.
static int sizes_of(int fd, struct sizes *sizes) {
	struct bpf_map_info info = {0};
	union bpf_attr attr = {0};
	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info_len = sizeof info;
	attr.info.info = weave_pointer(&info);
	if (weave_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr)) return errno;
	sizes->key = info.key_size;
	sizes->value = info.value_size;
	if (info.type == BPF_MAP_TYPE_PERCPU_ARRAY || info.type == BPF_MAP_TYPE_PERCPU_HASH) {
		sizes->value = (info.value_size + 7) / 8 * 8 * (uint32_t)sysconf(_SC_NPROCESSORS_CONF);
	}
	return 0;
}

// bpfMapCreate(type, keySize, valueSize, maxEntries, flags, name) → descriptor
static napi_value js_create(napi_env env, napi_callback_info info) {
	size_t argc = 6;
	napi_value argv[6];
	int number[5];
	char name[BPF_OBJ_NAME_LEN];
	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	bool good = argc == 6;
	for (int i = 0; good && i < 5; i++) good = weave_int(env, argv[i], &number[i]) && number[i] >= 0;
	if (!good || napi_get_value_string_utf8(env, argv[5], name, sizeof name, NULL) != napi_ok) {
		return weave_throw_argument(env, "bpfMapCreate(type, keySize, valueSize, maxEntries, flags, name)");
	}
	union bpf_attr attr = {0};
	attr.map_type = (uint32_t)number[0];
	attr.key_size = (uint32_t)number[1];
	attr.value_size = (uint32_t)number[2];
	attr.max_entries = (uint32_t)number[3];
	attr.map_flags = (uint32_t)number[4];
	memcpy(attr.map_name, name, sizeof attr.map_name);
	int fd = weave_bpf(BPF_MAP_CREATE, &attr);
	return fd < 0 ? weave_throw_errno(env, errno, "cannot create a BPF map") : weave_number(env, fd);
}

// bpfMapUpdate(fd, keys, values): any number of entries, back to back; stops at the first that fails.
static napi_value js_update(napi_env env, napi_callback_info info) {
	size_t argc = 3, key_bytes, value_bytes;
	napi_value argv[3];
	int fd;
	void *keys, *values;
	struct sizes size;
	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc < 3 || !weave_int(env, argv[0], &fd) || !weave_bytes(env, argv[1], &keys, &key_bytes) ||
	    !weave_bytes(env, argv[2], &values, &value_bytes)) {
		return weave_throw_argument(env, "bpfMapUpdate(fd, keys, values)");
	}
	int error = sizes_of(fd, &size);
	if (error) return weave_throw_errno(env, error, "not a BPF map");
	if (!size.key || key_bytes % size.key || key_bytes / size.key * size.value != value_bytes) {
		return weave_throw_argument(env, "bpfMapUpdate: keys and values do not have the map's sizes");
	}
	for (size_t i = 0; i < key_bytes / size.key; i++) {
		union bpf_attr attr = {0};
		attr.map_fd = (uint32_t)fd;
		attr.key = weave_pointer((char *)keys + i * size.key);
		attr.value = weave_pointer((char *)values + i * size.value);
		if (weave_bpf(BPF_MAP_UPDATE_ELEM, &attr)) return weave_throw_errno(env, errno, "cannot write to a BPF map");
	}
	return weave_undefined(env);
}

// bpfMapLookup(fd, key) → Buffer, or undefined when there is no such entry
static napi_value js_lookup(napi_env env, napi_callback_info info) {
	size_t argc = 2, key_bytes;
	napi_value argv[2], result;
	int fd;
	void *key, *value;
	struct sizes size;
	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc < 2 || !weave_int(env, argv[0], &fd) || !weave_bytes(env, argv[1], &key, &key_bytes)) {
		return weave_throw_argument(env, "bpfMapLookup(fd, key)");
	}
	int error = sizes_of(fd, &size);
	if (error) return weave_throw_errno(env, error, "not a BPF map");
	if (key_bytes != size.key) return weave_throw_argument(env, "bpfMapLookup: the key does not have the map's size");
	napi_create_buffer(env, size.value, &value, &result);
	union bpf_attr attr = {0};
	attr.map_fd = (uint32_t)fd;
	attr.key = weave_pointer(key);
	attr.value = weave_pointer(value);
	if (!weave_bpf(BPF_MAP_LOOKUP_ELEM, &attr)) return result;
	return errno == ENOENT ? weave_undefined(env) : weave_throw_errno(env, errno, "cannot read a BPF map");
}

// bpfMapDelete(fd, key) → whether there was such an entry
static napi_value js_delete(napi_env env, napi_callback_info info) {
	size_t argc = 2, key_bytes;
	napi_value argv[2], result;
	int fd;
	void *key;
	struct sizes size;
	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc < 2 || !weave_int(env, argv[0], &fd) || !weave_bytes(env, argv[1], &key, &key_bytes)) {
		return weave_throw_argument(env, "bpfMapDelete(fd, key)");
	}
	int error = sizes_of(fd, &size);
	if (error) return weave_throw_errno(env, error, "not a BPF map");
	if (key_bytes != size.key) return weave_throw_argument(env, "bpfMapDelete: the key does not have the map's size");
	union bpf_attr attr = {0};
	attr.map_fd = (uint32_t)fd;
	attr.key = weave_pointer(key);
	bool gone = !weave_bpf(BPF_MAP_DELETE_ELEM, &attr);
	if (!gone && errno != ENOENT) return weave_throw_errno(env, errno, "cannot delete from a BPF map");
	napi_get_boolean(env, gone, &result);
	return result;
}

// Appends the next key after `previous` (NULL: the first) at `next`; false at the end.
static bool next_key(int fd, const void *previous, void *next) {
	union bpf_attr attr = {0};
	attr.map_fd = (uint32_t)fd;
	attr.key = weave_pointer(previous);
	attr.next_key = weave_pointer(next);
	return !weave_bpf(BPF_MAP_GET_NEXT_KEY, &attr);
}

// bpfMapEntries(fd, limit) → Buffer of key ‖ value, back to back. The programs go on writing meanwhile: an entry
// that vanishes while we look is left out.
static napi_value js_entries(napi_env env, napi_callback_info info) {
	size_t argc = 2;
	napi_value argv[2], result;
	int fd, limit;
	struct sizes size;
	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc < 2 || !weave_int(env, argv[0], &fd) || !weave_int(env, argv[1], &limit) || limit < 0) {
		return weave_throw_argument(env, "bpfMapEntries(fd, limit)");
	}
	int error = sizes_of(fd, &size);
	if (error) return weave_throw_errno(env, error, "not a BPF map");
	size_t entry = (size_t)size.key + size.value, used = 0;
	char *bytes = malloc((size_t)limit * entry + size.key);
	if (!bytes) return weave_throw_errno(env, ENOMEM, "bpfMapEntries");
	char *key = malloc(2 * (size_t)size.key);
	if (!key) {
		free(bytes);
		return weave_throw_errno(env, ENOMEM, "bpfMapEntries");
	}
	char *next = key + size.key;
	bool more = next_key(fd, NULL, next);
	while (more && used < (size_t)limit * entry) {
		memcpy(key, next, size.key);
		union bpf_attr attr = {0};
		attr.map_fd = (uint32_t)fd;
		attr.key = weave_pointer(key);
		attr.value = weave_pointer(bytes + used + size.key);
		if (!weave_bpf(BPF_MAP_LOOKUP_ELEM, &attr)) {
			memcpy(bytes + used, key, size.key);
			used += entry;
		}
		more = next_key(fd, key, next);
	}
	napi_create_buffer_copy(env, used, bytes, NULL, &result);
	free(key);
	free(bytes);
	return result;
}

// bpfMapShape(fd) → [type, keySize, valueSize, maxEntries]
static napi_value js_shape(napi_env env, napi_callback_info info) {
	size_t argc = 1;
	napi_value argv[1], result;
	int fd;
	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc < 1 || !weave_int(env, argv[0], &fd)) return weave_throw_argument(env, "bpfMapShape(fd)");
	struct bpf_map_info map = {0};
	union bpf_attr attr = {0};
	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info_len = sizeof map;
	attr.info.info = weave_pointer(&map);
	if (weave_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr)) return weave_throw_errno(env, errno, "cannot describe a BPF map");
	const uint32_t shape[] = {map.type, map.key_size, map.value_size, map.max_entries};
	napi_create_array_with_length(env, 4, &result);
	for (uint32_t i = 0; i < 4; i++) {
		napi_value number;
		napi_create_uint32(env, shape[i], &number);
		napi_set_element(env, result, i, number);
	}
	return result;
}

void weave_init_bpf_map(napi_env env, napi_value exports) {
	weave_export(env, exports, "bpfMapCreate", js_create);
	weave_export(env, exports, "bpfMapShape", js_shape);
	weave_export(env, exports, "bpfMapUpdate", js_update);
	weave_export(env, exports, "bpfMapLookup", js_lookup);
	weave_export(env, exports, "bpfMapDelete", js_delete);
	weave_export(env, exports, "bpfMapEntries", js_entries);
}
