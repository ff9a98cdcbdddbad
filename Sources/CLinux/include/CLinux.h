// What Glibc's Swift overlay does not show: descriptors that are made, waited for and watched the Linux way.
//
// Nothing here may define _GNU_SOURCE: it changes types that Glibc's own module has already described, and Swift
// refuses two descriptions of one type. What needs it lies behind a plain prototype in CLinux.c.
#pragma once
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>

/// `epoll_event.data` is a union of a packed struct; Swift sees it through these two.
static inline uint64_t sluice_epoll_data(const struct epoll_event *event) { return event->data.u64; }
static inline uint32_t sluice_epoll_events(const struct epoll_event *event) { return event->events; }

/// `epoll_ctl` with the 64-bit payload, for the same reason.
static inline int sluice_epoll_set(int epoll, int operation, int fd, uint32_t events, uint64_t data) {
    struct epoll_event event = {.events = events, .data = {.u64 = data}};
    return epoll_ctl(epoll, operation, fd, &event);
}

/// The EPOLL* constants are an enum with `EPOLLET` outside of its signed range; as plain numbers they can be combined.
static const uint32_t SLUICE_EPOLLIN = 0x001;
static const uint32_t SLUICE_EPOLLOUT = 0x004;
static const uint32_t SLUICE_EPOLLERR = 0x008;
static const uint32_t SLUICE_EPOLLHUP = 0x010;
static const uint32_t SLUICE_EPOLLRDHUP = 0x2000;
static const uint32_t SLUICE_EPOLLET = 1u << 31;

/// Variadic, so invisible to Swift.
int sluice_set_nonblocking(int fd);

/// The wait-status macros take the status apart with casts that Swift cannot import.
int sluice_exited(int status);
int sluice_exit_code(int status);
int sluice_term_signal(int status);

/// A stream socket or an accepted connection, non-blocking and closed on exec from its first moment.
int sluice_socket(int family);
int sluice_accept(int fd, void *address, uint32_t *length);

/// `recv` and `send` as bare system calls. The library's own are cancellation points, which in a process with threads
/// cost two atomic operations each: 2 % of a small answer.
long sluice_receive(int fd, void *memory, unsigned long count);
/// `more`: the bytes may wait for what follows, so that they and the connection's end leave in one packet.
long sluice_send(int fd, const void *bytes, unsigned long count, bool more);

/// Bytes in a stream socket's send queue that the peer has not acknowledged; -1 when the kernel does not tell. `ioctl` is
/// variadic, so invisible to Swift.
int sluice_unacknowledged_bytes(int fd);

/// A pipe whose ends are closed on exec, so that no other child inherits them.
int sluice_pipe(int ends[2]);

/// The new process has no descriptor from that one on. The C library shows it to GNU programs only.
int sluice_spawn_closes_from(posix_spawn_file_actions_t *actions, int fd);

/// A descriptor that becomes readable when the child ends; in every kernel since 5.3, in glibc only since 2.36.
int sluice_pidfd_open(int pid);

/// A file without a name, in memory, that is appended to; closed on exec. `name` is what `/proc` shows of it.
int sluice_memory_file(const char *name);

/// Takes disk for the first bytes of a file, whose length stays as it is. Returns -1 when there is none.
int sluice_reserve(int fd, long bytes);

/// `POSIX_SPAWN_SETSID`: the new process begins a session. The C library shows it to GNU programs only.
static const int32_t SLUICE_SPAWN_SETSID = 0x80;

/// `signal(number, SIG_IGN)`: the constant is a cast that Swift cannot import.
void sluice_ignore_signal(int number);

/// From now on the signal's number is written as a byte to `fd`, a pipe's non-blocking end, by whichever thread of the
/// process takes the signal. Returns -1 when there is no such signal.
int sluice_write_signal(int number, int fd);

/// A descriptor that reads those of the signals that wait because every thread of the process blocks them. One signal
/// takes SLUICE_PENDING_SIGNAL_BYTES; its number stands in the first four.
int sluice_pending_signals(const int32_t *numbers, int count);
static const int SLUICE_PENDING_SIGNAL_BYTES = 128;

/// Raises the soft limit of open descriptors to the hard one. Returns what then holds, or -1.
long sluice_raise_descriptor_limit(void);
