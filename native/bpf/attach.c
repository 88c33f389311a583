// Attaching programs to devices: a TCX link where the kernel has it (6.6), else a clsact qdisc with one filter of
// ours at a fixed place, so that replacing it is atomic and finding it again is easy.
#define _GNU_SOURCE
#include "bpf/bpf.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define FILTER_HANDLE 1
#define FILTER_PRIORITY 0x5745 // "WE": other tools' filters live at low or automatic priorities

struct request {
	struct nlmsghdr header;
	struct tcmsg tc;
	char attributes[256];
};

static struct rtattr *put(struct request *request, int type, const void *bytes, size_t length) {
	struct rtattr *attribute = (void *)((char *)request + NLMSG_ALIGN(request->header.nlmsg_len));
	attribute->rta_type = (unsigned short)type;
	attribute->rta_len = (unsigned short)RTA_LENGTH(length);
	if (length) memcpy(RTA_DATA(attribute), bytes, length);
	request->header.nlmsg_len = (uint32_t)(NLMSG_ALIGN(request->header.nlmsg_len) + RTA_ALIGN(attribute->rta_len));
	return attribute;
}

// Sends one request and waits for its acknowledgement: 0 or an errno.
static int talk(struct request *request) {
	char answer[4096];
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0) return errno;
	int error = send(fd, request, request->header.nlmsg_len, 0) < 0 ? errno : 0;
	ssize_t length = error ? 0 : recv(fd, answer, sizeof answer, 0);
	if (length < 0) error = errno;
	close(fd);
	if (error) return error;
	struct nlmsghdr *header = (void *)answer;
	if ((size_t)length < NLMSG_LENGTH(sizeof(struct nlmsgerr)) || header->nlmsg_type != NLMSG_ERROR) return EIO;
	return -((struct nlmsgerr *)NLMSG_DATA(header))->error;
}

static struct request begin(int type, int flags, int ifindex) {
	struct request request = {0};
	request.header.nlmsg_len = NLMSG_LENGTH(sizeof(struct tcmsg));
	request.header.nlmsg_type = (unsigned short)type;
	request.header.nlmsg_flags = (unsigned short)(NLM_F_REQUEST | NLM_F_ACK | flags);
	request.tc.tcm_ifindex = ifindex;
	return request;
}

static struct request begin_filter(int type, int flags, int ifindex) {
	struct request request = begin(type, flags, ifindex);
	request.tc.tcm_handle = FILTER_HANDLE;
	request.tc.tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS);
	request.tc.tcm_info = TC_H_MAKE((uint32_t)FILTER_PRIORITY << 16, htons(ETH_P_ALL));
	return request;
}

// bpfAttachClsact(ifindex, programFd, name): at ingress; replaces our own filter, leaves others alone.
static napi_value js_attach_clsact(napi_env env, napi_callback_info info) {
	size_t argc = 3;
	napi_value argv[3];
	int ifindex, program;
	char name[32];
	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc < 3 || !weave_int(env, argv[0], &ifindex) || !weave_int(env, argv[1], &program) ||
	    napi_get_value_string_utf8(env, argv[2], name, sizeof name, NULL) != napi_ok) {
		return weave_throw_argument(env, "bpfAttachClsact(ifindex, programFd, name)");
	}
	struct request qdisc = begin(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, ifindex);
	qdisc.tc.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
	qdisc.tc.tcm_parent = TC_H_CLSACT;
	put(&qdisc, TCA_KIND, "clsact", 7);
	int error = talk(&qdisc);
	if (error && error != EEXIST) return weave_throw_errno(env, error, "cannot add a clsact qdisc");

	struct request filter = begin_filter(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_REPLACE, ifindex);
	uint32_t flags = TCA_BPF_FLAG_ACT_DIRECT, fd = (uint32_t)program;
	put(&filter, TCA_KIND, "bpf", 4);
	struct rtattr *options = put(&filter, TCA_OPTIONS, NULL, 0);
	put(&filter, TCA_BPF_FD, &fd, sizeof fd);
	put(&filter, TCA_BPF_NAME, name, strlen(name) + 1);
	put(&filter, TCA_BPF_FLAGS, &flags, sizeof flags);
	options->rta_len = (unsigned short)((char *)&filter + filter.header.nlmsg_len - (char *)options);
	error = talk(&filter);
	return error ? weave_throw_errno(env, error, "cannot attach a BPF filter") : weave_undefined(env);
}

// bpfDetachClsact(ifindex) → whether there was a filter of ours
static napi_value js_detach_clsact(napi_env env, napi_callback_info info) {
	size_t argc = 1;
	napi_value argv[1], result;
	int ifindex;
	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc < 1 || !weave_int(env, argv[0], &ifindex)) return weave_throw_argument(env, "bpfDetachClsact(ifindex)");
	struct request filter = begin_filter(RTM_DELTFILTER, 0, ifindex);
	put(&filter, TCA_KIND, "bpf", 4);
	int error = talk(&filter);
	if (error && error != ENOENT && error != EINVAL && error != ENODEV) {
		return weave_throw_errno(env, error, "cannot detach a BPF filter");
	}
	napi_get_boolean(env, !error, &result);
	return result;
}

// bpfAttachTcx(ifindex, programFd) → descriptor of the link; at ingress. The program stays attached as long as the
// descriptor or a pin does.
static napi_value js_attach_tcx(napi_env env, napi_callback_info info) {
	size_t argc = 2;
	napi_value argv[2];
	int ifindex, program;
	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc < 2 || !weave_int(env, argv[0], &ifindex) || !weave_int(env, argv[1], &program)) {
		return weave_throw_argument(env, "bpfAttachTcx(ifindex, programFd)");
	}
	union bpf_attr attr = {0};
	attr.link_create.prog_fd = (uint32_t)program;
	attr.link_create.target_fd = (uint32_t)ifindex;
	attr.link_create.attach_type = WEAVE_TCX_INGRESS;
	int fd = weave_bpf(BPF_LINK_CREATE, &attr);
	return fd < 0 ? weave_throw_errno(env, errno, "cannot attach a TCX link") : weave_number(env, fd);
}

// bpfLinkUpdate(linkFd, programFd): swaps the program under traffic.
static napi_value js_link_update(napi_env env, napi_callback_info info) {
	size_t argc = 2;
	napi_value argv[2];
	int link, program;
	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (argc < 2 || !weave_int(env, argv[0], &link) || !weave_int(env, argv[1], &program)) {
		return weave_throw_argument(env, "bpfLinkUpdate(linkFd, programFd)");
	}
	union bpf_attr attr = {0};
	attr.link_update.link_fd = (uint32_t)link;
	attr.link_update.new_prog_fd = (uint32_t)program;
	return weave_bpf(BPF_LINK_UPDATE, &attr) ? weave_throw_errno(env, errno, "cannot update a TCX link")
						 : weave_undefined(env);
}

void weave_init_bpf_attach(napi_env env, napi_value exports) {
	weave_export(env, exports, "bpfAttachClsact", js_attach_clsact);
	weave_export(env, exports, "bpfDetachClsact", js_detach_clsact);
	weave_export(env, exports, "bpfAttachTcx", js_attach_tcx);
	weave_export(env, exports, "bpfLinkUpdate", js_link_update);
}
