import Admission
import EventLoop
import Logging
import Primitives
import Scaling
import Settings
import SharedState
import TestKit
import Testing
import Transport

@testable import Controller

/// A controller in virtual time before several rooms and pools of fixed workers.
@Suite struct SharedPoolTests {
    /// One gateway that tells of the rooms what a test wants, and sees the rates that they are lent.
    private final class Site {
        let world = VirtualWorld(seed: 1)
        let settings: Settings
        let controller: Controller
        let store: RefusingStore
        let loop: VirtualLoop
        private let gateway: VirtualLoop
        private let board: MemoryPoolBoard
        private let rooms: MemoryRoomStore
        /// What is told of each room.
        var lines: [String: RoomSignals] = [:]
        private(set) var rates: [String: Int64] = [:]

        /// `rooms`: the pools behind each. `workers`: how many each pool has; a worker carries 60 visitors a second.
        init(rooms: [String: [String]], workers: [String: Int]) throws {
            var settings = Settings()
            settings.rooms = rooms.keys.sorted().map { RoomSettings(name: $0, slots: 1_000, inflowMilli: 500_000) }
            settings.routes = rooms.flatMap { room, pools in
                pools.map { RouteSettings(path: "/\(room)/\($0)", pool: $0, room: room) }
            }
            settings.pools = workers.sorted { $0.key < $1.key }.map { name, count in
                var pool = PoolSettings(name: name)
                pool.driver = .static
                pool.workers = (0..<count).map { .loopback(port: 9_000 + UInt16($0)) }
                return pool
            }
            self.settings = settings
            let (boards, memory) = (MemoryBoards(), MemoryRooms())
            self.loop = self.world.makeLoop()
            self.gateway = self.world.makeLoop()
            self.board = MemoryPoolBoard(loop: self.gateway, boards: boards)
            self.rooms = MemoryRoomStore(loop: self.gateway, rooms: memory)
            self.store = RefusingStore(MemoryRoomStore(loop: self.loop, rooms: memory))
            self.controller = Controller(
                id: "c",
                settings: settings,
                executable: "none",
                loop: self.loop,
                store: self.store,
                board: MemoryPoolBoard(loop: self.loop, boards: boards),
                log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                seed: 1,
                workers: .invented()
            )
        }

        func start() {
            self.world.run(on: self.gateway) { self.report() }
            self.world.run(on: self.loop) { self.controller.start() }
        }

        private func report() {
            for pool in self.settings.pools {
                let names = Set(self.settings.rooms(of: pool.name).map(\.name))
                let told = self.lines.filter { names.contains($0.key) }
                let waiting = told.values.reduce(0) { $0 + $1.waiting }
                let signals = GatewaySignals(
                    gateway: "g",
                    intervalMicros: 1_000_000,
                    waiting: waiting,
                    rooms: ByName(told)
                )
                self.board.report(pool: pool.name, signals: signals) { _ in }
            }
            for room in self.settings.rooms {
                let limits = RoomLimits(
                    inflowMilli: room.inflowMilli,
                    burst: 40,
                    slots: 1_000,
                    sessionMicros: 600_000_000,
                    claimMicros: 60_000_000,
                    horizonMicros: 2_000_000
                )
                self.rooms.tick(room: room.name, RoomTick(gateway: "g", limits: limits), known: .nothing) {
                    [weak self] result in
                    if case .success(let answer) = result { self?.rates[room.name] = answer.snapshot.rateMilli }
                }
            }
            self.gateway.after(nanoseconds: Nanoseconds.perSecond) { [weak self] in self?.report() }
        }

        func run(seconds: Int64) { self.world.run(forNanoseconds: seconds * Nanoseconds.perSecond) }
    }

    private static let idle = RoomSignals(freeSlots: 1_000)
    private static let crowd = RoomSignals(waiting: 900, freeSlots: 1_000)

    /// Seen before: each pool wrote what it could bear, and the last one's word stood.
    @Test func roomBehindTwoPools_isLentWhatTheNarrowerBears() throws {
        let site = try Site(rooms: ["both": ["p", "q"], "wide": ["q"]], workers: ["p": 1, "q": 5])
        site.lines = ["both": Self.crowd, "wide": Self.crowd]
        site.start()
        site.run(seconds: 5)
        for second in 0..<10 {
            site.run(seconds: 1)
            // Forty slots, a visitor costs a tenth of one for a second: with 31.57 of them busy enough are free.
            #expect(site.rates == ["both": 60_000, "wide": 315_717 - 60_000], "second \(second)")
        }
    }

    /// Pools that decide together send each room's rate once.
    @Test func rooms_areLentTheirRateOnceARound() throws {
        let site = try Site(rooms: ["both": ["p", "q"], "wide": ["q"]], workers: ["p": 1, "q": 5])
        site.start()
        site.run(seconds: 5)
        let before = site.store.lendings
        site.run(seconds: 10)
        for room in ["both", "wide"] {
            let count = site.store.lendings[room, default: 0] - before[room, default: 0]
            #expect((9...11).contains(count), "\(room): \(count) in ten rounds")
        }
    }

    /// Seen before: a fifth of the rate for the crowd, and the rest for rooms in which nobody stood.
    @Test func crowdBesideIdleRooms_isLentNearlyAll_andASecondCrowdItsHalf() throws {
        let names = ["a", "b", "c", "d", "e"]
        let site = try Site(rooms: Dictionary(uniqueKeysWithValues: names.map { ($0, ["p"]) }), workers: ["p": 2])
        site.lines = Dictionary(uniqueKeysWithValues: names.map { ($0, Self.idle) })
        site.lines["e"] = Self.crowd
        site.start()
        site.run(seconds: 5)
        #expect(site.rates == ["a": 1_200, "b": 1_200, "c": 1_200, "d": 1_200, "e": 115_200])
        site.lines["a"] = Self.crowd
        site.run(seconds: 3)
        #expect(site.rates["a"] == 58_200 && site.rates["e"] == 58_200)
    }

    @Test func roomThatOpensLater_isLentNothingUntilShortlyBefore() throws {
        let site = try Site(rooms: ["later": ["p"], "open": ["p"]], workers: ["p": 1])
        var settings = site.settings
        let opensAt = site.loop.wallMicros + 60_000_000
        settings.rooms[0].opensAtMicros = opensAt
        site.lines = ["later": Self.crowd, "open": Self.crowd]
        site.world.run(on: site.loop) { site.controller.apply(settings) }
        site.start()
        site.run(seconds: 10)
        #expect(site.rates == ["later": 0, "open": 60_000])
        site.run(seconds: 45)
        #expect(site.rates == ["later": 30_000, "open": 30_000])
    }
}
