// The engine's pure parts for tests and conformance: the code of the packet path on single frames and datagrams.
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "binding.h"
#include "datagram.h"
#include "fragment.h"
#include "sender.h"
#include "too_big.h"

static void set_flag(napi_env env, napi_value object, const char *name, bool flag) {
	napi_value value;
	napi_get_boolean(env, flag, &value);
	set_value(env, object, name, value);
}

static bool property(napi_env env, napi_value object, const char *name, napi_value *value) {
	return napi_get_named_property(env, object, name, value) == napi_ok;
}

static bool number_property(napi_env env, napi_value object, const char *name, double *number) {
	napi_value value;
	return property(env, object, name, &value) && number_of(env, value, number);
}

static bool flag_property(napi_env env, napi_value object, const char *name, bool *flag) {
	napi_value value;
	return property(env, object, name, &value) && flag_of(env, value, flag);
}

// probeShape(frame) → { layers, df, special }
static napi_value probe_shape(napi_env env, napi_callback_info info) {
	size_t argc = 1;
	napi_value argv[1], object;
	struct view frame;
	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc != 1 || !view_of(env, argv[0], &frame)) return weave_throw_argument(env, "probeShape: needs a frame");
	struct shape shape = shape_of(frame.bytes, frame.length);
	napi_create_object(env, &object);
	set_number(env, object, "layers", shape.layers);
	set_flag(env, object, "df", shape.df);
	set_flag(env, object, "special", shape.special);
	return object;
}

static bool frame_and_mtu(napi_env env, napi_callback_info info, struct view *frame, double *mtu) {
	size_t argc = 2;
	napi_value argv[2];
	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	return argc == 2 && view_of(env, argv[0], frame) && number_of(env, argv[1], mtu);
}

// probeTooBigReply(frame, mtu) → the reply; empty when none may be sent
static napi_value probe_too_big(napi_env env, napi_callback_info info) {
	struct view frame;
	double mtu;
	uint8_t reply[TOO_BIG_REPLY];
	if (!frame_and_mtu(env, info, &frame, &mtu)) return weave_throw_argument(env, "probeTooBigReply: needs a frame and an MTU");
	struct shape shape = shape_of(frame.bytes, frame.length);
	return bytes_value(env, reply, too_big_reply(frame.bytes, frame.length, &shape, (uint32_t)mtu, reply));
}

// probeFragment(frame, mtu) → pieces; none when the frame cannot be cut
static napi_value probe_fragment(napi_env env, napi_callback_info info) {
	struct view frame;
	double mtu;
	napi_value pieces;
	uint8_t piece[0x10000];
	struct fragmenter cut;
	if (!frame_and_mtu(env, info, &frame, &mtu) || mtu > 0xffff) return weave_throw_argument(env, "probeFragment: needs a frame and an MTU");
	napi_create_array(env, &pieces);
	struct shape shape = shape_of(frame.bytes, frame.length);
	if (!fragment_start(&cut, frame.bytes, frame.length, &shape, (uint32_t)mtu)) return pieces;
	size_t length;
	for (uint32_t i = 0; (length = fragment_next_length(&cut)) > 0; i++) {
		fragment_next(&cut, piece);
		napi_set_element(env, pieces, i, bytes_value(env, piece, length));
	}
	return pieces;
}

// { name, suite, outbound, key, sequence, df }: a link of this kind whose next datagram gets `sequence`
static struct link *link_like(napi_env env, napi_value object, double *sequence, bool *df) {
	double name, suite;
	bool outbound;
	napi_value value;
	struct view key = { 0 };
	if (!number_property(env, object, "name", &name) || !number_property(env, object, "suite", &suite) || suite < 0 ||
	    suite >= SUITES || !flag_property(env, object, "outbound", &outbound) ||
	    !number_property(env, object, "sequence", sequence) || !flag_property(env, object, "df", df) ||
	    !property(env, object, "key", &value))
		return NULL;
	if (suite > 0 && (!view_of(env, value, &key) || key.length != cipher_key_bytes((enum suite)suite))) return NULL;
	return link_new(1, (uint64_t)name, (enum suite)suite, outbound, key.bytes);
}

// Loopback sockets stand for the network, so that the whole sending path runs.
struct loopback {
	int receiver;
	struct udp udp;
	struct path path;
};

static bool loopback_open(struct loopback *loopback) {
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof any;
	*loopback = (struct loopback){ .udp = { { -1, -1 }, { -1, -1 }, true } };
	loopback->path = (struct path){ .mtu = 0xffff, .max_payload = MAX_UDP_PAYLOAD, .stack_fragments = true };
	loopback->receiver = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	loopback->udp.v4.fragmentable = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	loopback->udp.v4.df = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return bind(loopback->receiver, (struct sockaddr *)&any, sizeof any) == 0 &&
	       getsockname(loopback->receiver, &loopback->path.to.any, &length) == 0;
}

static void loopback_close(struct loopback *loopback) {
	close(loopback->receiver);
	udp_close(&loopback->udp);
}

