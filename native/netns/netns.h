// Hopping into another network namespace and back within one call.
#pragma once

// What netns_enter answers when there was nowhere to go: the thread is where it was.
#define NETNS_STAYED (-2)

// Puts the calling thread into the network namespace behind `ns` (-1: stays where it is, which needs no privilege).
// Returns what netns_leave needs, or -1 with errno set and nothing changed.
int netns_enter(int ns);

// Puts the calling thread into a new, empty network namespace. Returns the same.
int netns_enter_new(void);

// Back to where the thread came from; keeps errno. A thread that cannot go back would act on a container with the
// host's intentions, so the process ends instead.
void netns_leave(int home);
