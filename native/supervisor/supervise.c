#define _GNU_SOURCE
#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A program that lived this long was healthy: the next start is immediate again. */
#define HEALTHY_MS 10000
#define FIRST_DELAY_MS 100
#define LONGEST_DELAY_MS 10000

/* After SIGTERM the program has this long to finish. */
#define STOP_MS 10000

struct child {
	pid_t pid; /* 0: none */
	int output;
	long long started;
};

static long long now_ms(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* In the new process: everything that must not be inherited is undone, then the program takes over. */
static void run_program(const struct options *options, int output, pid_t parent) {
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);

	/* A killed supervisor takes the program along: two daemons must never share a host. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent) _exit(1);

	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	execvp(options->command[0], options->command);
	dprintf(STDERR_FILENO, "weave-supervisor: cannot run %s: %s\n", options->command[0], strerror(errno));
	_exit(127);
}

/* Returns false, having logged why, when no process could be made. */
static bool start_program(const struct options *options, struct log *log, struct child *child) {
	int ends[2];
	pid_t parent = getpid();

	if (pipe2(ends, O_CLOEXEC) != 0) {
		log_line(log, "ERRO", "cannot make a pipe: %s", strerror(errno));
		return false;
	}
	child->pid = fork();
	if (child->pid == 0) run_program(options, ends[1], parent);
	close(ends[1]);
	if (child->pid < 0) {
		log_line(log, "ERRO", "cannot fork: %s", strerror(errno));
		close(ends[0]);
		child->pid = 0;
		return false;
	}
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	child->output = ends[0];
	child->started = now_ms();
	return true;
}

/* Whatever is in the pipe goes to the log; true at its end. */
static bool drain(struct log *log, int output) {
	char bytes[65536];
	for (;;) {
		ssize_t got = read(output, bytes, sizeof bytes);
		if (got > 0) log_append(log, bytes, (size_t)got);
		else if (got == 0) return true;
		else if (errno != EINTR) return errno != EAGAIN;
	}
}

/* Takes the program's status if it has ended; logs it. */
static bool reap(struct log *log, struct child *child, int *status) {
	if (child->pid == 0 || waitpid(child->pid, status, WNOHANG) != child->pid) return false;
	drain(log, child->output);
	close(child->output);
	child->output = -1;
	if (WIFSIGNALED(*status)) {
		log_line(log, "ERRO", "weave (pid %d) was killed by signal %d (%s)", (int)child->pid, WTERMSIG(*status),
			strsignal(WTERMSIG(*status)));
	} else {
		log_line(log, WEXITSTATUS(*status) == 0 ? "INFO" : "ERRO", "weave (pid %d) ended with status %d",
			(int)child->pid, WEXITSTATUS(*status));
	}
	child->pid = 0;
	return true;
}

static int exit_status(int status) {
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int supervise(const struct options *options, struct log *log) {
	struct child child = {.output = -1};
	long long delay = 0, start_at = now_ms(), kill_at = 0;
	bool stopping = false;
	int status = 0, signals;
	sigset_t wanted;

	sigemptyset(&wanted);
	sigaddset(&wanted, SIGCHLD);
	sigaddset(&wanted, SIGTERM);
	sigaddset(&wanted, SIGINT);
	sigaddset(&wanted, SIGHUP);
	sigaddset(&wanted, SIGUSR1);
	sigaddset(&wanted, SIGUSR2);
	sigprocmask(SIG_BLOCK, &wanted, NULL);
	signals = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0) {
		log_line(log, "ERRO", "cannot receive signals: %s", strerror(errno));
		return 1;
	}

	for (;;) {
		long long now = now_ms(), deadline = -1;

		if (reap(log, &child, &status)) {
			if (stopping || !options->restart) return exit_status(status);
			if (now - child.started >= HEALTHY_MS) delay = 0;
			start_at = now + delay;
			delay = delay == 0 ? FIRST_DELAY_MS : delay * 2 > LONGEST_DELAY_MS ? LONGEST_DELAY_MS : delay * 2;
		}
		if (child.pid == 0 && stopping) return 0;
		if (child.pid == 0 && now >= start_at && !start_program(options, log, &child)) start_at = now + 1000;
		if (child.pid == 0) deadline = start_at;
		if (child.pid != 0 && stopping) {
			if (now >= kill_at) kill(child.pid, SIGKILL);
			deadline = now >= kill_at ? now + 1000 : kill_at;
		}

		struct pollfd ready[2] = {{.fd = signals, .events = POLLIN}, {.fd = child.output, .events = POLLIN}};
		long long wait = deadline < 0 ? -1 : deadline - now_ms();
		if (poll(ready, 2, wait < 0 && deadline >= 0 ? 0 : (int)wait) < 0 && errno != EINTR) {
			log_line(log, "ERRO", "cannot wait: %s", strerror(errno));
			return 1;
		}

		/* At the end of the pipe nothing more comes; a negative descriptor makes poll skip it. */
		if (child.output >= 0 && ready[1].revents != 0 && drain(log, child.output)) {
			close(child.output);
			child.output = -1;
		}

		struct signalfd_siginfo received;
		while (read(signals, &received, sizeof received) == (ssize_t)sizeof received) {
			int number = (int)received.ssi_signo;
			if (number == SIGCHLD) continue;
			if (number == SIGTERM || number == SIGINT) {
				stopping = true;
				kill_at = now_ms() + STOP_MS;
			}
			if (child.pid != 0) kill(child.pid, number);
		}
	}
}
