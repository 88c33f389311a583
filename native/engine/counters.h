// Each worker counts in a row of its own, without locked operations; readers add the rows up.
#pragma once
#include <stdatomic.h>
#include <stdint.h>

#define ENGINE_COUNTERS(X) \
	X(framesCaptured) /* read from the TAP; a super-frame is one */ \
	X(bytesCaptured) \
	X(framesInjected) /* written to the TAP; a super-frame is one */ \
	X(bytesInjected) \
	X(injectFailed) \
	X(framesSent) /* to peers, as they are on the wire */ \
	X(framesReceived) \
	X(framesRelayed) \
	X(datagramsSent) \
	X(datagramsReceived) \
	X(sendCalls) \
	X(receiveCalls) \
	X(datagramsSealed) \
	X(datagramsOpened) \
	X(rekeys) /* of keys that we send with */ \
	X(sentSegmented) /* datagrams that the kernel cut from larger sends */ \
	X(coalesced) /* received TCP segments and UDP datagrams that went into a super-frame */ \
	X(tooBigReplies) /* ICMP 3/4 and ICMPv6 2 to senders */ \
	X(fragmented) /* frames cut in user space */ \
	X(macsLearned) \
	X(macsMoved) \
	X(macsFlapping) \
	X(dropMalformedFrame) \
	X(dropStp) \
	X(dropLocalDestination) /* the bridge flooded it to us, its destination is local */ \
	X(dropNoRoute) \
	X(dropNoAddress) /* the neighbour's UDP address is not known yet */ \
	X(dropTooBig) \
	X(dropTooBigFlooded) \
	X(dropOwnFrame) /* came back over the overlay with us as its source */ \
	X(dropUnknownSender) /* datagrams */ \
	X(dropMalformedDatagram) \
	X(dropUndecryptable) \
	X(dropReplayed) \
	X(dropSendFailed) \
	X(dropSendQueueFull) \
	X(dropBadSegmentation) \
	X(dropBadPunt) \
	X(dropStraySpecial) \
	X(eventsLost)

enum counter {
#define COUNTER_ENUM(name) COUNT_##name,
	ENGINE_COUNTERS(COUNTER_ENUM)
#undef COUNTER_ENUM
	COUNTERS
};

typedef _Atomic uint64_t counter_row[COUNTERS];

// A row has one writer: no locked addition is needed.
static inline void count_add(counter_row row, enum counter which, uint64_t amount) {
	uint64_t value = atomic_load_explicit(&row[which], memory_order_relaxed);
	atomic_store_explicit(&row[which], value + amount, memory_order_relaxed);
}

static inline void count(counter_row row, enum counter which) {
	count_add(row, which, 1);
}
