#include "datagram.h"

enum verdict datagram_open(struct link *link, uint8_t *packet, uint32_t length, struct frames *frames, bool *df) {
	uint32_t overhead = cipher_overhead(&link->cipher);
	*df = false;
	if (length < overhead) return DATAGRAM_TOO_SHORT;
	*frames = (struct frames){ packet + overhead, length - overhead };
	if (link->cipher.suite == SUITE_CLEAR) return DATAGRAM_OPEN;

	uint64_t sequence;
	if (!cipher_open(&link->cipher, packet, length, &sequence)) return DATAGRAM_UNDECRYPTABLE;
	*df = sequence & DF_BIT;
	struct replay *replay = &link->replay[*df ? CLASS_DF : CLASS_FRAGMENTABLE];
	return replay_accept(replay, sequence & ~DF_BIT) ? DATAGRAM_OPEN : DATAGRAM_REPLAYED;
}

bool frames_next(struct frames *frames, struct wire_frame *frame) {
	if (frames->left < FRAME_OVERHEAD) return false;
	uint32_t length = get16(frames->at + 12);
	if (length > frames->left - FRAME_OVERHEAD) return false;
	*frame = (struct wire_frame){ get48(frames->at), get48(frames->at + 6), frames->at + FRAME_OVERHEAD, length };
	frames->at += FRAME_OVERHEAD + length;
	frames->left -= FRAME_OVERHEAD + length;
	return true;
}
