// The TAP device that the bridge's frames come from and go to: one read or write is a frame or a super-frame.
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct tap {
	int fd;
	int index;         // of the interface
	bool udp_segments; // the kernel hands over UDP super-frames
};

// Creates the device in the current network namespace and brings it up. 0 or an errno; `what` names the step.
int tap_open(struct tap *tap, const char *name, uint32_t mtu, const char **what);
