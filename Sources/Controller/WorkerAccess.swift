import EventLoop
import Logging
import Pools
import Primitives
import Settings
import Transport

/// Asks once whether somebody at an address is well; the answer comes later, on the loop, and once at most.
typealias WorkerQuestion = (SocketAddress, ProbeSettings, @escaping (_ isWell: Bool) -> Void) -> Void

/// How drivers reach what is outside of this process, and how a controller finds the workers of earlier ones.
struct WorkerAccess {
    /// As other controllers know this one: unique, and the keeper of its workers.
    let controller: String
    /// Where its processes are, see `ProcessIdentity`.
    let place: String
    /// Asks somebody who is no child of anybody's here how he does.
    var ask: WorkerQuestion = { _, _, _ in }
    let book: any WorkerBook
    let launch: WorkerLauncher
    let adopt: WorkerAdopter
    /// Whether the controller of that name is known to be gone.
    let isGone: (String) -> Bool
    /// A port of the loopback address that nobody uses.
    let freePort: () throws -> UInt16
    /// Runs a command of an operator's to its end.
    let run: CommandRunner
    /// Asks an instance of a cloud how it does.
    let probe: ProbeMaker
    /// How a cluster is reached.
    var cluster: KubernetesDriver.Connect = ClusterLink.connect
    /// How the addresses behind a name are found.
    var lookUp: HostWatch.Question = { NameLookup.find($0, on: $1, completion: $2) }
    /// Where decisions are written down; nil: nowhere.
    var decisions: (any DecisionBook)? = nil

    /// While an instance of a cloud starts, it is asked as often as this.
    private static let cloudStartNanoseconds = 500 * Nanoseconds.perMillisecond

    static func ofThisMachine(id: String, settings: Settings, loop: EventLoop, log: Logger) -> WorkerAccess {
        let ports = FreePorts()
        var outputs = TroubleNotes()
        return WorkerAccess(
            controller: "\(id)@\(ProcessTable.own)",
            place: ProcessTable.place,
            ask: { WorkerProbe.ask($0, $1, on: loop, $2) },
            book: WorkerFolder(stateFolder: settings.stateFolder, loop: loop, log: log),
            launch: { plan, onEvent in
                let worker = try ManagedWorker(plan, on: loop, onEvent: onEvent)
                switch outputs.line(for: worker.outputTrouble, now: loop.now) {
                case .begun(let trouble): log.warning("\(trouble)")
                case .passed: log.notice("what new workers write is on the disk again")
                case nil: break
                }
                return worker
            },
            adopt: { entry, onEvent in ManagedWorker.adopt(entry, on: loop, onEvent: onEvent) },
            isGone: { name in
                name.split(separator: "@").last.flatMap { ProcessIdentity($0) }.map(ProcessTable.hasEnded) ?? false
            },
            freePort: { try ports.next() },
            run: { words, timeout, completion in
                try OperatorCommand(words, timeoutNanoseconds: timeout, on: loop, completion: completion)
            },
            probe: { settings, onAnswer in
                WorkerProbe(
                    settings,
                    startIntervalNanoseconds: Self.cloudStartNanoseconds,
                    tellsFirst: true,
                    on: loop,
                    onAnswer: onAnswer
                )
            },
            decisions: DecisionFolder(
                stateFolder: settings.stateFolder,
                settings: settings.controller,
                loop: loop,
                log: log
            )
        )
    }

    /// Whether it is seen from here that a process has ended, of a gateway for instance.
    func hasEnded(_ process: ProcessIdentity) -> Bool { self.isGone("@\(process)") }
}
