/*
 * The only native code of the project: netlink sockets, ARP on one link, and whole messages of a child, on Node's event loop.
 *
 *   open(groups, receiveBuffer, callback, [namespace]) -> socket
 *                                                     socket.fd is written to with fs.write (thread pool), because the
 *                                                     kernel works while it is written to and may take 20 ms; it is -1 once
 *                                                     the socket is closed. `namespace` is the descriptor of a network
 *                                                     namespace that the socket is to belong to
 *   openDiag(callback) -> socket                      the same for questions about other sockets of the namespace
 *   openArp(ifindex, callback) -> socket              ARP on one link: what is written to socket.fd leaves as it is, as a whole
 *                                                     frame; only answers (of anybody, to anybody) come in. Needs CAP_NET_RAW
 *   openMessages(callback) -> socket                  the words of another process: socket.peer is a descriptor for it to write to,
 *                                                     each write is a datagram, and whoever asked for it closes it here
 *   announceIn(namespace, path)                       switches the setting ndisc_notify of one link on, in the network namespace
 *                                                     behind the descriptor; no other setting can be written
 *   close(socket)                                     stops the callback and closes the descriptor
 *   ref(socket), unref(socket)                        whether the socket keeps the process alive (it does at first)
 *
 * The callback gets (errno, undefined) or (0, Buffer with one datagram). ENOBUFS means that datagrams were lost.
 * A callback that throws ends up as an uncaught exception of the process, as with any other event in Node.
 *
 * Nothing is taken on trust from JavaScript: numbers are whole and in range, an object is a socket only by its type tag, and
 * every length is the kernel's, checked against the buffer. What is wrong is an exception; nothing has happened then.
 */
#define _GNU_SOURCE
#define NAPI_VERSION 9
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <node_api.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

/* The kernel fills dumps up to 32 KiB per datagram; a single link with many virtual functions may be larger. */
#define DATAGRAM_MAX (128 * 1024)
/* Datagrams per turn of the event loop, so that a storm of events cannot starve everything else. */
#define DATAGRAMS_PER_TURN 64
/* More than anybody needs; the kernel doubles the number, and has to have room for that. */
#define RECEIVE_BUFFER_MAX (256 * 1024 * 1024)

/* A dump waits for its reader: there is always room for more of it. */
#define DIAG_RECEIVE_BUFFER (256 * 1024)

/* The only setting in other namespaces that is ever written. */
#define ANNOUNCE "/ndisc_notify"

/* Marks the objects of `open`: other addons wrap pointers of their own in their objects. */
static const napi_type_tag SOCKET_TAG = {0x8d1f4c6be2a94f07, 0xa3b5d0c91e7f4826};

typedef struct {
  uv_poll_t poll;
  napi_env env;
  napi_ref callback;
  napi_async_context context;
  napi_async_cleanup_hook_handle cleanup;
  int fd;
  bool closing;
  bool wrapper_gone; /* the JavaScript object was collected: free as soon as the handle is closed */
  bool handle_gone;  /* the handle is closed: free as soon as the JavaScript object is collected */
  char buffer[DATAGRAM_MAX];
} Socket;

static napi_value throw_errno(napi_env env, int error, const char *what) {
  char message[128];
  snprintf(message, sizeof message, "%s: %s", what, strerror(error));
  char code[16];
  snprintf(code, sizeof code, "%d", error);
  napi_throw_error(env, code, message);
  return NULL;
}

static napi_value throw_type(napi_env env, const char *message) {
  napi_throw_type_error(env, NULL, message);
  return NULL;
}

/* Whether the value is a whole number from `min` to `max`. Conversions of Node-API would cut off what does not fit. */
static bool read_whole(napi_env env, napi_value value, int64_t min, int64_t max, int64_t *result) {
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok) return false;
  /* Also false for what is not a number. */
  if (!(number >= (double)min && number <= (double)max)) return false;
  *result = (int64_t)number;
  return (double)*result == number;
}

