import EventLoop
import Glibc
import Primitives

/// Every process that a run starts, so that whatever happens all of them can be ended, by number.
///
/// Lives on one loop.
final class Children {
    let loop: EventLoop
    let mark = RunMark()
    /// Ends them should this process be killed: it sees that by its input, which is held open here.
    private var guardian: ChildProcess?
    /// Goes with the processes should this process be killed; to be set before the first of them starts.
    var folder: String?
    private var running: [ObjectIdentifier: ChildProcess] = [:]
    /// What the children have started in their turn, as it was seen.
    private(set) var descendants: Set<ProcessTable.Entry> = []

    init(loop: EventLoop) { self.loop = loop }

    var isEmpty: Bool { self.running.isEmpty }

    /// - Parameters:
    ///   - environment: beside the run's mark.
    ///   - logFile: standard error is added to it.
    ///   - onLine: standard output, line by line.
    ///   - onExit: after the child's end.
    func start(
        _ program: String,
        _ arguments: [String],
        environment: [String: String] = [:],
        logFile: String,
        onLine: @escaping (String) -> Void,
        onExit: @escaping (ExitStatus) -> Void = { _ in }
    ) throws -> ChildProcess {
        if self.guardian == nil {
            self.guardian = try ChildProcess.spawn(
                "/bin/sh",
                arguments: ["-c", RunMark.guardian, "onsale", self.mark.entry] + (self.folder.map { [$0] } ?? []),
                // It may be part of another run itself.
                environment: [RunMark.variable: ""],
                on: self.loop
            ) { _ in }
        }
        var identity: ObjectIdentifier?
        // The shell only turns standard error to the file and then becomes the program: the process is the same.
        let script = #"log=$1; shift; exec "$@" 2>>"$log""#
        let child = try ChildProcess.spawn(
            "/bin/sh",
            arguments: ["-c", script, "onsale", logFile, program] + arguments,
            environment: self.mark.environment.merging(environment) { mark, _ in mark },
            on: self.loop
        ) { [weak self] status in
            if let identity { self?.running[identity] = nil }
            onExit(status)
        }
        identity = ObjectIdentifier(child)
        self.running[ObjectIdentifier(child)] = child
        if let output = child.takeOutput() {
            // The loop keeps it until the output ends.
            _ = try LineReader(loop: self.loop, fd: output, onLine: onLine)
        }
        return child
    }

    /// Remembers who was started by those who were started here, also of those whose parents are gone.
    func lookAround() {
        let table = ProcessTable()
        for child in self.running.values { self.descendants.formUnion(table.descendants(of: child.pid)) }
        let own = Set(self.running.values.map(\.pid))
        self.descendants.formUnion(table.marked(self.mark).filter { !own.contains($0.pid) })
    }

    func signalAll(_ number: Int32) {
        for child in self.running.values { child.signal(number) }
    }

    /// Descendants that are still there.
    var leftovers: [ProcessTable.Entry] { self.descendants.filter(ProcessTable.isAlive) }

    /// For those that did not end when they were told: their parents may be gone, so nobody else will do it.
    func killAll() {
        self.lookAround()
        self.signalAll(SIGKILL)
        for entry in self.leftovers { kill(entry.pid, SIGKILL) }
    }
}
