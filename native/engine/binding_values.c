#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>

#include "binding.h"

bool number_of(napi_env env, napi_value value, double *number) {
	return napi_get_value_double(env, value, number) == napi_ok;
}

bool flag_of(napi_env env, napi_value value, bool *flag) {
	return napi_get_value_bool(env, value, flag) == napi_ok;
}

bool text_of(napi_env env, napi_value value, char *text, size_t room) {
	size_t length;
	if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok || length >= room) return false;
	return napi_get_value_string_utf8(env, value, text, room, &length) == napi_ok;
}

bool undefined(napi_env env, napi_value value) {
	napi_valuetype type;
	return napi_typeof(env, value, &type) == napi_ok && type == napi_undefined;
}

bool view_of(napi_env env, napi_value value, struct view *view) {
	napi_typedarray_type type;
	void *start = NULL;
	if (napi_get_typedarray_info(env, value, &type, &view->length, &start, NULL, NULL) != napi_ok) return false;
	view->bytes = start;
	return type == napi_uint8_array;
}

napi_value bytes_value(napi_env env, const void *bytes, size_t length) {
	napi_value buffer, array = NULL;
	void *copy;
	if (napi_create_arraybuffer(env, length, &copy, &buffer) != napi_ok) return NULL;
	if (length) memcpy(copy, bytes, length);
	napi_create_typedarray(env, napi_uint8_array, length, buffer, 0, &array);
	return array;
}

napi_value number_value(napi_env env, double number) {
	napi_value value;
	napi_create_double(env, number, &value);
	return value;
}

void set_value(napi_env env, napi_value object, const char *name, napi_value value) {
	napi_set_named_property(env, object, name, value);
}

void set_number(napi_env env, napi_value object, const char *name, double number) {
	set_value(env, object, name, number_value(env, number));
}

bool address_parse(const char *host, uint16_t port, union address *address) {
	char text[INET6_ADDRSTRLEN + IF_NAMESIZE + 1];
	memset(address, 0, sizeof *address);
	if (inet_pton(AF_INET, host, &address->in4.sin_addr) == 1) {
		address->in4.sin_family = AF_INET;
		address->in4.sin_port = htons(port);
		return true;
	}
	if (strlen(host) >= sizeof text) return false;
	strcpy(text, host);
	char *scope = strchr(text, '%');
	if (scope) {
		*scope++ = 0;
		address->in6.sin6_scope_id = if_nametoindex(scope);
	}
	if (inet_pton(AF_INET6, text, &address->in6.sin6_addr) != 1) return false;
	address->in6.sin6_family = AF_INET6;
	address->in6.sin6_port = htons(port);
	return true;
}

napi_value address_value(napi_env env, const union address *address) {
	char text[INET6_ADDRSTRLEN + IF_NAMESIZE + 1] = "", name[IF_NAMESIZE];
	uint16_t port = 0;
	if (address->any.sa_family == AF_INET) {
		inet_ntop(AF_INET, &address->in4.sin_addr, text, sizeof text);
		port = ntohs(address->in4.sin_port);
	} else if (address->any.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &address->in6.sin6_addr, text, sizeof text);
		port = ntohs(address->in6.sin6_port);
		if (address->in6.sin6_scope_id && if_indextoname(address->in6.sin6_scope_id, name)) {
			size_t end = strlen(text);
			snprintf(text + end, sizeof text - end, "%%%s", name);
		}
	}
	napi_value object, host;
	napi_create_object(env, &object);
	napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &host);
	set_value(env, object, "host", host);
	set_number(env, object, "port", port);
	return object;
}
