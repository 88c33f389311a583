// Hopping into another network namespace and back within one call.
#pragma once

// Puts the calling thread into the network namespace behind `ns` (-1: stays where it is). Returns a descriptor
// of the namespace that it came from, for netns_leave, or -1 with errno set and nothing changed.
int netns_enter(int ns);

// Back to where netns_enter came from; closes `home`, keeps errno. A thread that cannot go back would act on a
// container with the host's intentions, so the process ends instead.
void netns_leave(int home);
