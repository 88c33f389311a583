// UDP sockets that know which address of ours a request came to.
#pragma once
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { DNS_CONTROL = 64 }; // room for the control data of one datagram of either family

// A socket bound to the address, which gets the port that was chosen. 0, or an errno and no socket.
int dns_socket_open(struct sockaddr_in6 *address, int *fd);

// Our address that the request came to; all zero when the socket is bound to one. IPv4: in the first four bytes.
struct in6_addr dns_local_of(struct msghdr *header);

// Writes the control data (DNS_CONTROL bytes) that makes a reply leave from that address; its length.
size_t dns_put_local(uint8_t *control, const struct in6_addr *local, sa_family_t family);
