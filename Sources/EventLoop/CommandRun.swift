import CLinux
import Glibc
import Primitives

/// One run of a program from its start to its end: nothing comes in, and what it says is kept as far as it is short.
///
/// One that takes too long is told to end, and is killed two seconds later, with all that it has started in its group.
public final class CommandRun {
    public struct Outcome: Equatable, Sendable {
        public var status: ExitStatus
        /// It was told to end, because its time was up.
        public var isLate = false
        /// What it wrote to its standard output, up to the limit.
        public var output: [UInt8] = []
        /// There was more.
        public var isCut = false
        /// The end of what it wrote to its standard error.
        public var errors: [UInt8] = []

        public init(status: ExitStatus) { self.status = status }
    }

    public static let killGraceNanoseconds = 2 * Nanoseconds.perSecond
    public static let keptErrorBytes = 2_048

    private let loop: EventLoop
    private var child: ChildProcess?
    private var output: OutputReader?
    private var errors: OutputReader?
    private var timer: LoopTimer?
    private var isLate = false
    /// Nil once it was called, or nobody wants to know any more.
    private var completion: ((Outcome) -> Void)?

    /// `executable` is looked up in `PATH` when it holds no slash; no shell reads the arguments. `completion` is called
    /// on the loop, once, and never before this has returned.
    public init(
        _ executable: String,
        arguments: [String],
        timeoutNanoseconds: Int64,
        maxOutputBytes: Int,
        on loop: EventLoop,
        completion: @escaping (Outcome) -> Void
    ) throws {
        self.loop = loop
        self.completion = completion
        var ends: [Int32] = [-1, -1]
        guard sluice_pipe(&ends) != -1 else { throw SystemError(call: "pipe2") }
        defer { close(ends[1]) }
        guard sluice_set_nonblocking(ends[0]) != -1 else {
            defer { close(ends[0]) }
            throw SystemError(call: "fcntl")
        }
        // Closed with it, also when the start fails.
        let errors = OutputReader(loop: loop, fd: ends[0], keeping: .end, maxBytes: Self.keptErrorBytes)
        let child = try ChildProcess.spawn(
            executable,
            arguments: arguments,
            errors: ends[1],
            hasLifeline: false,
            on: loop
        ) { self.ended($0) }
        self.child = child
        self.errors = errors
        do {
            try errors.register([.readable, .inputEnded])
            if let fd = child.takeOutput() {
                let output = OutputReader(loop: loop, fd: fd, keeping: .beginning, maxBytes: maxOutputBytes)
                try output.register([.readable, .inputEnded])
                self.output = output
            }
        } catch {
            // It is reaped when it has ended; nobody is told.
            self.completion = nil
            child.signalGroup(SIGKILL)
            throw error
        }
        self.timer = LoopTimer(loop: loop) { [weak self] in self?.timeIsUp() }
        self.timer?.arm(afterNanoseconds: timeoutNanoseconds)
    }

    /// Told to end, and killed if it does not. `completion` is not called any more.
    public func cancel() {
        self.loop.preconditionOnLoop()
        guard self.completion != nil else { return }
        self.completion = nil
        self.end()
    }

    private func timeIsUp() {
        guard !self.isLate else {
            self.child?.signalGroup(SIGKILL)
            return
        }
        self.end()
    }

    private func end() {
        self.isLate = true
        self.child?.signalGroup(SIGTERM)
        self.timer?.arm(afterNanoseconds: Self.killGraceNanoseconds)
    }

    /// What it has started may still hold its outputs: nobody waits for that.
    private func ended(_ status: ExitStatus) {
        self.timer?.disarm()
        self.child = nil
        var outcome = Outcome(status: status)
        outcome.isLate = self.isLate
        if let output = self.output { (outcome.output, outcome.isCut) = output.finish() }
        if let errors = self.errors { outcome.errors = errors.finish().bytes }
        let completion = self.completion
        self.completion = nil
        completion?(outcome)
    }
}

/// Reads all that comes out of a pipe, and keeps a part of it.
private final class OutputReader: Descriptor {
    enum Part { case beginning, end }

    private static let maxReadsPerTurn = 16
    private let part: Part
    private let maxBytes: Int
    private var bytes: [UInt8] = []
    private var isCut = false
    private var isGivingWay = false

    /// Takes ownership of `fd`, which must be non-blocking.
    init(loop: EventLoop, fd: Int32, keeping part: Part, maxBytes: Int) {
        self.part = part
        self.maxBytes = maxBytes
        super.init(loop: loop, fd: fd)
    }

    override func ready(_ events: ReadyEvents) {
        guard !self.isGivingWay else { return }
        for _ in 0..<Self.maxReadsPerTurn where self.fd >= 0 { guard self.readPiece() else { return } }
        guard self.fd >= 0 else { return }
        self.isGivingWay = true
        self.loop.onNextTurn {
            self.isGivingWay = false
            self.ready(.readable)
        }
    }

    /// False when there is nothing more for now, or for ever.
    private func readPiece() -> Bool {
        let scratch = self.loop.readScratch
        let count = read(self.fd, scratch.baseAddress, scratch.count)
        if count == -1, errno == EINTR { return true }
        if count == -1, errno == EAGAIN { return false }
        guard count > 0 else {
            self.deregisterAndClose()
            return false
        }
        self.bytes += scratch[..<count]
        guard self.bytes.count > self.maxBytes else { return true }
        self.isCut = true
        switch self.part {
        case .beginning: self.bytes.removeLast(self.bytes.count - self.maxBytes)
        case .end: self.bytes.removeFirst(self.bytes.count - self.maxBytes)
        }
        return true
    }

    /// Takes what is there by now; what comes later is nobody's.
    func finish() -> (bytes: [UInt8], isCut: Bool) {
        // As much as a pipe holds, and an end to it: something that it left behind may write for ever.
        for _ in 0..<Self.maxReadsPerTurn where self.fd >= 0 { guard self.readPiece() else { break } }
        if self.fd >= 0 { self.deregisterAndClose() }
        return (self.bytes, self.isCut)
    }
}
