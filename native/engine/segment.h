// Cutting of super-frames (TCP and UDP segmentation offload as the TAP delivers them) into frames of wire size.
#pragma once
#include <linux/virtio_net.h>

#include "shape.h"

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

struct super_frame {
	const uint8_t *frame;
	uint32_t length;
	uint32_t network;   // offset of the IP header
	uint32_t transport; // offset of the TCP or UDP header
	uint32_t headers;   // bytes that every segment repeats
	uint32_t size;      // bytes of payload in each segment but the last
	bool ip4, tcp;
	uint64_t ip_sum;        // of the IPv4 header but for what differs between segments
	uint64_t transport_sum; // of pseudo header and TCP or UDP header, likewise
};

// False when the description by the kernel does not fit the frame.
bool super_frame_parse(struct super_frame *super, const struct virtio_net_hdr *v, const uint8_t *frame, uint32_t length);

// Bytes of the segment whose payload starts at `at`.
uint32_t segment_length(const struct super_frame *super, uint32_t at);

// Writes that segment with correct lengths, numbers and checksums.
void segment_write(const struct super_frame *super, uint32_t at, uint8_t *out);

// Fills in the checksum of a frame that the kernel left to us; false when its place is outside of the frame.
bool checksum_complete(const struct virtio_net_hdr *v, uint8_t *frame, uint32_t length);
