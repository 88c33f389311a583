#define _GNU_SOURCE
#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int netns_enter(int ns) {
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (home < 0) return -1;

	if (ns >= 0 && setns(ns, CLONE_NEWNET)) {
		int error = errno;
		close(home);
		errno = error;
		return -1;
	}
	return home;
}

void netns_leave(int home) {
	int error = errno;
	if (setns(home, CLONE_NEWNET)) {
		perror("weave: cannot return to the host's network namespace");
		abort();
	}
	close(home);
	errno = error;
}
