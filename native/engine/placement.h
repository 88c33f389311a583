// Which processors a worker runs on.
#pragma once
#include <pthread.h>

#include "link.h"

// Gives the two directions a half each of the processors that the process may use. One bulk flow keeps both workers
// busy for long: where they meet on one processor, they share its speed, and the scheduler may leave them there. With one
// processor there is nothing to share out; where the kernel refuses (the set has just changed, or is larger than glibc's),
// the scheduler goes on to choose.
void placement_apply(pthread_t thread, enum worker worker);
