// BPF programs: load, run on a test frame, pin and find again.
#define _GNU_SOURCE
#include "bpf/bpf.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/statfs.h>

#define LOG_BYTES (1 << 20)
#define FRAME_MAX 65536
#ifndef BPF_FS_MAGIC
#define BPF_FS_MAGIC 0xcafe4a11
#endif

// The verifier's last words: what one needs of a log of many pages.
static napi_value refuse(napi_env env, int error, const char *name, const char *log) {
	char text[1024];
	size_t length = strlen(log);
	const char *tail = length > 700 ? log + length - 700 : log;
	snprintf(text, sizeof text, "the kernel refuses the BPF program %s%s%.700s", name, *tail ? ":\n" : "", tail);
	return weave_throw_errno(env, error, text);
}

// The verifier gives up (EAGAIN) when a signal is pending, e.g. because a child has just ended. Blocked ones do not
// count, and reach another thread or wait.
static int load(union bpf_attr *attr) {
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int fd = weave_bpf(BPF_PROG_LOAD, attr);
	int error = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = error;
	return fd;
}

// bpfProgramLoad(instructions, license, name) → descriptor
static napi_value js_load(napi_env env, napi_callback_info info) {
	size_t argc = 3, length;
	napi_value argv[3];
	void *instructions;
	char license[32], name[BPF_OBJ_NAME_LEN];
	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc < 3 || !weave_bytes(env, argv[0], &instructions, &length) || length % sizeof(struct bpf_insn) ||
	    napi_get_value_string_utf8(env, argv[1], license, sizeof license, NULL) != napi_ok ||
	    napi_get_value_string_utf8(env, argv[2], name, sizeof name, NULL) != napi_ok) {
		return weave_throw_argument(env, "bpfProgramLoad(instructions, license, name)");
	}
	// Before Linux 5.11 maps and programs count against the locked memory.
	struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	setrlimit(RLIMIT_MEMLOCK, &unlimited);

	union bpf_attr attr = {0};
	attr.prog_type = BPF_PROG_TYPE_SCHED_CLS;
	attr.insns = weave_pointer(instructions);
	attr.insn_cnt = (uint32_t)(length / sizeof(struct bpf_insn));
	attr.license = weave_pointer(license);
	memcpy(attr.prog_name, name, sizeof attr.prog_name);
	int fd = load(&attr);
	if (fd >= 0) return weave_number(env, fd);

	// Again with a log: it costs too much to ask for it when all is well.
	char *log = calloc(1, LOG_BYTES);
	if (!log) return weave_throw_errno(env, ENOMEM, "bpfProgramLoad");
	attr.log_buf = weave_pointer(log);
	attr.log_size = LOG_BYTES;
	attr.log_level = 1;
	fd = load(&attr);
	int error = errno;
	napi_value result = fd >= 0 ? weave_number(env, fd) : refuse(env, error, name, log);
	free(log);
	return result;
}

// bpfProgramRun(fd, frame, context?) → { verdict, frame }: one run on a frame that goes nowhere. `context` is a
// struct __sk_buff of which the kernel takes the settable fields (mark, ifindex, …).
static napi_value js_run(napi_env env, napi_callback_info info) {
	size_t argc = 3, length, context_length = 0;
	napi_value argv[3], result, verdict, out;
	int fd;
	void *frame, *context = NULL;
	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc < 2 || !weave_int(env, argv[0], &fd) || !weave_bytes(env, argv[1], &frame, &length)) {
		return weave_throw_argument(env, "bpfProgramRun(fd, frame, context?)");
	}
	if (argc == 3) weave_bytes(env, argv[2], &context, &context_length);
	char *after = malloc(FRAME_MAX);
	if (!after) return weave_throw_errno(env, ENOMEM, "bpfProgramRun");
	union bpf_attr attr = {0};
	attr.test.prog_fd = (uint32_t)fd;
	attr.test.data_in = weave_pointer(frame);
	attr.test.data_size_in = (uint32_t)length;
	attr.test.data_out = weave_pointer(after);
	attr.test.data_size_out = FRAME_MAX;
	attr.test.ctx_in = weave_pointer(context);
	attr.test.ctx_size_in = (uint32_t)context_length;
	attr.test.repeat = 1;
	if (weave_bpf(BPF_PROG_TEST_RUN, &attr)) {
		int error = errno;
		free(after);
		return weave_throw_errno(env, error, "cannot run the BPF program on a test frame");
	}
	napi_create_object(env, &result);
	napi_create_int32(env, (int32_t)attr.test.retval, &verdict);
	napi_create_buffer_copy(env, attr.test.data_size_out, after, NULL, &out);
	napi_set_named_property(env, result, "verdict", verdict);
	napi_set_named_property(env, result, "frame", out);
	free(after);
	return result;
}

