#define _GNU_SOURCE
#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

bool log_open(struct log *log, const char *path, size_t max_bytes, int keep) {
	struct stat status;
	log->path = path;
	log->max_bytes = max_bytes;
	log->keep = keep;
	log->size = 0;
	log->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	if (log->fd < 0) return false;
	if (fstat(log->fd, &status) == 0) log->size = (size_t)status.st_size;
	return true;
}

/* FILE.n-1 becomes FILE.n, FILE becomes FILE.1. Where renaming fails, the log goes on in the old file. */
static void rotate(struct log *log) {
	char from[4096], to[4096];
	int fresh;

	for (int n = log->keep; n > 0; n--) {
		if (n == 1) snprintf(from, sizeof from, "%s", log->path);
		else snprintf(from, sizeof from, "%s.%d", log->path, n - 1);
		snprintf(to, sizeof to, "%s.%d", log->path, n);
		if (rename(from, to) != 0 && errno != ENOENT) return;
	}

	fresh = open(log->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	if (fresh < 0) return;
	close(log->fd);
	log->fd = fresh;
	log->size = 0;
}

void log_append(struct log *log, const char *bytes, size_t length) {
	if (log->size > 0 && log->size + length > log->max_bytes) rotate(log);
	while (length > 0) {
		ssize_t written = write(log->fd, bytes, length);
		if (written < 0 && errno == EINTR) continue;
		if (written <= 0) return;
		log->size += (size_t)written;
		bytes += written;
		length -= (size_t)written;
	}
}

void log_line(struct log *log, const char *level, const char *format, ...) {
	char line[1024];
	struct timespec now;
	struct tm parts;
	va_list arguments;
	size_t used;
	int length;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &parts);
	length = snprintf(line, sizeof line, "%s: %04d/%02d/%02d %02d:%02d:%02d.%06ld [supervisor] ", level,
		parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
		now.tv_nsec / 1000);
	used = (size_t)length;

	va_start(arguments, format);
	length = vsnprintf(line + used, sizeof line - used - 1, format, arguments);
	va_end(arguments);
	used += (size_t)length;
	if (used > sizeof line - 2) used = sizeof line - 2;
	line[used++] = '\n';
	log_append(log, line, used);
}
