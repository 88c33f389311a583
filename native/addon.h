// What the files of the addon share: one register function for each concern, called once per environment.
#pragma once
#include <node_api.h>

// Adds a function to the exports object.
void weave_export(napi_env env, napi_value exports, const char *name, napi_callback function);

// Throws a JavaScript Error with `code` = the errno's name (ENODEV, …) and `errno` = its number; the message
// is "WHAT: STRERROR". Returns NULL, for `return weave_throw_errno(...)`.
napi_value weave_throw_errno(napi_env env, int error, const char *what);

// Throws a TypeError: an argument has the wrong type or size. Returns NULL.
napi_value weave_throw_argument(napi_env env, const char *what);

void weave_init_sodium(napi_env env, napi_value exports);
