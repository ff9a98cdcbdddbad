import EventLoop
import Logging
import Primitives
import Settings
import SharedState
import TestKit
import Testing

@testable import Controller

/// The drivers that there are, as `DriverConformance` puts each of them to the test.
enum DriverKind: String, CaseIterable, CustomTestStringConvertible {
    case `static`, process
    /// With a command that ends one instance that is named, and without.
    case cloud, cloudOfItsOwnMind
    case kubernetes
    /// Somebody else starts and ends its workers.
    case keda

    /// Those that bring workers up and down.
    static let scaling: [DriverKind] = [.process, .cloud, .cloudOfItsOwnMind, .kubernetes]
    /// Those that choose who goes.
    static let choosing: [DriverKind] = [.process, .cloud, .kubernetes]
    var isScaling: Bool { Self.scaling.contains(self) }

    var testDescription: String { self.rawValue }

    func makeOutside(_ world: VirtualWorld, _ loop: VirtualLoop) -> any DriverOutside {
        switch self {
        case .static: NoOutside()
        case .process: ProcessOutside(loop)
        case .cloud: CloudOutside(world, loop, canRetire: true)
        case .kubernetes: ClusterOutside(loop)
        case .cloudOfItsOwnMind: CloudOutside(world, loop, canRetire: false)
        case .keda: KEDAOutside(loop)
        }
    }
}

/// What a driver acts on, invented.
protocol DriverOutside: AnyObject {
    /// Puts what the driver needs of it into the settings.
    func prepare(_ pool: inout PoolSettings)
    var access: WorkerAccess { get }
    /// Ids of workers that run, are well, and have not been told to end.
    var serving: Set<String> { get }
    /// All that run.
    var running: Set<String> { get }
    /// Changes that the driver has made: starts, ends, sizes.
    var acts: Int { get }
    /// Called when a worker is told to end.
    var onEnding: (String) -> Void { get set }
    /// Those that ended by the outside's own choice, and when.
    var ownEndings: [(id: String, at: Instant)] { get }
    /// That one dies by itself.
    func kill(_ id: String)
    /// That one runs on, and answers nobody any more.
    func hang(_ id: String)
    /// From now on nothing works, in that way; nil: all does.
    func fail(_ fault: OutsideFault?)
}

extension DriverOutside {
    var ownEndings: [(id: String, at: Instant)] { [] }

    /// Nobody can know of these yet.
    func ended(within seconds: Int64, of rig: DriverRig) -> Set<String> {
        let now = rig.world.now
        let late = self.ownEndings.filter { now.nanoseconds(since: $0.at) < seconds * Nanoseconds.perSecond }
        return Set(late.map(\.id))
    }
}

enum OutsideFault: CaseIterable {
    case refuses, hangs, talksNonsense, forgets
}

/// A driver, what it acts on, and a gateway that looks at the board once a second; in virtual time.
final class DriverRig {
    let world: VirtualWorld
    let loop: VirtualLoop
    let board: MemoryPoolBoard
    let outside: any DriverOutside
    let driver: any WorkerDriver
    private(set) var events: [WorkerDriverEvent] = []
    /// What the controller wants; nil: it does not ask.
    var desired: Int?
    /// It asks to leave all as it is.
    var holds = false
    /// What gateways have under way; nil: they do not tell.
    var inFlight: ByName<Int>? = [:]
    var mayAct: Bool {
        get { self.permission.mayAct }
        set { self.permission.mayAct = newValue }
    }
    private let permission = Permission()
    /// As gateways know it.
    private(set) var told: [WorkerRecord] = []
    /// Since when each has been told to be draining, or was until it was told of no more.
    private(set) var drainingSince: [String: Instant] = [:]

    private final class Permission { var mayAct = true }

    static let pool = "tickets"

    init(_ kind: DriverKind, seed: UInt64 = 1) {
        let world = VirtualWorld(seed: seed)
        let loop = world.makeLoop()
        let outside = kind.makeOutside(world, loop)
        let board = MemoryPoolBoard(loop: loop, boards: MemoryBoards())
        var pool = PoolSettings(name: Self.pool)
        pool.maxWorkers = 20
        pool.drainTimeoutNanoseconds = 20 * Nanoseconds.perSecond
        pool.startTimeoutNanoseconds = 30 * Nanoseconds.perSecond
        outside.prepare(&pool)
        let permission = self.permission
        self.world = world
        self.loop = loop
        self.outside = outside
        self.board = board
        self.driver = WorkerDrivers.make(
            DriverContext(
                pool: pool,
                executable: "none",
                loop: loop,
                board: board,
                log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                seed: seed,
                workers: outside.access,
                mayAct: { permission.mayAct }
            )
        )
        self.driver.onEvent = { [weak self] in self?.events.append($0) }
        world.run(on: loop) { self.tick() }
    }

    /// A controller's and a gateway's second.
    private func tick() {
        if self.driver.term != nil, let desired = self.desired {
            if self.holds || !self.driver.isComplete {
                self.driver.hold(inFlight: self.inFlight)
            } else {
                self.driver.reconcile(desired: desired, inFlight: self.inFlight)
            }
        } else if self.driver.term == nil {
            self.driver.follow()
        }
        self.board.workers(pool: Self.pool) { [weak self] result in
            guard let self, case .success(let workers) = result else { return }
            self.told = workers
            for worker in workers {
                switch worker.state {
                case .draining: self.drainingSince[worker.id] = self.drainingSince[worker.id] ?? self.loop.now
                case .starting, .ready: self.drainingSince[worker.id] = nil
                }
            }
        }
        self.loop.after(nanoseconds: Nanoseconds.perSecond) { [weak self] in self?.tick() }
    }

    func on<Result>(_ body: (any WorkerDriver) -> Result) -> Result {
        self.world.run(on: self.loop) { body(self.driver) }
    }

    func onOutside(_ body: (any DriverOutside) -> Void) { self.world.run(on: self.loop) { body(self.outside) } }

    /// Takes the pool over, and waits until it has so many ready workers.
    func lead(fence: Int64 = 1, desired: Int? = nil) -> Bool {
        self.on { $0.takeOver(fence: fence) {} }
        self.desired = desired
        return self.wait(seconds: 120) {
            self.driver.term == fence && (desired == nil || self.ready.count == desired && self.isSettled)
        }
    }

    /// Ids of those that gateways send requests to.
    var ready: Set<String> { Set(self.told.filter { $0.state == .ready }.map(\.id)) }
    /// What is desired is there, and nothing is on its way.
    var isSettled: Bool {
        self.driver.state.pending.isEmpty && self.driver.state.draining == 0
            && self.outside.running.count == self.desired
    }

    func run(seconds: Int64) { self.world.run(forNanoseconds: seconds * Nanoseconds.perSecond) }

    func wait(seconds: Int64, until condition: () -> Bool) -> Bool {
        self.world.run(withinNanoseconds: seconds * Nanoseconds.perSecond, until: condition)
    }

    /// A later leader writes to the board, and wants every worker to go on; the board knows of `most` of them.
    func publishAsOther(fence: Int64, most: Int = .max) {
        self.world.run(on: self.loop) {
            self.board.registry(pool: Self.pool) { result in
                guard case .success(let left) = result else { return }
                self.board.publish(
                    pool: Self.pool,
                    workers: Array(left.directory.prefix(most)),
                    registry: left.workers,
                    fence: fence
                ) { _ in }
            }
        }
        self.run(seconds: 1)
    }
}
