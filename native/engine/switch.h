// Where frames go (overlay §2): captured from the bridge or received from a neighbour, to the bridge, to a peer by
// unicast route, or along the source's broadcast tree.
#pragma once
#include <linux/virtio_net.h>

#include "coalesce.h"
#include "mac_table.h"
#include "sender.h"
#include "tables.h"

struct switching {
	enum worker worker;
	uint64_t self;
	uint64_t now; // ms, refreshed for each batch
	const struct tables *tables; // refreshed for each batch
	uint32_t local_mtu;          // of containers; larger packets are cut or refused on injection; 0: no limit
	struct mac_table *macs;
	struct sender *sender;
	struct coalescer *coalescer; // NULL: frames are written to the TAP one by one
	struct events *events;
	_Atomic uint64_t *counters;
	int tap;
	// Of the last frame that was forwarded to the bridge in this batch: its MACs and source peer, and whether the
	// destination lives here. Frames of one flow come in rows; `switch_batch` forgets.
	struct {
		uint8_t macs[12];
		uint64_t source;
		bool valid, local;
	} last;
};

// A new batch begins: tables and time may have changed.
void switch_batch(struct switching *sw, const struct tables *tables, uint32_t local_mtu, uint64_t now);

// A frame read from the TAP. `frame` may be changed.
void switch_captured(struct switching *sw, const struct virtio_net_hdr *v, uint8_t *frame, uint32_t length);

// A frame out of a datagram; it must stay where it is until the coalescer is flushed.
// `shape` is the frame's.
void switch_forwarded(struct switching *sw, const uint8_t *frame, uint32_t length, const struct shape *shape,
                      uint64_t source, uint64_t destination);
