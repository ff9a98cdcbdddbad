import CLinux
import Dispatch
import Glibc
import Primitives

/// A process that outlives this one: it leads a session of its own, holds nothing that this process holds, and writes to
/// a file. Whoever comes next finds it by its identity, and watches it as if it were its own child, except that nobody
/// but its parent is told how it ended.
///
/// Signals go to its whole group, and it has ended when that is empty and nobody else carries its mark: what it started
/// does not stay behind.
public final class DetachedProcess: Descriptor {
    /// What is left of it when its leader has ended has so long to end too.
    public static let restGraceNanoseconds = 5 * Nanoseconds.perSecond
    private static let restLookNanoseconds = 50 * Nanoseconds.perMillisecond

    public let identity: ProcessIdentity
    public var pid: Int32 { self.identity.pid }
    private let isChild: Bool
    private let mark: ProcessMark?
    /// Nil once the end has been told, or nobody wants to hear of it.
    private var onExit: ((ExitStatus) -> Void)?
    /// Of a process that has ended.
    private struct Rest {
        /// Somebody has been in its group all the time: nobody else can have got its number.
        var hasGroup = true
        /// Those that carry its mark, as far as they have been found.
        var carriers: [ProcessIdentity]
    }
    private enum Phase {
        case running
        /// It has ended; some that it started have not.
        case leaving(ExitStatus, Rest, until: Instant)
        case ended
    }
    private var phase = Phase.running

    /// Starts `executable` (looked up in `PATH` when it holds no slash); both its outputs go to `output`, its input is
    /// empty. `mark` tells those that it will start, by a variable of `environment`.
    public static func spawn(
        _ executable: String,
        arguments: [String],
        environment: [String: String] = [:],
        mark: ProcessMark? = nil,
        output: Int32,
        on loop: EventLoop,
        onExit: @escaping (ExitStatus) -> Void
    ) throws -> DetachedProcess {
        loop.preconditionOnLoop()
        let input = open("/dev/null", O_RDONLY | O_CLOEXEC)
        guard input != -1 else { throw SystemError(call: "open of /dev/null") }
        defer { close(input) }
        let pid = try ProcessLaunch(
            executable: executable,
            arguments: arguments,
            environment: environment,
            input: input,
            output: output,
            errors: output,
            family: .detached
        ).start()
        do {
            let handle = try ProcessLaunch.openHandle(of: pid)
            // It cannot have another number before it is reaped; one that has ended already is told of at once.
            guard let identity = ProcessTable.identityOfChild(pid) else {
                close(handle)
                throw SystemError(call: "open of /proc/\(pid)/stat")
            }
            let process = DetachedProcess(loop, handle, identity, mark, isChild: true, onExit)
            try process.register(.readable)
            return process
        } catch {
            ProcessLaunch.abandon(pid)
            throw error
        }
    }

    /// What is seen of a process that somebody else started.
    public enum Found {
        /// It is watched from now on.
        case runs(DetachedProcess)
        case ended
        /// It may run: it is hidden, or of another user, or this process may open no more descriptors.
        case unseen
    }

    /// Watches a process that somebody else started.
    public static func find(
        _ identity: ProcessIdentity,
        mark: ProcessMark? = nil,
        on loop: EventLoop,
        onExit: @escaping (ExitStatus) -> Void
    ) -> Found {
        self.find(identity, mark: mark, on: loop, under: "/proc", openHandle: sluice_pidfd_open, onExit: onExit)
    }

    static func find(
        _ identity: ProcessIdentity,
        mark: ProcessMark? = nil,
        on loop: EventLoop,
        under folder: String,
        openHandle: (Int32) -> Int32,
        onExit: @escaping (ExitStatus) -> Void
    ) -> Found {
        loop.preconditionOnLoop()
        let handle = openHandle(identity.pid)
        let refusal = errno
        // Looked at after the handle was opened: its number cannot have changed hands in between.
        let runs = handle == -1 && refusal == ESRCH ? false : ProcessTable.isRunning(identity, under: folder)
        guard handle != -1, runs == true, kill(identity.pid, 0) == 0 else {
            if handle != -1 { close(handle) }
            return runs == false ? .ended : .unseen
        }
        let process = DetachedProcess(loop, handle, identity, mark, isChild: false, onExit)
        guard (try? process.register(.readable)) != nil else { return .unseen }
        return .runs(process)
    }

