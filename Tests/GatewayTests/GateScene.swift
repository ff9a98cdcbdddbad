import Admission
import EventLoop
import Logging
import Primitives
import Rooms
import Settings
import SharedState
import TestKit
import Testing
import Tokens

@testable import Gateway

/// One room on two loops of one gateway in virtual time, before a shared state that a test takes away and gives back.
final class GateScene {
    let world: VirtualWorld
    let rooms: FickleRooms
    let shared = SharedRoom(gateway: "g")
    private(set) var gates: [RoomGate] = []
    private(set) var loops: [VirtualLoop] = []
    private(set) var calls: [String] = []
    private var pulse = RoomPulse()
    private let settings: RoomSettings
    var limits: RoomLimits { RoomLimits(self.settings) }
    var healthy: Int64? = 1
    private var answers: [Visitor] = []

    /// A request that waits for its room.
    final class Visitor: RoomWaiter {
        let index: Int
        private(set) var answer: RoomAnswer?
        init(index: Int) { self.index = index }
        func roomAnswered(_ answer: RoomAnswer) { self.answer = answer }
        var place: LineKey? {
            switch self.answer {
            case .waiting(let key, _?): key
            case .admitted(_, let place?, _): LineKey(place)
            default: nil
            }
        }
        var pass: AdmissionToken? {
            guard case .admitted(let pass, _, _) = self.answer else { return nil }
            return pass
        }
        /// Hears of it for the first time; nil where it is not let in.
        var isFirst: Bool? {
            guard case .admitted(_, _, let isFirst) = self.answer else { return nil }
            return isFirst
        }
    }

    init(_ seed: UInt64, slots: Int64 = 0, configure: (inout RoomSettings) -> Void = { _ in }) {
        self.world = VirtualWorld(seed: seed)
        self.rooms = FickleRooms(world: self.world)
        self.rooms.isCalm = true
        var settings = RoomSettings(name: "sale", slots: max(1, slots), inflowMilli: slots == 0 ? 0 : 100_000)
        settings.burst = 100
        settings.sessionMicros = 60_000_000
        configure(&settings)
        self.settings = settings
        for _ in 0..<2 {
            let loop = self.world.makeLoop()
            self.loops.append(loop)
            let tools = LoopTools(
                loop: loop,
                network: VirtualNetwork(world: self.world),
                loopCount: 2,
                limits: LimitSettings(),
                keys: [SigningKey(id: 1, secret: [UInt8](repeating: 7, count: 32))],
                draining: DrainFlag(),
                seed: seed,
                log: Logger(label: "scene") { _ in SwiftLogNoOpLogHandler() }
            )
            let store = FickleRoomStore(loop: loop, rooms: self.rooms, world: self.world)
            store.onCall = { [unowned self] in self.calls.append($0) }
            self.gates.append(RoomGate(settings: settings, tools: tools, store: store, shared: self.shared))
        }
    }

    /// What the gateway does ten times a second.
    func tick() {
        let loop = self.loops[0]
        let store = self.gates[0].store
        self.world.run(on: loop) {
            if self.pulse.isDue(activity: self.shared.activityCount, isForced: true) {
                let activity = self.shared.activityCount
                self.pulse.sent(
                    activity: activity,
                    seesWorkers: self.healthy != 0,
                    now: loop.now,
                    wallMicros: loop.wallMicros
                )
                let tick = RoomTick(
                    gateway: "g",
                    limits: RoomLimits(self.settings),
                    generation: 1,
                    healthy: self.healthy,
                    eventsSeen: self.pulse.eventsSeen,
                    block: self.shared.reportBlock(),
                    older: self.shared.lines.older,
                    returnedMicros: self.pulse.returnedMicros
                )
                store.tick(room: "sale", tick, known: self.shared.known(at: loop.now)) { result in
                    switch result {
                    case .success(let answer):
                        _ = self.pulse.answered(answer, now: loop.now, wallMicros: loop.wallMicros)
                        self.shared.take(answer, sentAt: self.pulse.sentAt)
                    case .failure: _ = self.pulse.failed(.unanswered("late"))
                    }
                    self.tell(try? result.get())
                }
            } else if self.pulse.mode(healthy: self.healthy, now: loop.now) != self.pulse.toldMode {
                self.tell(nil)
            }
        }
    }

    private func tell(_ answer: TickAnswer?) {
        let mode = self.pulse.mode(healthy: self.healthy, now: self.loops[0].now)
        self.pulse.toldMode = mode
        let news = RoomNews(
            answer: answer,
            offsetMicros: self.pulse.offsetMicros,
            mode: mode,
            lastOfState: self.shared.lastOfState,
            seesWorkers: self.healthy != 0,
            isRestTold: self.pulse.isRestTold
        )
        // One thread plays all of it.
        nonisolated(unsafe) let gates = self.gates
        for (index, loop) in self.loops.enumerated() { loop.submit { gates[index].take(news) } }
    }

    /// Ticks for that long.
    func run(forSeconds seconds: Double) {
        for _ in 0..<Int(seconds * 10) {
            self.tick()
            self.world.run(forNanoseconds: 100 * Nanoseconds.perMillisecond)
        }
    }

    /// Ticks until it holds; false when it does not for that long.
    func run(withinSeconds seconds: Double, until condition: () -> Bool) -> Bool {
        for _ in 0..<Int(seconds * 10) where !condition() { self.run(forSeconds: 0.1) }
        return condition()
    }

    @discardableResult
    func park(_ question: RoomQuestion, on index: Int = 0) -> Visitor {
        let visitor = Visitor(index: self.answers.count)
        self.answers.append(visitor)
        self.world.run(on: self.loops[index]) { _ = self.gates[index].park(visitor, question) }
        return visitor
    }

    func count(_ operation: String) -> Int { self.calls.count { $0 == operation } }
    var report: RoomPulse { self.pulse }
}
