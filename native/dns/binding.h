// What the files of the server's door for JavaScript share. All functions run on JavaScript's thread.
#pragma once
#include "addon.h"
#include "server.h"

enum { DNS_MAX_ARGUMENTS = 4 };

// The open server of the first argument, and all arguments; NULL with a pending exception.
struct dns_server *dns_server_of(napi_env env, napi_callback_info info, napi_value *argv, size_t wanted);

// Uint8Array or Buffer; false when the value is none. The bytes are JavaScript's.
bool dns_bytes_of(napi_env env, napi_value value, uint8_t **bytes, size_t *length);

// Registers the functions that change what is answered.
void dns_init_answers(napi_env env, napi_value exports);