    private init(
        _ loop: EventLoop,
        _ handle: Int32,
        _ identity: ProcessIdentity,
        _ mark: ProcessMark?,
        isChild: Bool,
        _ onExit: @escaping (ExitStatus) -> Void
    ) {
        self.identity = identity
        self.mark = mark
        self.isChild = isChild
        self.onExit = onExit
        super.init(loop: loop, fd: handle)
    }

    public override func ready(_ events: ReadyEvents) {
        guard case .running = self.phase else { return }
        let status: ExitStatus
        if self.isChild {
            guard let reaped = ExitStatus.reap(self.pid) else { return }
            status = reaped
        } else {
            status = .unknown
        }
        self.deregisterAndClose()
        guard self.onExit != nil else {
            self.phase = .ended
            return
        }
        let until = self.loop.now.advanced(byNanoseconds: Self.restGraceNanoseconds)
        self.phase = .leaving(status, Rest(carriers: self.carriers), until: until)
        self.signalRest(SIGTERM)
        self.lookAtRest()
    }

    private var carriers: [ProcessIdentity] {
        self.mark.map { ProcessTable.carriers(of: $0, since: self.identity) } ?? []
    }

    private func signalRest(_ number: Int32) {
        guard case .leaving(_, let rest, _) = self.phase else { return }
        if rest.hasGroup { kill(-self.pid, number) }
        for left in rest.carriers where ProcessTable.isRunning(left) == true && getpgid(left.pid) != self.pid {
            kill(left.pid, number)
        }
    }

    private func lookAtRest() {
        guard case .leaving(let status, var rest, let until) = self.phase else { return }
        let hadSome = !rest.carriers.isEmpty
        rest.hasGroup = rest.hasGroup && kill(-self.pid, 0) == 0 && !ProcessTable.members(ofGroup: self.pid).isEmpty
        rest.carriers.removeAll { ProcessTable.isRunning($0) != true }
        let isOver = self.loop.now >= until
        // Those who have gone may have started others meanwhile.
        if hadSome, rest.carriers.isEmpty || isOver { rest.carriers = self.carriers }
        self.phase = .leaving(status, rest, until: until)
        let isEmpty = !rest.hasGroup && rest.carriers.isEmpty
        if !isEmpty, !isOver {
            self.loop.after(nanoseconds: Self.restLookNanoseconds) { self.lookAtRest() }
            return
        }
        if !isEmpty { self.signalRest(SIGKILL) }
        self.phase = .ended
        let onExit = self.onExit
        self.onExit = nil
        onExit?(status)
    }

    /// To the process and its group; once it has ended itself, to all that it started. Nothing happens when they have
    /// ended.
    public func signal(_ number: Int32) {
        self.loop.preconditionOnLoop()
        switch self.phase {
        case .running: kill(-self.pid, number)
        case .leaving: self.signalRest(number)
        case .ended: return
        }
    }

    /// Somebody else looks after it from now on: its end is not told any more. A child of ours is still reaped.
    public func letGo() {
        self.loop.preconditionOnLoop()
        self.onExit = nil
        guard case .running = self.phase, !self.isChild else { return }
        self.phase = .ended
        self.deregisterAndClose()
    }

    /// As of any child, see `ChildProcess.loopEnds()`.
    public override func loopEnds() {
        super.loopEnds()
        guard self.isChild, case .running = self.phase else { return }
        self.phase = .ended
        DispatchQueue(label: "reaper of \(self.pid)").async { [pid = self.pid] in
            var status: Int32 = 0
            while waitpid(pid, &status, 0) == -1, errno == EINTR {}
        }
    }
}
