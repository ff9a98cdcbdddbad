import CLinux
import EventLoop
import Glibc

/// A running `redis-server`: a child of ours, or one that was found running.
enum ServerProcess {
    case child(ChildProcess)
    case found(FoundProcess)

    var pid: Int32 {
        switch self {
        case .child(let child): child.pid
        case .found(let process): process.pid
        }
    }

    func signal(_ number: Int32) {
        switch self {
        case .child(let child): child.signal(number)
        case .found(let process): process.signal(number)
        }
    }
}

/// A process that is not our child. Its end enters the loop through its pidfd; how it ended is not told to strangers.
final class FoundProcess: Descriptor {
    let pid: Int32
    private let onExit: () -> Void
    private var hasExited = false

    /// Nil when there is no such process any more, or it cannot be watched.
    init?(pid: Int32, on loop: EventLoop, onExit: @escaping () -> Void) {
        let handle = sluice_pidfd_open(pid)
        guard handle != -1 else { return nil }
        self.pid = pid
        self.onExit = onExit
        super.init(loop: loop, fd: handle)
        guard (try? self.register(.readable)) != nil else { return nil }
    }

    override func ready(_ events: ReadyEvents) {
        self.hasExited = true
        self.deregisterAndClose()
        self.onExit()
    }

    func signal(_ number: Int32) {
        self.loop.preconditionOnLoop()
        guard !self.hasExited else { return }
        kill(self.pid, number)
    }

    /// Stops watching.
    func forget() {
        self.hasExited = true
        self.deregisterAndClose()
    }
}

/// Finds the server of a folder, if one runs.
enum ServerSearch {
    enum Finding: Equatable {
        case none
        case reachable(pid: Int32)
        /// It runs on the folder's data, and its socket is gone.
        case unreachable(pid: Int32)
        /// Somebody listens who is not visible from here, as from inside of a container.
        case hidden
    }

    static func find(in folder: RedisFolder) -> Finding {
        if let pid = self.listener(at: folder.socketPath) { return pid > 0 ? .reachable(pid: pid) : .hidden }
        let line = RedisFolder.read(folder.pidFile)
        guard let pid = Int32(line.prefix { $0.isNumber }), pid > 0 else { return .none }
        // Redis writes its socket into its title. A number that has gone to another process is not in the way.
        let title = RedisFolder.read("/proc/\(pid)/cmdline")
        return title.contains(folder.socketPath) ? .unreachable(pid: pid) : .none
    }

    /// The process that listens on a unix socket, as the kernel knows it; 0 when that cannot be seen, nil when nobody does.
    static func listener(at path: String) -> Int32? {
        let probe = sluice_socket(AF_UNIX)
        guard probe != -1 else { return 0 }
        defer { close(probe) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(probe, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        // A full backlog is a listener too, but does not say whose.
        guard code != -1 else { return errno == EAGAIN ? 0 : nil }
        // `struct ucred`: process, user, group.
        var credentials: (Int32, UInt32, UInt32) = (0, 0, 0)
        var length = socklen_t(12)
        guard getsockopt(probe, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != -1 else { return 0 }
        return credentials.0
    }
}
