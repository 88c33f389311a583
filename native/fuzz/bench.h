// A switch without network or device, for the fuzz targets: frames for the TAP go to /dev/null, datagrams nowhere.
#pragma once
#include "../engine/receive.h"

enum { SELF = 1, CLEAR_PEER = 2, SEALED_PEER = 3, FAR_PEER = 4 };

struct bench {
	struct receiving receiving;
	struct tables *tables;
	struct tables *punting;
};

// One per process; made on the first call.
struct bench *bench_get(void);

// Between inputs: forgets what was learned and what waits, so that each input acts alone.
void bench_reset(struct bench *bench);
