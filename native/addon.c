#define _GNU_SOURCE
#include "addon.h"

#include <stdio.h>
#include <string.h>

void weave_export(napi_env env, napi_value exports, const char *name, napi_callback function) {
	napi_value value;
	napi_create_function(env, name, NAPI_AUTO_LENGTH, function, NULL, &value);
	napi_set_named_property(env, exports, name, value);
}

napi_value weave_errno_error(napi_env env, int error, const char *what) {
	char text[1024];
	napi_value code, message, object, number;
	const char *name = strerrorname_np(error);
	snprintf(text, sizeof text, "%s: %s", what, strerror(error));
	napi_create_string_utf8(env, name ? name : "EUNKNOWN", NAPI_AUTO_LENGTH, &code);
	napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &message);
	napi_create_error(env, code, message, &object);
	napi_create_int32(env, error, &number);
	napi_set_named_property(env, object, "errno", number);
	return object;
}

napi_value weave_throw_errno(napi_env env, int error, const char *what) {
	napi_throw(env, weave_errno_error(env, error, what));
	return NULL;
}

napi_value weave_throw_argument(napi_env env, const char *what) {
	napi_throw_type_error(env, "ERR_INVALID_ARG", what);
	return NULL;
}

NAPI_MODULE_INIT() {
	weave_init_netlink_socket(env, exports);
	weave_init_netlink_watch(env, exports);
	weave_init_netns_files(env, exports);
	weave_init_netns_link(env, exports);
	weave_init_netns_spawn(env, exports);
	weave_init_netns_probe(env, exports);
	weave_init_netfilter_legacy(env, exports);
	weave_init_sodium(env, exports);
	weave_init_dns(env, exports);
	weave_init_engine(env, exports);
	weave_init_engine_probe(env, exports);
	weave_init_engine_probe_aead(env, exports);
	weave_init_bpf_map(env, exports);
	weave_init_bpf_program(env, exports);
	weave_init_bpf_attach(env, exports);
	weave_init_bpf_ring(env, exports);
	weave_init_bpf_probe_socket(env, exports);
	weave_init_service_socket(env, exports);
	return exports;
}
