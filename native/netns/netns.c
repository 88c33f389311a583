#define _GNU_SOURCE
#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int open_home(void) {
	return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

static int give_up(int home) {
	int error = errno;
	close(home);
	errno = error;
	return -1;
}

int netns_enter(int ns) {
	if (ns < 0) return NETNS_STAYED;
	int home = open_home();
	if (home < 0) return -1;
	return setns(ns, CLONE_NEWNET) ? give_up(home) : home;
}

int netns_enter_new(void) {
	int home = open_home();
	if (home < 0) return -1;
	return unshare(CLONE_NEWNET) ? give_up(home) : home;
}

void netns_leave(int home) {
	if (home == NETNS_STAYED) return;

	int error = errno;
	if (setns(home, CLONE_NEWNET)) {
		perror("weave: cannot return to the host's network namespace");
		abort();
	}
	close(home);
	errno = error;
}
