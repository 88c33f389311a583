#define _GNU_SOURCE
#include "supervisor.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static void usage(void) {
	fputs("usage: weave-supervisor --pid-file FILE --log-file FILE [--log-max-bytes N] [--log-keep N]\n"
		"                        [--no-restart] -- PROGRAM [ARGUMENT …]\n"
		"Runs PROGRAM in the background and starts it again whenever it ends.\n",
		stderr);
	exit(2);
}

static size_t number(const char *text, size_t least, size_t most) {
	char *end;
	unsigned long long value = strtoull(text, &end, 10);
	if (*text == '\0' || *end != '\0' || value < least || value > most) usage();
	return (size_t)value;
}

void parse_options(int argc, char **argv, struct options *options) {
	static const struct option known[] = {
		{"pid-file", required_argument, NULL, 'p'},
		{"log-file", required_argument, NULL, 'l'},
		{"log-max-bytes", required_argument, NULL, 'm'},
		{"log-keep", required_argument, NULL, 'k'},
		{"no-restart", no_argument, NULL, 'n'},
		{NULL, 0, NULL, 0},
	};
	int option;

	*options = (struct options){.log_max_bytes = 10 << 20, .log_keep = 3, .restart = true};
	while ((option = getopt_long(argc, argv, "+", known, NULL)) != -1) {
		switch (option) {
		case 'p': options->pid_file = optarg; break;
		case 'l': options->log_file = optarg; break;
		case 'm': options->log_max_bytes = number(optarg, 1024, (size_t)1 << 40); break;
		case 'k': options->log_keep = (int)number(optarg, 1, 99); break;
		case 'n': options->restart = false; break;
		default: usage();
		}
	}
	options->command = argv + optind;
	if (options->pid_file == NULL || options->log_file == NULL || optind >= argc) usage();
}
