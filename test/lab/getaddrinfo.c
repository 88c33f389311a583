// Looks a name up as any program does, for resolvers of other C libraries: getaddrinfo NAME
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>

int main(int count, char **arguments) {
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *found;
	int error = getaddrinfo(count > 1 ? arguments[1] : "", NULL, &hints, &found);
	if (error != 0) {
		fprintf(stderr, "%s\n", gai_strerror(error));
		return 1;
	}
	for (struct addrinfo *one = found; one != NULL; one = one->ai_next) {
		char text[INET6_ADDRSTRLEN];
		const void *address = one->ai_family == AF_INET
		                          ? (const void *)&((struct sockaddr_in *)(void *)one->ai_addr)->sin_addr
		                          : (const void *)&((struct sockaddr_in6 *)(void *)one->ai_addr)->sin6_addr;
		puts(inet_ntop(one->ai_family, address, text, sizeof text));
	}
	freeaddrinfo(found);
	return 0;
}
