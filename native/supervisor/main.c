/*
 * weave-supervisor: runs the daemon in the background and starts it again whenever it ends, at once at first,
 * then with growing pauses. It writes its pid file (locked: one supervisor for a pid file), forwards signals,
 * and keeps what the daemon prints in a log file that is cut at a size. SIGTERM stops both for good.
 */
#define _GNU_SOURCE
#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define ALREADY_RUNNING 3

/* The lock stays with the descriptor for the life of the process. Ends the process when another one has it. */
static int lock_pid_file(const char *path) {
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0) {
		fprintf(stderr, "weave-supervisor: cannot write %s: %s\n", path, strerror(errno));
		exit(1);
	}
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) exit(ALREADY_RUNNING);
	return fd;
}

/* The caller's shell gets its prompt back; the grandchild belongs to nobody's session or terminal. */
static void detach(void) {
	pid_t pid = fork();
	if (pid < 0) {
		perror("weave-supervisor: fork");
		exit(1);
	}
	if (pid > 0) _exit(0);
	setsid();
	pid = fork();
	if (pid < 0) _exit(1);
	if (pid > 0) _exit(0);
}

static void write_pid(int fd) {
	char text[32];
	int length = snprintf(text, sizeof text, "%d\n", (int)getpid());
	if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)length, 0) != length) {
		perror("weave-supervisor: cannot write the pid file");
		exit(1);
	}
}

/* Nothing of the caller is held open: an ssh session or a pipe that waits for its end must not hang. */
static void leave_caller(void) {
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || chdir("/") != 0) _exit(1);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	umask(022);
}

int main(int argc, char **argv) {
	struct options options;
	struct log log;
	int pid_file, status;

	parse_options(argc, argv, &options);
	pid_file = lock_pid_file(options.pid_file);
	if (!log_open(&log, options.log_file, options.log_max_bytes, options.log_keep)) {
		fprintf(stderr, "weave-supervisor: cannot write %s: %s\n", options.log_file, strerror(errno));
		return 1;
	}
	detach();
	write_pid(pid_file);
	leave_caller();

	status = supervise(&options, &log);
	/* Emptied, not removed: another supervisor may hold the old file open and would lock what nobody sees. */
	if (ftruncate(pid_file, 0) != 0) log_line(&log, "WARN", "cannot empty %s: %s", options.pid_file, strerror(errno));
	return status;
}
