/*
 * Preloaded into an agent: it dies, as by SIGKILL, right after the request to the kernel with a given number. Requests are messages
 * over rtnetlink that change something, and writes to the kernel's files; looks are not counted. What the kernel was asked before,
 * it has done: both are done while they are written.
 *
 *   DIE_AFTER=n       the last request; 0 is before the first; without it nothing dies
 *   DIE_COUNT=path    a byte is appended to this file for each request
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long count;

static bool is_agent(void) {
  char path[256];
  ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
  if (n < 5) return false;
  path[n] = 0;
  return strcmp(path + n - 5, "/node") == 0;
}

static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

static bool is_last(void) {
  const char *text = getenv("DIE_AFTER");
  return text != NULL && count >= atol(text);
}

static void note(void) {
  const char *path = getenv("DIE_COUNT");
  int fd = path == NULL ? -1 : open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  ssize_t (*real)(int, const void *, size_t) = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
  if (fd >= 0) {
    if (real(fd, ".", 1) < 0) abort();
    close(fd);
  }
}

static bool is_netlink(int fd) {
  int domain = 0;
  socklen_t size = sizeof domain;
  return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_NETLINK;
}

static bool is_kernel_file(int fd) {
  struct statfs fs;
  return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

/* Of each message kind of rtnetlink, the third of four is the look. */
static bool is_change(const struct nlmsghdr *message) {
  return message->nlmsg_type >= NLMSG_MIN_TYPE && (message->nlmsg_type & 3) != 2;
}

ssize_t write(int fd, const void *data, size_t size) {
  ssize_t (*real)(int, const void *, size_t) = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
  bool over_netlink = is_netlink(fd);
  if (!is_agent() || (!over_netlink && !is_kernel_file(fd))) return real(fd, data, size);
  pthread_mutex_lock(&lock);
  size_t done = 0;
  while (over_netlink && done + sizeof(struct nlmsghdr) <= size) {
    const struct nlmsghdr *message = (const void *)((const char *)data + done);
    if (is_change(message)) {
      if (is_last()) break;
      count++;
      note();
    }
    done += NLMSG_ALIGN(message->nlmsg_len);
  }
  if (!over_netlink && !is_last()) {
    count++;
    note();
    done = size;
  }
  ssize_t written = done > 0 ? real(fd, data, done) : 0;
  if (done < size) die();
  pthread_mutex_unlock(&lock);
  return written;
}