static bool is_of_type(napi_env env, napi_value value, napi_valuetype wanted) {
  napi_valuetype type;
  return napi_typeof(env, value, &type) == napi_ok && type == wanted;
}

static void on_closed(uv_handle_t *handle) {
  Socket *s = handle->data;
  s->handle_gone = true;
  if (s->cleanup != NULL) {
    napi_remove_async_cleanup_hook(s->cleanup);
    s->cleanup = NULL;
  }
  if (s->wrapper_gone) free(s);
}

static void begin_close(Socket *s) {
  if (s->closing) return;
  s->closing = true;
  uv_poll_stop(&s->poll);
  close(s->fd);
  s->fd = -1;
  if (s->callback != NULL) napi_delete_reference(s->env, s->callback);
  s->callback = NULL;
  if (s->context != NULL) napi_async_destroy(s->env, s->context);
  s->context = NULL;
  uv_close((uv_handle_t *)&s->poll, on_closed);
}

/* The environment ends (a worker stops, the process exits) with the socket open. */
static void on_environment_end(napi_async_cleanup_hook_handle hook, void *data) {
  (void)hook;
  begin_close(data);
}

static void on_collected(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  Socket *s = data;
  s->wrapper_gone = true;
  if (s->handle_gone)
    free(s);
  else
    begin_close(s);
}

/* Calls back with one datagram or one error. Returns false when the socket was closed by the callback. */
static bool deliver(Socket *s, int error, size_t length) {
  napi_env env = s->env;
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return false;
  napi_value callback, receiver, arguments[2], result;
  /* A datagram for which there is no room is as good as lost. */
  if (error == 0 && napi_create_buffer_copy(env, length, s->buffer, NULL, &arguments[1]) != napi_ok) error = ENOBUFS;
  if (error != 0) napi_get_undefined(env, &arguments[1]);
  napi_status status = napi_generic_failure;
  if (napi_get_reference_value(env, s->callback, &callback) == napi_ok && callback != NULL &&
      napi_create_int32(env, error, &arguments[0]) == napi_ok && napi_get_global(env, &receiver) == napi_ok)
    status = napi_make_callback(env, s->context, receiver, callback, 2, arguments, &result);
  if (status != napi_ok) {
    napi_value exception;
    bool is_pending = false;
    if (napi_is_exception_pending(env, &is_pending) == napi_ok && is_pending &&
        napi_get_and_clear_last_exception(env, &exception) == napi_ok)
      napi_fatal_exception(env, exception);
  }
  napi_close_handle_scope(env, scope);
  return !s->closing;
}

static void on_readable(uv_poll_t *poll, int status, int events) {
  (void)events;
  Socket *s = poll->data;
  /* A pending error of the socket (ENOBUFS) makes libuv stop polling and say EBADF. The descriptor is sound: go on, and let
     recv tell what it is. */
  if (status < 0 && uv_poll_start(&s->poll, UV_READABLE, on_readable) < 0) {
    deliver(s, -status, 0);
    return;
  }
  for (int i = 0; i < DATAGRAMS_PER_TURN; i++) {
    ssize_t n = recv(s->fd, s->buffer, sizeof s->buffer, MSG_DONTWAIT | MSG_TRUNC);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    int error = n < 0 ? errno : 0;
    if (n > (ssize_t)sizeof s->buffer) error = EMSGSIZE; /* cut off: as good as lost */
    if (!deliver(s, error, error ? 0 : (size_t)n)) return;
    if (error != 0) return;
  }
}

static void set_option(int fd, int level, int option, int value) {
  /* Old kernels lack some of these options; everything works without them, with less to say about errors. */
  (void)!setsockopt(fd, level, option, &value, sizeof value);
}

