// A switch without network or device, for the fuzz targets: frames for the TAP go to /dev/null, datagrams nowhere.
#pragma once
#include "../engine/receive.h"

// One behind the sealed one; one whose address is not known yet; one without a way; one of an age without short ids.
enum { SELF = 1, CLEAR_PEER = 2, SEALED_PEER = 3, FAR_PEER = 4, PATHLESS_PEER = 5, LOST_PEER = 6, OLD_PEER = 7 };

struct bench {
	struct receiving receiving;
	struct tables *tables;
	struct tables *punting;
};

// One per process; made on the first call.
struct bench *bench_get(void);

// Between inputs: forgets what was learned and what waits, so that each input acts alone.
void bench_reset(struct bench *bench);