// bpfPin(fd, path): gives a map, program or link a name that outlives the process.
static napi_value js_pin(napi_env env, napi_callback_info info) {
	size_t argc = 2;
	napi_value argv[2];
	int fd;
	char path[4096];
	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc < 2 || !weave_int(env, argv[0], &fd) ||
	    napi_get_value_string_utf8(env, argv[1], path, sizeof path, NULL) != napi_ok) {
		return weave_throw_argument(env, "bpfPin(fd, path)");
	}
	union bpf_attr attr = {0};
	attr.pathname = weave_pointer(path);
	attr.bpf_fd = (uint32_t)fd;
	return weave_bpf(BPF_OBJ_PIN, &attr) ? weave_throw_errno(env, errno, path) : weave_undefined(env);
}

// bpfGet(path) → descriptor of what is pinned there, or undefined
static napi_value js_get(napi_env env, napi_callback_info info) {
	size_t argc = 1;
	napi_value argv[1];
	char path[4096];
	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc < 1 || napi_get_value_string_utf8(env, argv[0], path, sizeof path, NULL) != napi_ok) {
		return weave_throw_argument(env, "bpfGet(path)");
	}
	union bpf_attr attr = {0};
	attr.pathname = weave_pointer(path);
	int fd = weave_bpf(BPF_OBJ_GET, &attr);
	if (fd >= 0) return weave_number(env, fd);
	return errno == ENOENT ? weave_undefined(env) : weave_throw_errno(env, errno, path);
}

// bpfMountFs(path) → whether it had to be mounted
static napi_value js_mount(napi_env env, napi_callback_info info) {
	size_t argc = 1;
	napi_value argv[1], result;
	char path[4096];
	struct statfs fs;
	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc < 1 || napi_get_value_string_utf8(env, argv[0], path, sizeof path, NULL) != napi_ok) {
		return weave_throw_argument(env, "bpfMountFs(path)");
	}
	bool mounted = !statfs(path, &fs) && (uint32_t)fs.f_type == BPF_FS_MAGIC;
	if (!mounted && mount("bpffs", path, "bpf", 0, "mode=0700")) {
		return weave_throw_errno(env, errno, "cannot mount the BPF file system");
	}
	napi_get_boolean(env, !mounted, &result);
	return result;
}

// bpfUnmountFs(path) → whether there was such a mount
static napi_value js_unmount(napi_env env, napi_callback_info info) {
	size_t argc = 1;
	napi_value argv[1], result;
	char path[4096];
	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc < 1 || napi_get_value_string_utf8(env, argv[0], path, sizeof path, NULL) != napi_ok) {
		return weave_throw_argument(env, "bpfUnmountFs(path)");
	}
	bool gone = !umount2(path, MNT_DETACH);
	if (!gone && errno != EINVAL && errno != ENOENT) {
		return weave_throw_errno(env, errno, "cannot unmount the BPF file system");
	}
	napi_get_boolean(env, gone, &result);
	return result;
}

// bpfClose(fd)
static napi_value js_close(napi_env env, napi_callback_info info) {
	size_t argc = 1;
	napi_value argv[1];
	int fd;
	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc < 1 || !weave_int(env, argv[0], &fd)) return weave_throw_argument(env, "bpfClose(fd)");
	close(fd);
	return weave_undefined(env);
}

void weave_init_bpf_program(napi_env env, napi_value exports) {
	weave_export(env, exports, "bpfProgramLoad", js_load);
	weave_export(env, exports, "bpfProgramRun", js_run);
	weave_export(env, exports, "bpfPin", js_pin);
	weave_export(env, exports, "bpfGet", js_get);
	weave_export(env, exports, "bpfMountFs", js_mount);
	weave_export(env, exports, "bpfUnmountFs", js_unmount);
	weave_export(env, exports, "bpfClose", js_close);
}