static bool put_frames(napi_env env, struct sender *sender, struct link *link, const struct path *path, bool df, napi_value frames) {
	uint32_t length = 0;
	napi_get_array_length(env, frames, &length);
	for (uint32_t i = 0; i < length; i++) {
		napi_value item, bytes;
		double source, destination;
		struct view frame;
		if (napi_get_element(env, frames, i, &item) != napi_ok || !number_property(env, item, "source", &source) ||
		    !number_property(env, item, "destination", &destination) || !property(env, item, "frame", &bytes) ||
		    !view_of(env, bytes, &frame))
			return false;
		uint8_t *room = sender_room(sender, link, path, df ? CLASS_DF : CLASS_FRAGMENTABLE, (uint64_t)source,
		                            (uint64_t)destination, (uint32_t)frame.length);
		if (!room) return false;
		memcpy(room, frame.bytes, frame.length);
	}
	return true;
}

// probeEncode(self, link, maxPayload, [{ source, destination, frame }], rekeys) → datagrams, sealed after so many rekeys
static napi_value probe_encode(napi_env env, napi_callback_info info) {
	size_t argc = 5;
	napi_value argv[5], result;
	double self, sequence, max_payload, rekeys;
	bool df;
	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	struct link *link = NULL;
	if (argc == 5 && number_of(env, argv[4], &rekeys) && number_of(env, argv[0], &self) && number_of(env, argv[2], &max_payload)) link = link_like(env, argv[1], &sequence, &df);
	if (!link) return weave_throw_argument(env, "probeEncode: needs our name, a link, a size and frames");

	struct loopback loopback;
	struct events events = { 0 };
	counter_row counters = { 0 };
	events_init(&events);
	bool open = loopback_open(&loopback);
	loopback.path.max_payload = (uint32_t)max_payload;
	atomic_store(&link->next_sequence[df], (uint64_t)sequence);
	for (double i = 0; link->cipher.aead && i < rekeys; i++) aead_release(aead_rekey(link->cipher.aead));
	struct sender_environment environment = { WORKER_OUT, (uint64_t)self, &loopback.udp, &events, counters, true };
	struct sender *sender = open ? sender_new(&environment) : NULL;
	bool ok = sender && put_frames(env, sender, link, &loopback.path, df, argv[3]);
	if (sender) sender_flush(sender);

	napi_create_array(env, &result);
	static uint8_t packet[0x10000];
	ssize_t length;
	for (uint32_t i = 0; ok && (length = recv(loopback.receiver, packet, sizeof packet, MSG_DONTWAIT)) >= 0; i++)
		napi_set_element(env, result, i, bytes_value(env, packet, (size_t)length));
	sender_free(sender);
	loopback_close(&loopback);
	events_close(&events);
	link_drop(link);
	return ok ? result : weave_throw_argument(env, "probeEncode: a frame is malformed or does not fit");
}

static napi_value frame_value(napi_env env, const struct wire_frame *frame) {
	napi_value object;
	napi_create_object(env, &object);
	set_number(env, object, "source", (double)frame->source);
	set_number(env, object, "destination", (double)frame->destination);
	set_value(env, object, "frame", bytes_value(env, frame->bytes, frame->length));
	return object;
}

static napi_value decoded_value(napi_env env, struct link *link, const struct view *datagram) {
	static uint8_t packet[0x10000];
	static const char *const verdicts[] = { "open", "too short", "undecryptable", "replayed" };
	napi_value object, list, text;
	struct frames frames = { 0 };
	struct wire_frame frame;
	bool df = false;
	memcpy(packet, datagram->bytes, datagram->length);
	enum verdict verdict = datagram_open(link, packet, (uint32_t)datagram->length, &frames, &df);

	napi_create_object(env, &object);
	napi_create_array(env, &list);
	for (uint32_t i = 0; verdict == DATAGRAM_OPEN && frames_next(&frames, &frame); i++) napi_set_element(env, list, i, frame_value(env, &frame));
	napi_create_string_utf8(env, verdicts[verdict], NAPI_AUTO_LENGTH, &text);
	set_value(env, object, "verdict", text);
	set_value(env, object, "frames", list);
	set_flag(env, object, "df", df);
	set_number(env, object, "garbage", verdict == DATAGRAM_OPEN ? frames.left : 0);
	return object;
}

// probeDecode(link, datagrams) → [{ verdict, frames, df, garbage }], all by one link, so that replays are noticed
static napi_value probe_decode(napi_env env, napi_callback_info info) {
	size_t argc = 2;
	napi_value argv[2], result, item;
	double sequence;
	bool df;
	uint32_t length = 0;
	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	struct link *link = argc == 2 ? link_like(env, argv[0], &sequence, &df) : NULL;
	if (!link) return weave_throw_argument(env, "probeDecode: needs a link and datagrams");
	napi_create_array(env, &result);
	napi_get_array_length(env, argv[1], &length);
	bool ok = true;
	for (uint32_t i = 0; i < length && ok; i++) {
		struct view datagram;
		ok = napi_get_element(env, argv[1], i, &item) == napi_ok && view_of(env, item, &datagram) && datagram.length < 0x10000;
		if (ok) napi_set_element(env, result, i, decoded_value(env, link, &datagram));
	}
	link_drop(link);
	return ok ? result : weave_throw_argument(env, "probeDecode: a datagram has no bytes or too many");
}

void weave_init_engine_probe(napi_env env, napi_value exports) {
	weave_export(env, exports, "probeShape", probe_shape);
	weave_export(env, exports, "probeTooBigReply", probe_too_big);
	weave_export(env, exports, "probeFragment", probe_fragment);
	weave_export(env, exports, "probeEncode", probe_encode);
	weave_export(env, exports, "probeDecode", probe_decode);
}
