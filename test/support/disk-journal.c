/*
 * Preloaded into a process, writes down what it does to its file state.mdb and to its standard output, in order, so that
 * a test can make the disk that a power cut at any instant leaves behind.
 *
 * A record: one byte of kind, the offset (8 bytes), the length (4 bytes), as many bytes. Kinds: W written, D written and
 * synced (O_DSYNC), S everything before is synced, R it has its name from now on (it is made as state.mdb.new), A said on
 * standard output.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
static int journal = -1;

static ssize_t real_write(int fd, const void *bytes, size_t length)
{
	static ssize_t (*next)(int, const void *, size_t);
	if (next == NULL)
		next = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
	return next(fd, bytes, length);
}

static void must_append(const void *bytes, size_t length)
{
	if (real_write(journal, bytes, length) != (ssize_t)length)
		abort();
}

static void record(char kind, uint64_t offset, const void *bytes, uint32_t length)
{
	if (journal < 0)
		journal = open(getenv("DISK_JOURNAL"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	must_append(&kind, 1);
	must_append(&offset, sizeof offset);
	must_append(&length, sizeof length);
	must_append(bytes, length);
}

static int is_state(int fd)
{
	char link[32], path[4096];
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t length = readlink(link, path, sizeof path);
	if (length < 0 || length == (ssize_t)sizeof path)
		return 0;
	path[length] = 0;
	const char *name = strrchr(path, '/');
	return name != NULL && (strcmp(name, "/state.mdb") == 0 || strcmp(name, "/state.mdb.new") == 0);
}

static char kind_of(int fd)
{
	return fcntl(fd, F_GETFL) & O_DSYNC ? 'D' : 'W';
}

/* The call and its record are one step for other threads. */
#define STEP(type, call, condition, ...)              \
	pthread_mutex_lock(&order);                   \
	type done = call;                             \
	if (done >= 0 && (condition))                 \
		record(__VA_ARGS__);                  \
	pthread_mutex_unlock(&order);                 \
	return done

ssize_t write(int fd, const void *bytes, size_t length)
{
	off_t at = is_state(fd) ? lseek(fd, 0, SEEK_CUR) : 0;
	STEP(ssize_t, real_write(fd, bytes, length), fd == 1 || is_state(fd), fd == 1 ? 'A' : kind_of(fd),
	     (uint64_t)at, bytes, (uint32_t)done);
}

#define PWRITE(name, offset_type)                                                                    \
	ssize_t name(int fd, const void *bytes, size_t length, offset_type offset)                   \
	{                                                                                            \
		static ssize_t (*next)(int, const void *, size_t, offset_type);                      \
		if (next == NULL)                                                                    \
			next = (ssize_t (*)(int, const void *, size_t, offset_type))dlsym(RTLD_NEXT, #name); \
		STEP(ssize_t, next(fd, bytes, length, offset), is_state(fd), kind_of(fd),            \
		     (uint64_t)offset, bytes, (uint32_t)done);                                       \
	}
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

static void record_vector(int fd, uint64_t offset, const struct iovec *parts, int count)
{
	for (int i = 0; i < count; i++) {
		record(kind_of(fd), offset, parts[i].iov_base, (uint32_t)parts[i].iov_len);
		offset += parts[i].iov_len;
	}
}

/* Short ones would need more care than they are worth: whoever meets one is told. */
static size_t length_of(const struct iovec *parts, int count)
{
	size_t length = 0;
	for (int i = 0; i < count; i++)
		length += parts[i].iov_len;
	return length;
}

#define PWRITEV(name, offset_type)                                                                   \
	ssize_t name(int fd, const struct iovec *parts, int count, offset_type offset)               \
	{                                                                                            \
		static ssize_t (*next)(int, const struct iovec *, int, offset_type);                 \
		if (next == NULL)                                                                    \
			next = (ssize_t (*)(int, const struct iovec *, int, offset_type))dlsym(RTLD_NEXT, #name); \
		pthread_mutex_lock(&order);                                                          \
		ssize_t done = next(fd, parts, count, offset);                                       \
		if (done >= 0 && is_state(fd)) {                                                     \
			if ((size_t)done != length_of(parts, count))                                 \
				abort();                                                             \
			record_vector(fd, (uint64_t)offset, parts, count);                           \
		}                                                                                    \
		pthread_mutex_unlock(&order);                                                        \
		return done;                                                                         \
	}
PWRITEV(pwritev, off_t)
PWRITEV(pwritev64, off64_t)

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	static ssize_t (*next)(int, const struct iovec *, int);
	if (next == NULL)
		next = (ssize_t (*)(int, const struct iovec *, int))dlsym(RTLD_NEXT, "writev");
	if (!is_state(fd))
		return next(fd, parts, count);
	pthread_mutex_lock(&order);
	off_t at = lseek(fd, 0, SEEK_CUR);
	ssize_t done = next(fd, parts, count);
	if (done >= 0 && (size_t)done != length_of(parts, count))
		abort();
	if (done >= 0)
		record_vector(fd, (uint64_t)at, parts, count);
	pthread_mutex_unlock(&order);
	return done;
}

#define SYNC(name)                                                            \
	int name(int fd)                                                      \
	{                                                                     \
		static int (*next)(int);                                      \
		if (next == NULL)                                             \
			next = (int (*)(int))dlsym(RTLD_NEXT, #name);         \
		STEP(int, next(fd), is_state(fd), 'S', 0, "", 0);             \
	}
SYNC(fdatasync)
SYNC(fsync)

int rename(const char *from, const char *to)
{
	static int (*next)(const char *, const char *);
	if (next == NULL)
		next = (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename");
	const char *name = strrchr(to, '/');
	STEP(int, next(from, to), name != NULL && strcmp(name, "/state.mdb") == 0, 'R', 0, "", 0);
}
