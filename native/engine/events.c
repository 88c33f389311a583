#include "events.h"

void events_init(struct events *events) {
	pthread_mutex_init(&events->lock, NULL);
}

void events_close(struct events *events) {
	pthread_mutex_destroy(&events->lock);
}

bool events_push(struct events *events, const struct event *event) {
	pthread_mutex_lock(&events->lock);
	bool room = events->length < EVENT_ROOM;
	if (room) events->queue[(events->first + events->length++) % EVENT_ROOM] = *event;
	bool wake = !events->waking;
	events->waking = true;
	pthread_mutex_unlock(&events->lock);
	if (wake && events->wake) events->wake(events->argument);
	return room;
}

uint32_t events_take(struct events *events, struct event *out, uint32_t room) {
	pthread_mutex_lock(&events->lock);
	uint32_t taken = 0;
	for (; taken < room && events->length > 0; taken++) {
		out[taken] = events->queue[events->first];
		events->first = (events->first + 1) % EVENT_ROOM;
		events->length--;
	}
	if (events->length == 0) events->waking = false;
	pthread_mutex_unlock(&events->lock);
	return taken;
}
