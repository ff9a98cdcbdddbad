import CLinux
import Dispatch
import Glibc

/// How a child ended.
public enum ExitStatus: Equatable, Sendable, CustomStringConvertible {
    case exited(Int32)
    case signalled(Int32)
    /// Reaped by something else in this process.
    case unknown

    public var description: String {
        switch self {
        case .exited(let code): "exit code \(code)"
        case .signalled(let number): "signal \(number)"
        case .unknown: "an unknown status"
        }
    }
}

/// A child whose end enters the loop through its pidfd, like any other event, and whose number is never signalled
/// after it has been reaped.
public final class ChildProcess: Descriptor {
    public let pid: Int32
    public private(set) var exitStatus: ExitStatus?
    private let onExit: (ExitStatus) -> Void
    /// The child's standard input: held open, so that the child can see by its end that this process is gone. -1: none.
    private let lifeline: Int32
    /// The read end of the child's standard output, non-blocking; handed to whoever wants it, else drained nowhere.
    private var output: Int32

    /// Starts `executable` (looked up in `PATH` when it holds no slash).
    /// - Parameters:
    ///   - errors: where its standard error goes; nil: it is inherited.
    ///   - hasLifeline: false: its input has ended before it began.
    public static func spawn(
        _ executable: String,
        arguments: [String],
        environment: [String: String] = [:],
        errors: Int32? = nil,
        hasLifeline: Bool = true,
        on loop: EventLoop,
        onExit: @escaping (ExitStatus) -> Void
    ) throws -> ChildProcess {
        loop.preconditionOnLoop()
        var input: [Int32] = [-1, -1]
        var output: [Int32] = [-1, -1]
        guard sluice_pipe(&input) != -1 else { throw SystemError(call: "pipe2") }
        guard sluice_pipe(&output) != -1 else {
            let failure = SystemError(call: "pipe2")
            for fd in input { close(fd) }
            throw failure
        }
        defer {
            close(input[0])
            close(output[1])
        }
        let pid: Int32
        let handle: Int32
        do {
            pid = try ProcessLaunch(
                executable: executable,
                arguments: arguments,
                environment: environment,
                input: input[0],
                output: output[1],
                errors: errors
            ).start()
            do {
                handle = try ProcessLaunch.openHandle(of: pid)
            } catch {
                ProcessLaunch.abandon(pid)
                throw error
            }
        } catch {
            close(input[1])
            close(output[0])
            throw error
        }
        if !hasLifeline {
            close(input[1])
            input[1] = -1
        }
        // From here on the three descriptors are the child's, and closed with it.
        let child = ChildProcess(
            loop: loop,
            handle: handle,
            pid: pid,
            lifeline: input[1],
            output: output[0],
            onExit: onExit
        )
        do {
            try child.register(.readable)
        } catch {
            ProcessLaunch.abandon(pid)
            throw error
        }
        return child
    }

    private init(
        loop: EventLoop,
        handle: Int32,
        pid: Int32,
        lifeline: Int32,
        output: Int32,
        onExit: @escaping (ExitStatus) -> Void
    ) {
        self.pid = pid
        self.lifeline = lifeline
        self.output = output
        self.onExit = onExit
        super.init(loop: loop, fd: handle)
    }

    deinit {
        if self.lifeline >= 0 { close(self.lifeline) }
        if self.output >= 0 { close(self.output) }
    }

    /// The pidfd is readable once, when the child has ended.
    public override func ready(_ events: ReadyEvents) {
        guard let ended = ExitStatus.reap(self.pid) else { return }
        self.exitStatus = ended
        self.deregisterAndClose()
        self.onExit(ended)
    }

    /// Nobody is told of the child's end any more; but it is reaped, on a thread of its own. A child that has ended and is
    /// not reaped hides others from whoever in this process waits for any child.
    public override func loopEnds() {
        super.loopEnds()
        guard self.exitStatus == nil else { return }
        self.exitStatus = .unknown
        DispatchQueue(label: "reaper of \(self.pid)").async { [pid = self.pid] in
            var status: Int32 = 0
            while waitpid(pid, &status, 0) == -1, errno == EINTR {}
        }
    }

    /// Nothing happens when the child has ended already.
    public func signal(_ number: Int32) {
        self.loop.preconditionOnLoop()
        guard self.exitStatus == nil else { return }
        kill(self.pid, number)
    }

    /// To the child and to what it has started, as far as that has stayed in its group.
    public func signalGroup(_ number: Int32) {
        self.loop.preconditionOnLoop()
        guard self.exitStatus == nil else { return }
        kill(-self.pid, number)
    }

    /// Hands over the read end of the child's standard output; the caller closes it.
    public func takeOutput() -> Int32? {
        guard self.output >= 0 else { return nil }
        let fd = self.output
        self.output = -1
        guard sluice_set_nonblocking(fd) != -1 else {
            close(fd)
            return nil
        }
        return fd
    }
}