/* A bound socket, or a negative errno. */
static int open_socket(int protocol, uint32_t groups, int receive_buffer) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
  if (fd < 0) return -errno;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer, sizeof receive_buffer) < 0)
    set_option(fd, SOL_SOCKET, SO_RCVBUF, receive_buffer);
  set_option(fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
  set_option(fd, SOL_NETLINK, NETLINK_CAP_ACK, 1);
  set_option(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
  struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = groups};
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  /* Connected to port 0, the kernel's: datagrams that other processes address to this socket are refused. */
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
      connect(fd, (struct sockaddr *)&kernel, sizeof kernel) < 0) {
    int error = errno;
    close(fd);
    return -error;
  }
  return fd;
}

/* Enters a network namespace, which needs CAP_SYS_ADMIN. A descriptor of the way back, or a negative errno. */
static int enter(int namespace) {
  int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  if (home < 0) return -errno;
  if (setns(namespace, CLONE_NEWNET) == 0) return home;
  int error = errno;
  close(home);
  return -error;
}

/* A thread that could not come back would make everything that follows in somebody else's network: the process ends instead. */
static void leave(int home) {
  if (setns(home, CLONE_NEWNET) < 0) abort();
  close(home);
}

/*
 * The same in another network namespace. The thread is in there for the making of the socket only, and nothing else can run on it
 * meanwhile: a socket stays where it was made.
 */
static int open_socket_in(int namespace, uint32_t groups, int receive_buffer) {
  int home = enter(namespace);
  if (home < 0) return home;
  int fd = open_socket(NETLINK_ROUTE, groups, receive_buffer);
  leave(home);
  return fd;
}

/* Switches a setting on in another network namespace: in /proc/sys/net everybody sees the namespace that they are in. Zero or an errno. */
static int switch_on_in(int namespace, const char *path) {
  int home = enter(namespace);
  if (home < 0) return -home;
  int error = 0;
  int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0 || write(fd, "1", 1) != 1) error = errno;
  if (fd >= 0) close(fd);
  leave(home);
  return error;
}

/*
 * A packet socket for ARP on one link, or a negative errno. It is made for no protocol and so hears nothing until it is bound; by
 * then the filter is on it, for good, that lets ARP answers in (operation 2, after 14 bytes of Ethernet and 6 of ARP) and nothing
 * else of a LAN where everybody asks all the time.
 */
static int open_arp_socket(int ifindex) {
  int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  struct sock_filter answers[] = {
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, ETH_HLEN + 6),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, ETH_FRAME_LEN),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
  struct sock_fprog filter = {.len = sizeof answers / sizeof *answers, .filter = answers};
  struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP), .sll_ifindex = ifindex};
  int on = 1;
  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) < 0 ||
      setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof on) < 0 ||
      bind(fd, (struct sockaddr *)&address, sizeof address) < 0) {
    int error = errno;
    close(fd);
    return -error;
  }
  return fd;
}

/*
 * Puts the socket on the event loop. On failure descriptor and memory are given back: at once, or, when the loop has the handle
 * already, as soon as the loop has let go of it.
 */
static int watch_socket(napi_env env, Socket *s) {
  uv_loop_t *loop;
  int status = napi_get_uv_event_loop(env, &loop) == napi_ok ? uv_poll_init(loop, &s->poll, s->fd) : UV_EINVAL;
  if (status < 0) {
    close(s->fd);
    free(s);
    return -status;
  }
  s->poll.data = s;
  status = uv_poll_start(&s->poll, UV_READABLE, on_readable);
  if (status < 0) {
    s->wrapper_gone = true;
    begin_close(s);
  }
  return status < 0 ? -status : 0;
}

/* The socket behind a value, or NULL: an object of `open`, and nothing else. */
static Socket *socket_of(napi_env env, napi_value value) {
  bool is_socket = false;
  void *data = NULL;
  if (!is_of_type(env, value, napi_object)) return NULL;
  if (napi_check_object_type_tag(env, value, &SOCKET_TAG, &is_socket) != napi_ok || !is_socket) return NULL;
  return napi_unwrap(env, value, &data) == napi_ok ? data : NULL;
}

