// Layout of the maps, shared by the programs and (through src/native/bpf/layout.ts, checked by a test) by
// TypeScript. All integers are in the host's byte order unless said otherwise.
#pragma once
#include <linux/types.h>

#define PEERS 4096 // short ids are 12 bits wide
#define TREE_MAX 62

// The one entry of `config`.
struct config {
	__u32 vxlan; // ifindex of the VXLAN device
	__u32 port;  // ifindex of vethwe-datapath: what is sent out there enters the bridge
	__u32 punt;  // ifindex of the TAP that leads to the sleeve engine; 0: none
	__u32 clock; // seconds, kept by user space: no clock call per packet
	__u16 self;  // our short id
	__u16 flags; // CONFIG_*
};
#define CONFIG_GUARD 1  // drop router advertisements and DHCP servers' answers from containers
#define CONFIG_DIRECT 2 // frames may pass from port to port without the bridge

// How to reach the neighbour that is the next hop towards the peer whose short id is the index.
struct hop {
	__u8 address[16]; // network byte order; IPv4 in the first four bytes
	__u16 flags;	  // HOP_*
	__u16 mtu;	  // largest IP packet on the overlay that fits this hop's path; 0: not known
};
#define HOP_UP 1
#define HOP_SLEEVE 2 // through the engine
#define HOP_IPV6 4
#define HOP_SEALED 8 // frames get the mark by which the kernel seals them
#define SEALED_MARK 0x20000

// The way through the underlay to the neighbour that is the next hop towards the peer whose short id is the index: what
// the programs need to encapsulate without the VXLAN device, its route lookup and its socket. All zero: by the device.
struct way {
	__u32 ifindex; // the underlay's device
	__u32 gateway; // next router, or the neighbour itself; network byte order
	__u32 sum;     // of the 16-bit words of the IP header as they are in memory, without length and checksum
	__u8 ip[20];   // IP header without length and checksum
	__u16 port;    // of VXLAN, network byte order
	__u16 zero;
};

// A neighbour whose VXLAN may be taken from the underlay's device, past the VXLAN device: from the one that leads to it
// only, what comes in elsewhere is the kernel's to judge. Network byte order but for the index.
struct tunnel {
	__u32 from;
	__u32 to;
	__u32 ifindex;
	__u16 port;
	__u16 zero;
};

// Neighbours that get a copy of a frame captured by the peer whose short id is the index.
struct tree {
	__u32 count;
	__u16 to[TREE_MAX];
};

struct mac {
	__u8 bytes[6];
	__u16 zero;
};

// A MAC seen behind another peer.
struct remote {
	__u32 seen; // clock
	__u16 peer; // short id
	__u16 zero;
};

// A MAC of this host.
struct local {
	__u32 seen;    // clock
	__u32 ifindex; // host side of the container's veth when known; 0: somewhere behind the bridge
	__u32 flags;   // LOCAL_*
};
#define LOCAL_FIXED 1 // put there by the control plane: never ages, cannot be pushed out

// Who may send us VXLAN in clear: the address as in struct hop.
struct source {
	__u8 address[16];
};

// Frames by VXLAN that began or ended here, by the short id of the peer at the other end. Super-frames count as the
// packets that they stand for; bytes without the tunnel's headers.
struct traffic {
	__u64 packets_out;
	__u64 bytes_out;
	__u64 packets_in;
	__u64 bytes_in;
};

// What happens to frames; the names in src/native/bpf/layout.ts follow this order.
enum counter {
	SENT,		 // to a neighbour, by VXLAN
	RECEIVED,	 // from VXLAN, for this host
	RELAYED,	 // from VXLAN, for another peer
	FLOODED,	 // copies along a broadcast tree
	PUNTED,		 // to the sleeve engine
	UNPUNTED,	 // from the sleeve engine
	DIRECT,		 // from container to container without the bridge
	CONTROL,	 // heartbeats handed to the daemon
	DROP_STRANGER,	 // VXLAN from an address that may not send it in clear
	DROP_OWN,	 // a frame that we sent ourselves came back
	DROP_NO_ROUTE,	 // no usable next hop
	DROP_LOCAL,	 // both ends are on this host: the bridge has delivered it
	DROP_HELD,	 // a MAC that a remote peer used a moment ago shows up here: a loop, or a move too quick
	DROP_STP,	 // spanning tree frames stay on the host
	DROP_GUARD_RA,	 // router advertisement from a container
	DROP_GUARD_DHCP, // DHCP server in a container
	DROP_TABLE_FULL, // not dropped, but not learnt either: too many MACs
	DROP_NO_TAP,	 // for the engine, which is not there
	DROP_MALFORMED,	 // no Ethernet header, tags missing
	DROP_ERROR,	 // the kernel refused a tunnel key or a tag
	COUNTERS
};

// What the ring buffer carries.
struct event {
	__u32 kind;	  // EVENT_*
	__u32 tunnel;	  // destination short id << 12 | source short id
	__u8 address[16]; // of the sender, as in struct hop
	__u32 family;	  // 4 or 6
	__u32 length;	  // of the frame
	__u8 head[64];	  // its first bytes
};
#define EVENT_CONTROL 1
#define EVENT_TOO_BIG 2 // a router refuses our packets to `address`; `length`: what its next link takes
