#define _GNU_SOURCE
#include "placement.h"

#include <sched.h>
#include <unistd.h>

void placement_apply(pthread_t thread, enum worker worker) {
	cpu_set_t allowed, ours;
	// The main thread's: another thread may be bound already.
	if (sched_getaffinity(getpid(), sizeof allowed, &allowed) || CPU_COUNT(&allowed) < WORKERS) return;

	CPU_ZERO(&ours);
	int nth = 0;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &allowed) && nth++ % WORKERS == (int)worker) CPU_SET(cpu, &ours);
	pthread_setaffinity_np(thread, sizeof ours, &ours);
}
