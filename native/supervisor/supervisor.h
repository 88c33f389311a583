/* The supervisor keeps one program running on hosts where systemd does not: see main.c. */
#ifndef WEAVE_SUPERVISOR_H
#define WEAVE_SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What to run and how; the strings live as long as the process. */
struct options {
	const char *pid_file;
	const char *log_file;
	size_t log_max_bytes;
	int log_keep;
	bool restart;
	char **command; /* NULL-terminated */
};

/* Fills `options` from the command line; ends the process with usage and status 2 when it makes no sense. */
void parse_options(int argc, char **argv, struct options *options);

/* A log that is cut at a size: FILE, FILE.1 … FILE.keep. Appends whole reads, never blocks the writer for long. */
struct log {
	const char *path;
	size_t max_bytes;
	int keep;
	int fd;
	size_t size;
};

/* Opens for appending; returns false with errno set. */
bool log_open(struct log *log, const char *path, size_t max_bytes, int keep);

/* Appends; rotates before a write that would exceed the size. A full disk loses lines, never the program. */
void log_append(struct log *log, const char *bytes, size_t length);

/* One line of the supervisor's own, in the form of the daemon's lines. */
void log_line(struct log *log, const char *level, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Runs the program until it is told to stop; returns the status to exit with. Owns the calling process' signals. */
int supervise(const struct options *options, struct log *log);

#endif
