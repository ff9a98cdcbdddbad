#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sockios.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int sluice_set_nonblocking(int fd) {
    int flags = fcntl(fd, F_GETFL, 0);
    return flags == -1 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

int sluice_exited(int status) { return WIFEXITED(status); }
int sluice_exit_code(int status) { return WEXITSTATUS(status); }
int sluice_term_signal(int status) { return WTERMSIG(status); }

int sluice_socket(int family) { return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

int sluice_accept(int fd, void *address, uint32_t *length) {
    return accept4(fd, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

long sluice_receive(int fd, void *memory, unsigned long count) {
    return syscall(SYS_recvfrom, fd, memory, count, 0, NULL, NULL);
}

long sluice_send(int fd, const void *bytes, unsigned long count, bool more) {
    return syscall(SYS_sendto, fd, bytes, count, MSG_NOSIGNAL | (more ? MSG_MORE : 0), NULL, 0);
}

int sluice_unacknowledged_bytes(int fd) {
    int count = 0;
    return ioctl(fd, SIOCOUTQ, &count) == -1 ? -1 : count;
}

int sluice_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

int sluice_spawn_closes_from(posix_spawn_file_actions_t *actions, int fd) {
    return posix_spawn_file_actions_addclosefrom_np(actions, fd);
}

int sluice_pidfd_open(int pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int sluice_memory_file(const char *name) {
    int fd = memfd_create(name, MFD_CLOEXEC);
    if (fd == -1 || fcntl(fd, F_SETFL, O_APPEND) != -1) return fd;
    close(fd);
    return -1;
}

int sluice_reserve(int fd, long bytes) { return fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, bytes); }

void sluice_ignore_signal(int number) { signal(number, SIG_IGN); }

static volatile int signal_pipes[NSIG];

// Nothing but what is safe at any moment of any thread.
static void write_signal(int number) {
    int before = errno;
    unsigned char byte = (unsigned char)number;
    // A full pipe already says enough.
    ssize_t written = write(signal_pipes[number], &byte, 1);
    (void)written;
    errno = before;
}

int sluice_write_signal(int number, int fd) {
    if (number < 1 || number >= NSIG) return -1;
    signal_pipes[number] = fd;
    struct sigaction action = {.sa_handler = write_signal, .sa_flags = SA_RESTART};
    sigfillset(&action.sa_mask);
    return sigaction(number, &action, NULL);
}

int sluice_pending_signals(const int32_t *numbers, int count) {
    sigset_t set;
    sigemptyset(&set);
    for (int index = 0; index < count; index++) sigaddset(&set, numbers[index]);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

long sluice_raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == -1) return -1;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) == -1) return -1;
    return limit.rlim_cur > LONG_MAX ? LONG_MAX : (long)limit.rlim_cur;
}
