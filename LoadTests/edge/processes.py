"""Processes, as the kernel accounts for them."""
import ctypes, errno, os, platform, re, struct, threading, time


def on_core(cores, words):
    """`cores`: one number, or a list as taskset reads it."""
    return (["taskset", "-c", str(cores)] if os.cpu_count() > 1 else []) + [str(word) for word in words]


def processes(pid):
    """The process and its children: nginx works in one of them."""
    with open(f"/proc/{pid}/task/{pid}/children") as file: children = file.read().split()
    return [pid] + [grandchild for child in children for grandchild in processes(int(child))]


def own_cpu_seconds(pid):
    """User and system time of one process, to the nanosecond: the clock that clock_getcpuclockid(3) names."""
    return time.clock_gettime((~pid << 3) | 2)


def cpu_seconds(pid):
    """The same of a server, whatever processes it is made of. Sluice's private Redis is none of its children."""
    return sum(own_cpu_seconds(one) for one in processes(pid))


def own_resident_bytes(pid):
    with open(f"/proc/{pid}/status") as file: return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) * 1024


def resident_bytes(pid): return sum(own_resident_bytes(one) for one in processes(pid))


class MemoryWatch:
    """The most bytes that a process has in memory at any time while it is watched."""

    def __init__(self, pid):
        self.most, self.is_over = own_resident_bytes(pid), threading.Event()
        self.thread = threading.Thread(target=self.watch, args=(pid,), daemon=True)
        self.thread.start()

    def watch(self, pid):
        while not self.is_over.wait(0.05): self.most = max(self.most, own_resident_bytes(pid))

    def end(self):
        self.is_over.set()
        self.thread.join()
        return self.most


class Instructions:
    """How many instructions the threads of a server run, by the processor's own counter. Nothing is installed for it,
    and no rights are needed but those to look into one's own processes; most virtual machines have no counter."""
    CALLS = dict(x86_64=298, aarch64=241)  # perf_event_open
    HARDWARE, INSTRUCTIONS, WITHOUT_KERNEL, WITHOUT_HYPERVISOR = 0, 1, 1 << 5, 1 << 6

    def __init__(self, pid):
        """Throws OSError where nothing can be counted."""
        self.files, self.has_kernel = [], True
        tasks = [int(task) for one in processes(pid) for task in os.listdir(f"/proc/{one}/task")]
        try:
            for task in tasks: self.open(task)
        except PermissionError:
            # Its own instructions at least.
            self.has_kernel = False
            for task in tasks: self.open(task)

    def open(self, task):
        number = self.CALLS.get(platform.machine())
        if number is None: raise OSError(errno.ENOSYS, f"not known how to ask on {platform.machine()}")
        flags = self.WITHOUT_HYPERVISOR | (0 if self.has_kernel else self.WITHOUT_KERNEL)
        # struct perf_event_attr in its first version.
        wish = ctypes.create_string_buffer(
            struct.pack("=IIQQQQQIIQ", self.HARDWARE, 64, self.INSTRUCTIONS, 0, 0, 0, flags, 0, 0, 0), 64)
        libc = ctypes.CDLL(None, use_errno=True)
        file = libc.syscall(number, wish, task, -1, -1, 0)
        if file == -1:
            self.end()
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        self.files.append(file)

    def count(self): return sum(struct.unpack("=Q", os.read(file, 8))[0] for file in self.files)

    def end(self):
        for file in self.files: os.close(file)
        self.files = []
