// What the files of the addon share: one register function for each concern, called once per environment.
#pragma once
#include <node_api.h>

// Adds a function to the exports object.
void weave_export(napi_env env, napi_value exports, const char *name, napi_callback function);

// A JavaScript Error as weave_throw_errno throws it, for rejecting a promise.
napi_value weave_errno_error(napi_env env, int error, const char *what);

// Throws a JavaScript Error with `code` = the errno's name (ENODEV, …) and `errno` = its number; the message
// is "WHAT: STRERROR". Returns NULL, for `return weave_throw_errno(...)`.
napi_value weave_throw_errno(napi_env env, int error, const char *what);

// Throws a TypeError: an argument has the wrong type or size. Returns NULL.
napi_value weave_throw_argument(napi_env env, const char *what);

void weave_init_sodium(napi_env env, napi_value exports);
void weave_init_dns(napi_env env, napi_value exports);
void weave_init_engine(napi_env env, napi_value exports);
void weave_init_engine_probe(napi_env env, napi_value exports);
void weave_init_engine_probe_aead(napi_env env, napi_value exports);

void weave_init_netlink_socket(napi_env env, napi_value exports);
void weave_init_netlink_watch(napi_env env, napi_value exports);
void weave_init_netns_files(napi_env env, napi_value exports);
void weave_init_netns_link(napi_env env, napi_value exports);
void weave_init_netns_spawn(napi_env env, napi_value exports);
void weave_init_netns_probe(napi_env env, napi_value exports);
void weave_init_netfilter_legacy(napi_env env, napi_value exports);

void weave_init_bpf_map(napi_env env, napi_value exports);
void weave_init_bpf_program(napi_env env, napi_value exports);
void weave_init_bpf_attach(napi_env env, napi_value exports);
void weave_init_bpf_ring(napi_env env, napi_value exports);
void weave_init_bpf_probe_socket(napi_env env, napi_value exports);

void weave_init_service_socket(napi_env env, napi_value exports);