static napi_value get_fd(napi_env env, napi_callback_info info) {
  napi_value self, fd = NULL;
  if (napi_get_cb_info(env, info, NULL, NULL, &self, NULL) != napi_ok) return NULL;
  Socket *s = socket_of(env, self);
  if (s == NULL) return throw_type(env, "not a netlink socket");
  napi_create_int32(env, s->fd, &fd);
  return fd;
}

/* The object that stands for the socket: from here on, its collection ends the socket. NULL when there is no room for it. */
static napi_value wrap_socket(napi_env env, Socket *s, napi_value callback) {
  const napi_property_descriptor fd = {"fd", NULL, NULL, get_fd, NULL, NULL, napi_enumerable, NULL};
  napi_value object, name;
  if (napi_create_string_utf8(env, "netlink", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_reference(env, callback, 1, &s->callback) != napi_ok ||
      napi_async_init(env, NULL, name, &s->context) != napi_ok ||
      napi_add_async_cleanup_hook(env, on_environment_end, s, &s->cleanup) != napi_ok ||
      napi_create_object(env, &object) != napi_ok || napi_define_properties(env, object, 1, &fd) != napi_ok ||
      napi_type_tag_object(env, object, &SOCKET_TAG) != napi_ok ||
      napi_wrap(env, object, s, on_collected, NULL, NULL) != napi_ok)
    return NULL;
  return object;
}

/* The object for an open descriptor, which it owns from here on; or NULL with an exception pending, and the descriptor closed. */
static napi_value serve_socket(napi_env env, int fd, napi_value callback) {
  Socket *s = calloc(1, sizeof *s);
  if (s == NULL) {
    close(fd);
    return throw_errno(env, ENOMEM, "socket");
  }
  s->env = env;
  s->fd = fd;
  int error = watch_socket(env, s);
  if (error != 0) return throw_errno(env, error, "socket on the event loop");
  napi_value object = wrap_socket(env, s, callback);
  if (object != NULL) return object;
  s->wrapper_gone = true; /* there is none: the memory goes with the handle */
  begin_close(s);
  return throw_errno(env, ENOMEM, "socket");
}

static napi_value open_(napi_env env, napi_callback_info info) {
  size_t count = 4;
  napi_value arguments[4];
  int64_t groups = 0, receive_buffer = 0, namespace = -1;
  /* Arguments that are not there are undefined. */
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok ||
      !read_whole(env, arguments[0], 0, UINT32_MAX, &groups) ||
      !read_whole(env, arguments[1], 1, RECEIVE_BUFFER_MAX, &receive_buffer) ||
      !is_of_type(env, arguments[2], napi_function))
    return throw_type(env, "open(groups, receiveBuffer, callback, [namespace])");
  /* A descriptor that is none must not end in a socket of the node's own namespace. */
  if (!is_of_type(env, arguments[3], napi_undefined) && !read_whole(env, arguments[3], 0, INT32_MAX, &namespace))
    return throw_type(env, "the namespace is no descriptor");
  int fd = namespace < 0 ? open_socket(NETLINK_ROUTE, (uint32_t)groups, (int)receive_buffer)
                         : open_socket_in((int)namespace, (uint32_t)groups, (int)receive_buffer);
  return fd < 0 ? throw_errno(env, -fd, "netlink socket") : serve_socket(env, fd, arguments[2]);
}

static napi_value open_diag(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  if (napi_get_cb_info(env, info, &count, &argument, NULL, NULL) != napi_ok ||
      !is_of_type(env, argument, napi_function))
    return throw_type(env, "openDiag(callback)");
  int fd = open_socket(NETLINK_SOCK_DIAG, 0, DIAG_RECEIVE_BUFFER);
  return fd < 0 ? throw_errno(env, -fd, "netlink socket") : serve_socket(env, fd, argument);
}

