// Runs a program in another network namespace: a child inherits the namespace of the thread that made it.
#define _GNU_SOURCE
#include "addon.h"
#include "netns/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OUTPUT_LIMIT (8 << 20)

extern char **environ;

// One run, owned by the work item and freed in `finish`.
struct run {
	napi_async_work work;
	napi_deferred deferred;
	int ns, error, status;
	int64_t timeout_ms;
	char **argv;
	char *input;
	size_t input_length;
	struct output {
		char *bytes;
		size_t length, capacity;
	} output[2];
};

static int64_t now_ms(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int append(struct output *o, const char *bytes, size_t length) {
	if (o->length + length > OUTPUT_LIMIT) return EFBIG;
	if (o->length + length > o->capacity) {
		size_t capacity = (o->length + length) * 2;
		char *larger = realloc(o->bytes, capacity);
		if (!larger) return ENOMEM;
		o->bytes = larger;
		o->capacity = capacity;
	}
	memcpy(o->bytes + o->length, bytes, length);
	o->length += length;
	return 0;
}

static void close_if_open(int *fd) {
	if (*fd >= 0) close(*fd);
	*fd = -1;
}

// Feeds the input and collects both outputs until the child has closed them, or the time is over.
static int converse(struct run *r, int *in, int *out, int *err) {
	int64_t deadline = now_ms() + r->timeout_ms;
	size_t fed = 0;
	char bytes[16384];

	if (!r->input_length) close_if_open(in);
	while (*out >= 0 || *err >= 0) {
		struct pollfd fds[3] = {
		    {.fd = *out, .events = POLLIN}, {.fd = *err, .events = POLLIN}, {.fd = *in, .events = POLLOUT}};
		int64_t left = deadline - now_ms();
		if (left <= 0) return ETIMEDOUT;
		if (poll(fds, 3, (int)left) < 0 && errno != EINTR) return errno;

		int *ends[2] = {out, err};
		for (int i = 0; i < 2; i++) {
			if (!fds[i].revents) continue;
			ssize_t n = read(*ends[i], bytes, sizeof bytes);
			int error = n > 0 ? append(&r->output[i], bytes, (size_t)n) : 0;
			if (error) return error;
			if (n <= 0) close_if_open(ends[i]);
		}
		if (fds[2].revents) {
			ssize_t n = write(*in, r->input + fed, r->input_length - fed);
			fed += n > 0 ? (size_t)n : 0;
			// A child that does not read any more says why on its error output.
			if (n <= 0 || fed == r->input_length) close_if_open(in);
		}
	}
	return 0;
}

static int start(const struct run *r, pid_t *pid, const int pipes[3][2]) {
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pipes[0][0], 0);
	posix_spawn_file_actions_adddup2(&actions, pipes[1][1], 1);
	posix_spawn_file_actions_adddup2(&actions, pipes[2][1], 2);

	// Threads of the pool block signals and Node.js ignores SIGPIPE: a program expects neither.
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

	int home = netns_enter(r->ns);
	int error = home == -1 ? errno : 0;
	if (!error) {
		error = posix_spawnp(pid, r->argv[0], &actions, &attributes, r->argv, environ);
		netns_leave(home);
	}
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return error;
}

static void execute(napi_env env, void *data) {
	(void)env;
	struct run *r = data;
	int pipes[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}};
	pid_t pid;

	for (int i = 0; i < 3 && !r->error; i++) {
		if (pipe2(pipes[i], O_CLOEXEC)) r->error = errno;
	}
	if (!r->error) r->error = start(r, &pid, (const int(*)[2])pipes);
	close_if_open(&pipes[0][0]);
	close_if_open(&pipes[1][1]);
	close_if_open(&pipes[2][1]);

	if (!r->error) {
		fcntl(pipes[0][1], F_SETFL, O_NONBLOCK);
		r->error = converse(r, &pipes[0][1], &pipes[1][0], &pipes[2][0]);
		if (r->error) kill(pid, SIGKILL);
		while (waitpid(pid, &r->status, 0) < 0 && errno == EINTR) continue;
	}
	close_if_open(&pipes[0][1]);
	close_if_open(&pipes[1][0]);
	close_if_open(&pipes[2][0]);
}

static void free_run(struct run *r) {
	for (char **arg = r->argv; arg && *arg; arg++) free(*arg);
	free(r->argv);
	free(r->input);
	free(r->output[0].bytes);
	free(r->output[1].bytes);
	free(r);
}

static void finish(napi_env env, napi_status status, void *data) {
	struct run *r = data;
	int error = status == napi_ok ? r->error : ECANCELED;
	if (error) {
		napi_reject_deferred(env, r->deferred, weave_errno_error(env, error, r->argv[0]));
	} else {
		napi_value result, code, text;
		int exit_code = WIFEXITED(r->status) ? WEXITSTATUS(r->status) : 128 + WTERMSIG(r->status);
		napi_create_object(env, &result);
		napi_create_int32(env, exit_code, &code);
		napi_set_named_property(env, result, "status", code);
		napi_create_string_utf8(env, r->output[0].bytes, r->output[0].length, &text);
		napi_set_named_property(env, result, "stdout", text);
		napi_create_string_utf8(env, r->output[1].bytes, r->output[1].length, &text);
		napi_set_named_property(env, result, "stderr", text);
		napi_resolve_deferred(env, r->deferred, result);
	}
	napi_delete_async_work(env, r->work);
	free_run(r);
}

static char *copy_string(napi_env env, napi_value value, size_t *length) {
	char *text;
	if (napi_get_value_string_utf8(env, value, NULL, 0, length) != napi_ok) return NULL;
	text = malloc(*length + 1);
	if (text) napi_get_value_string_utf8(env, value, text, *length + 1, length);
	return text;
}

// netnsSpawn(ns, [program, argument, …], input, timeoutMs) → Promise<{status, stdout, stderr}>
static napi_value js_spawn(napi_env env, napi_callback_info info) {
	size_t argc = 4, length;
	napi_value argv[4], name, promise;
	uint32_t count = 0;

	struct run *r = calloc(1, sizeof *r);
	if (!r) return weave_throw_errno(env, ENOMEM, "netnsSpawn");
	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	bool valid = argc == 4 && napi_get_value_int32(env, argv[0], &r->ns) == napi_ok &&
	             napi_get_array_length(env, argv[1], &count) == napi_ok && count > 0 &&
	             napi_get_value_int64(env, argv[3], &r->timeout_ms) == napi_ok;
	if (valid) valid = (r->argv = calloc(count + 1, sizeof *r->argv)) != NULL;
	for (uint32_t i = 0; valid && i < count; i++) {
		napi_value element;
		napi_get_element(env, argv[1], i, &element);
		valid = (r->argv[i] = copy_string(env, element, &length)) != NULL;
	}
	if (valid) valid = (r->input = copy_string(env, argv[2], &r->input_length)) != NULL;
	if (!valid) {
		free_run(r);
		return weave_throw_argument(env, "netnsSpawn(ns, [program, …], input, timeoutMs)");
	}

	napi_create_string_utf8(env, "netns-spawn", NAPI_AUTO_LENGTH, &name);
	napi_create_promise(env, &r->deferred, &promise);
	napi_create_async_work(env, NULL, name, execute, finish, r, &r->work);
	napi_queue_async_work(env, r->work);
	return promise;
}

void weave_init_netns_spawn(napi_env env, napi_value exports) {
	weave_export(env, exports, "netnsSpawn", js_spawn);
}
