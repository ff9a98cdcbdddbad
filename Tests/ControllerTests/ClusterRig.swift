import EventLoop
import Kubernetes
import Logging
import Pools
import Primitives
import Settings
import SharedState
import TestKit

@testable import Controller

/// An invented cluster and any number of kubernetes drivers before it, in virtual time. Each driver has a board of its own
/// unless it shares one, so that two may be told that they lead.
final class ClusterRig {
    final class Member {
        let loop: VirtualLoop
        let board: MemoryPoolBoard
        let transport: InventedTransport
        let driver: KubernetesDriver
        fileprivate(set) var events: [WorkerDriverEvent] = []
        let permission: Permission
        var desired: Int?
        var inFlight: ByName<Int>? = [:]
        var holds = false

        fileprivate init(
            loop: VirtualLoop,
            board: MemoryPoolBoard,
            transport: InventedTransport,
            driver: KubernetesDriver,
            permission: Permission
        ) {
            self.loop = loop
            self.board = board
            self.transport = transport
            self.driver = driver
            self.permission = permission
        }
    }

    final class Permission { var mayAct = true }

    static let pool = "tickets"
    let world: VirtualWorld
    let cluster: InventedCluster
    private(set) var members: [Member] = []

    init(seed: UInt64 = 1, replicas: Int = 1, startMillis: Int64 = 3_000, endMillis: Int64 = 1_000) {
        let world = VirtualWorld(seed: seed)
        let loop = world.makeLoop()
        self.world = world
        self.cluster = InventedCluster(startMillis: startMillis, endMillis: endMillis) { millis, work in
            let later = LoopBound(work, loop: loop)
            loop.submit { loop.after(nanoseconds: millis * Nanoseconds.perMillisecond) { later.open()() } }
        }
        self.cluster.deploy("shop", replicas: replicas)
    }

    @discardableResult
    func add(boards: MemoryBoards = MemoryBoards(), service: String? = nil, port: String? = nil) -> Member {
        let loop = self.world.makeLoop()
        let name = "controller-\(self.members.count)"
        let transport = InventedTransport(self.cluster, loop: loop, token: name)
        let board = MemoryPoolBoard(loop: loop, boards: boards)
        var pool = PoolSettings(name: Self.pool)
        pool.driver = .kubernetes
        pool.kubernetes.name = "shop"
        pool.kubernetes.namespace = InventedCluster.namespace
        pool.kubernetes.service = service
        pool.kubernetes.port = port
        pool.maxWorkers = 20
        pool.drainTimeoutNanoseconds = 20 * Nanoseconds.perSecond
        pool.startTimeoutNanoseconds = 30 * Nanoseconds.perSecond
        let permission = Permission()
        let driver = KubernetesDriver(
            DriverContext(
                pool: pool,
                executable: "none",
                loop: loop,
                board: board,
                log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                seed: UInt64(self.members.count + 1),
                workers: Self.access(name, transport),
                mayAct: { permission.mayAct }
            )
        )
        let member = Member(loop: loop, board: board, transport: transport, driver: driver, permission: permission)
        driver.onEvent = { [weak member] in member?.events.append($0) }
        self.members.append(member)
        self.world.run(on: loop) { self.tick(member) }
        return member
    }

    private static func access(_ name: String, _ transport: InventedTransport) -> WorkerAccess {
        var access = WorkerAccess.invented(controller: name)
        access.cluster = { _, _ in .success(ClusterLink.Way(transport: transport, namespace: nil)) }
        return access
    }

    /// A controller's second.
    private func tick(_ member: Member) {
        if member.driver.term != nil, let desired = member.desired {
            if member.holds || !member.driver.isComplete {
                member.driver.hold(inFlight: member.inFlight)
            } else {
                member.driver.reconcile(desired: desired, inFlight: member.inFlight)
            }
        } else if member.driver.term == nil {
            member.driver.follow()
        }
        member.loop.after(nanoseconds: Nanoseconds.perSecond) { [weak self, weak member] in
            if let self, let member { self.tick(member) }
        }
    }

    func on<Result>(_ member: Member, _ body: (KubernetesDriver) -> Result) -> Result {
        self.world.run(on: member.loop) { body(member.driver) }
    }

    /// That one is told that it leads, and asks for so many.
    func lead(_ member: Member, fence: Int64 = 1, desired: Int) -> Bool {
        member.desired = desired
        for _ in 0..<20 where member.driver.term != fence {
            self.on(member) { $0.takeOver(fence: fence) {} }
            self.run(seconds: 1)
        }
        return member.driver.term == fence
    }

    func run(seconds: Int64) { self.world.run(forNanoseconds: seconds * Nanoseconds.perSecond) }

    func wait(seconds: Int64, until condition: () -> Bool) -> Bool {
        self.world.run(withinNanoseconds: seconds * Nanoseconds.perSecond, until: condition)
    }

    func ready(_ member: Member) -> Set<String> {
        Set(member.driver.directory.filter { $0.state == .ready }.map(\.id))
    }

    /// Who has changed the cluster, in order, as the server saw it.
    var writes: [InventedCluster.Entry] { self.cluster.log.filter { $0.isWrite && (200..<300).contains($0.status) } }
    var scalings: [InventedCluster.Entry] { self.writes.filter { $0.rule.resource == "deployments/scale" } }
}