static napi_value open_arp(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value arguments[2];
  int64_t ifindex = 0;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok ||
      /* Zero would be every link. */
      !read_whole(env, arguments[0], 1, INT32_MAX, &ifindex) || !is_of_type(env, arguments[1], napi_function))
    return throw_type(env, "openArp(ifindex, callback)");
  int fd = open_arp_socket((int)ifindex);
  return fd < 0 ? throw_errno(env, -fd, "packet socket") : serve_socket(env, fd, arguments[1]);
}

static napi_value announce_in(napi_env env, napi_callback_info info) {
  size_t count = 2, length = 0;
  napi_value arguments[2];
  int64_t namespace = 0;
  char path[PATH_MAX];
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok ||
      !read_whole(env, arguments[0], 0, INT32_MAX, &namespace) || !is_of_type(env, arguments[1], napi_string) ||
      /* What is longer is cut off, and so does not end as it has to. */
      napi_get_value_string_utf8(env, arguments[1], path, sizeof path, &length) != napi_ok ||
      length < sizeof ANNOUNCE || strlen(path) != length ||
      strcmp(path + length - (sizeof ANNOUNCE - 1), ANNOUNCE) != 0)
    return throw_type(env, "announceIn(namespace, path that ends in " ANNOUNCE ")");
  int error = switch_on_in((int)namespace, path);
  return error == 0 ? NULL : throw_errno(env, error, "announcing IPv6 addresses");
}

/* Datagrams, not a stream: what is in one write cannot pass for the beginning of another. */
static napi_value open_messages(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument, peer;
  int pair[2];
  if (napi_get_cb_info(env, info, &count, &argument, NULL, NULL) != napi_ok ||
      !is_of_type(env, argument, napi_function))
    return throw_type(env, "openMessages(callback)");
  if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) < 0) return throw_errno(env, errno, "socket pair");
  napi_value object = serve_socket(env, pair[0], argument);
  if (object != NULL && napi_create_int32(env, pair[1], &peer) == napi_ok &&
      napi_set_named_property(env, object, "peer", peer) == napi_ok)
    return object;
  close(pair[1]);
  return object == NULL ? NULL : throw_errno(env, ENOMEM, "socket pair");
}

/* The socket that is the first argument, or NULL with an exception pending. */
static Socket *first_argument(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  Socket *s = NULL;
  if (napi_get_cb_info(env, info, &count, &argument, NULL, NULL) == napi_ok) s = socket_of(env, argument);
  if (s == NULL) throw_type(env, "not a netlink socket");
  return s;
}

static napi_value close_(napi_env env, napi_callback_info info) {
  Socket *s = first_argument(env, info);
  if (s != NULL) begin_close(s);
  return NULL;
}

static napi_value ref_(napi_env env, napi_callback_info info) {
  Socket *s = first_argument(env, info);
  if (s != NULL && !s->closing) uv_ref((uv_handle_t *)&s->poll);
  return NULL;
}

static napi_value unref_(napi_env env, napi_callback_info info) {
  Socket *s = first_argument(env, info);
  if (s != NULL && !s->closing) uv_unref((uv_handle_t *)&s->poll);
  return NULL;
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {"open", NULL, open_, NULL, NULL, NULL, napi_enumerable, NULL},
      {"openDiag", NULL, open_diag, NULL, NULL, NULL, napi_enumerable, NULL},
      {"openArp", NULL, open_arp, NULL, NULL, NULL, napi_enumerable, NULL},
      {"openMessages", NULL, open_messages, NULL, NULL, NULL, napi_enumerable, NULL},
      {"announceIn", NULL, announce_in, NULL, NULL, NULL, napi_enumerable, NULL},
      {"close", NULL, close_, NULL, NULL, NULL, napi_enumerable, NULL},
      {"ref", NULL, ref_, NULL, NULL, NULL, napi_enumerable, NULL},
      {"unref", NULL, unref_, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  if (napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions) != napi_ok) return NULL;
  return exports;
}
