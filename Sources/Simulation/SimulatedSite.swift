import Admission
import Pools
import Primitives
import Rooms
import Scaling
import Settings

/// The site of an operator's settings in virtual time, made of the parts that production runs: one gateway with one loop,
/// its rooms and the shared state's rules, the controller, and pools of workers of the shape that the settings name.
///
/// Whoever plays visitors hands requests in by `ask`, moves time on by `step` whenever `nextAt` comes first, and takes
/// what is answered out of `deliveries`. Without a clock and without chance of its own: the same settings, requests and
/// seed give the same answers to the last bit, on any machine.
///
/// Left out: what the network and the machine do. A page to somebody in line takes `pageNanoseconds`, a page of a worker
/// what the worker takes and as much again; the shared state answers within `callNanoseconds` and is never away.
public struct SimulatedSite {
    static let gateway = "simulated"
    /// From a request to the answer of the gateway itself, and of a worker on top of what the worker takes.
    public static let pageNanoseconds = 500 * Nanoseconds.perMicrosecond
    /// From a question of the gateway's to the answer of the shared state.
    public static let callNanoseconds = 300 * Nanoseconds.perMicrosecond
    /// From the writing of a file to the first tick with it.
    static let reloadNanoseconds = 30 * Nanoseconds.perMillisecond
    private static let tickNanoseconds = Nanoseconds.perSecond / RoomSettings.ticksPerSecond
    private static let directoryNanoseconds = 250 * Nanoseconds.perMillisecond
    /// The controller's second begins so long after the gateway's: in one process they start together, and the controller
    /// asks for the lead again as soon as there is a connection.
    private static let controllerOffsetNanoseconds = 100 * Nanoseconds.perMillisecond
    /// Between the moment at which the first workers are ready and the start of the run.
    private static let leadNanoseconds = 2_180 * Nanoseconds.perMillisecond

    /// A visitor's request for a page of the guarded route.
    public struct Request: Sendable {
        /// The caller's name for who asks; it comes back with the answer, and means nothing here.
        public var visitor: UInt64
        /// What the visitor's cookies hold.
        public var pass: AdmissionToken?
        public var place: AdmissionToken?
        /// The page by which the visitor gives the slot back.
        public var isExit: Bool

        public init(visitor: UInt64, pass: AdmissionToken? = nil, place: AdmissionToken? = nil, isExit: Bool = false) {
            self.visitor = visitor
            self.pass = pass
            self.place = place
            self.isExit = isExit
        }
    }

    public enum Answer: Sendable {
        /// The gateway's page for those outside; the place when it is new.
        case outside(WaitingPosition, place: AdmissionToken?)
        /// A worker's page, with what is set anew.
        case inside(pass: AdmissionToken?, place: AdmissionToken?)
        /// 503 or 504. `isGateways`: the gateway's own, not a worker's.
        case failed(status: Int, isGateways: Bool)
    }

    public struct Delivery: Sendable {
        public var visitor: UInt64
        public var at: Instant
        public var answer: Answer
    }

    /// What somebody waits for at a pool.
    private struct Job {
        var caller: SimulatedRoom.Caller
        var key: LineKey
        var pass: AdmissionToken?
        var place: AdmissionToken?
    }

    private enum Event {
        case tick, signals, directory, control
        case flush
        case release(LineKey)
        case becomesReady(pool: Int, worker: Int)
        case ends(pool: Int, worker: Int)
        case looksAgain(pool: Int)
        case line
        case reload(Int)
    }

    public private(set) var settings: Settings
    /// Settings that come into force later.
    private var reloads: [Settings] = []
    private let startedAt: Instant
    private let startedMicros: Int64
    private var rooms: [SimulatedRoom]
    private var pools: [SimulatedPool]
    private var roomMeter = RoomMeter()
    private var offers: RateOffers
    /// The visitors' room, and the pool behind it.
    private let room: Int
    private let pool: Int
    private var queue = EventQueue<Event>()
    public private(set) var now: Instant
    /// Rises with each reload, whatever the files say of theirs.
    private var generation: Int64 = 1
    private var isFlushScheduled = false
    private let gatherNanoseconds: Int64
    private var lineAt: Instant?
    private var jobs: [UInt64: Job] = [:]
    private var nextTicket: UInt64 = 0
    /// What has been answered and not been taken: each at a time to come.
    public private(set) var deliveries: [Delivery] = []
    /// What went into the visitors' room's journal since it was last taken.
    private var journal: [JournalEntry] = []

    /// - Parameters:
    ///   - room: the one that the visitors come to; it guards a route of the settings.
    ///   - startedAt, startedMicros: the start of the run on either clock. The site is there a few seconds before it.
    ///   - gatherNanoseconds: how long questions to the shared state are gathered: longer makes larger batches, and a
    ///     simulation of many visitors faster.
    ///   - controllerLeadNanoseconds: how long before the run the controller looked for the first time: its seconds, and
    ///     with them the moments at which workers start, go by that. nil: as in `onsale play` where nothing is late.
    public init?(
        _ settings: Settings,
        room: String,
        startedAt: Instant,
        startedMicros: Int64,
        seed: UInt64,
        gatherNanoseconds: Int64 = SimulatedSite.callNanoseconds,
        controllerLeadNanoseconds: Int64? = nil
    ) {
        guard let index = settings.rooms.firstIndex(where: { $0.name == room }),
            let route = settings.routes.first(where: { $0.room == room }),
            let pool = settings.pools.firstIndex(where: { $0.name == route.pool })
        else { return nil }
        self.settings = settings
        self.offers = RateOffers(settings)
        self.gatherNanoseconds = gatherNanoseconds
        self.room = index
        self.pool = pool
        self.startedAt = startedAt
        self.startedMicros = startedMicros
        let lead = controllerLeadNanoseconds.map { $0 + Self.controllerOffsetNanoseconds } ?? Self.lead(settings)
        let begin = startedAt.advanced(byNanoseconds: -lead)
        self.now = begin
        var random = SplitMix64(seed: seed)
        self.rooms = settings.rooms.map { SimulatedRoom($0, limits: settings.limits, seed: random.next()) }
        self.pools = settings.pools.map {
            SimulatedPool($0, seed: random.next(), now: begin, countedFrom: startedAt)
        }
        self.queue.push(.tick, at: begin)
        self.queue.push(.directory, at: begin)
        self.queue.push(.signals, at: begin.advanced(byNanoseconds: Nanoseconds.perSecond))
        self.queue.push(.control, at: begin.advanced(byNanoseconds: Self.controllerOffsetNanoseconds))
        while let next = self.nextAt, next < startedAt { self.step() }
        self.now = startedAt
    }

    /// As long before the run the site is started, as `onsale play` does it: the fewest workers are ready when it begins.
    private static func lead(_ settings: Settings) -> Int64 {
        let start = settings.pools.map(\.worker.startTimeNanoseconds).max() ?? 0
        return start + self.leadNanoseconds
    }

    /// The file is written anew at that time. Which rooms and pools there are stays as it is.
    public mutating func schedule(_ settings: Settings, writtenAt: Instant) {
        self.reloads.append(settings)
        self.queue.push(.reload(self.reloads.count - 1), at: writtenAt.advanced(byNanoseconds: Self.reloadNanoseconds))
    }

    // MARK: Time

    private func wallMicros(_ now: Instant) -> Int64 {
        self.startedMicros + now.nanoseconds(since: self.startedAt) / Nanoseconds.perMicrosecond
    }

    /// When the site has something to do; ticks never end.
    public var nextAt: Instant? { mutating get { self.queue.nextAt() } }

    /// Does what is due next.
    public mutating func step() {
        guard let next = self.queue.pop() else { return }
        self.now = max(self.now, next.at)
        switch next.event {
        case .tick:
            self.again(.tick, Self.tickNanoseconds)
            self.tick(isForced: false)
        case .directory:
            self.again(.directory, Self.directoryNanoseconds)
            for index in self.pools.indices { self.pools[index].readDirectory() }
            self.directoryWasRead()
        case .signals:
            self.again(.signals, Nanoseconds.perSecond)
            self.reportSignals()
        case .control:
            self.again(.control, Nanoseconds.perSecond)
            for index in self.pools.indices { self.control(index) }
        case .flush: self.flush()
        case .release(let key): self.release(key)
        case .becomesReady(let pool, let worker):
            if self.pools[pool].becameReady(worker, now: self.now) { self.control(pool) }
        case .ends(let pool, let worker):
            if self.pools[pool].ended(worker, now: self.now) { self.control(pool) }
        case .looksAgain(let pool): self.carryOut(self.pools[pool].timePassed(now: self.now), pool)
        case .line:
            self.lineAt = nil
            self.serveLine()
        case .reload(let index): self.apply(self.reloads[index])
        }
    }

    private mutating func again(_ event: Event, _ nanoseconds: Int64) {
        self.queue.push(event, at: self.now.advanced(byNanoseconds: nanoseconds))
    }

    // MARK: Requests

    public mutating func ask(_ request: Request, now: Instant) {
        self.now = max(self.now, now)
        let caller = SimulatedRoom.Caller(visitor: request.visitor, isExit: request.isExit, sentAt: self.now)
        let verdict = self.rooms[self.room].ask(
            caller,
            pass: request.pass,
            place: request.place,
            wallMicros: self.wallMicros(self.now)
        )
        switch verdict {
        case .inside(let key, let pass):
            self.work(Job(caller: caller, key: key, pass: pass))
            if pass != nil { self.scheduleFlush() }
        case .waiting(let position): self.deliver(.outside(position, place: nil), to: caller.visitor)
        case .parked: self.scheduleFlush()
        case .refused: self.deliver(.failed(status: 503, isGateways: true), to: caller.visitor)
        }
    }

    /// They have been taken.
    public mutating func forgetDeliveries() { self.deliveries.removeAll(keepingCapacity: true) }

    private mutating func deliver(_ answer: Answer, to visitor: UInt64, at instant: Instant? = nil) {
        let at = (instant ?? self.now).advanced(byNanoseconds: Self.pageNanoseconds)
        self.deliveries.append(Delivery(visitor: visitor, at: at, answer: answer))
    }

    private mutating func scheduleFlush() {
        guard !self.isFlushScheduled else { return }
        self.isFlushScheduled = true
        self.again(.flush, self.gatherNanoseconds)
    }

    private mutating func flush() {
        self.isFlushScheduled = false
        self.rooms[self.room].flush(wallMicros: self.wallMicros(self.now))
        self.journal += self.rooms[self.room].takeJournal()
        self.tellWords()
        if self.rooms[self.room].hasQuestions { self.scheduleFlush() }
    }

    private mutating func tellWords() {
        for (caller, word) in self.rooms[self.room].takeWords() {
            switch word {
            case .waiting(let position, let place): self.deliver(.outside(position, place: place), to: caller.visitor)
            case .refused: self.deliver(.failed(status: 503, isGateways: true), to: caller.visitor)
            case .letIn(let pass, let place, let isFirst):
                if isFirst { self.pools[self.pool].countAdmission() }
                self.work(Job(caller: caller, key: LineKey(pass), pass: pass, place: place))
            }
        }
    }

    // MARK: Workers

    private mutating func work(_ job: Job) {
        let ticket = self.nextTicket
        self.nextTicket += 1
        self.pools[self.pool].countArrival()
        let outcome = self.pools[self.pool].acquire(ticket: ticket, now: self.now)
        guard outcome == .waits else { return self.finish(job, outcome) }
        self.jobs[ticket] = job
        self.watchLine()
    }

    private mutating func finish(_ job: Job, _ outcome: SimulatedPool.Outcome) {
        switch outcome {
        case .answered(let at):
            self.deliver(.inside(pass: job.pass, place: job.place), to: job.caller.visitor, at: at)
            if job.caller.isExit { self.queue.push(.release(job.key), at: at) }
        case .failed(.line): self.deliver(.failed(status: 503, isGateways: true), to: job.caller.visitor)
        case .failed(.worker): self.deliver(.failed(status: 503, isGateways: false), to: job.caller.visitor)
        case .failed(.late(let at)):
            self.deliver(.failed(status: 504, isGateways: true), to: job.caller.visitor, at: at)
        case .waits: preconditionFailure("a request that waits is not finished")
        }
    }

    private mutating func serveLine() {
        for (ticket, outcome) in self.pools[self.pool].serveLine(now: self.now) {
            guard let job = self.jobs.removeValue(forKey: ticket) else { continue }
            self.finish(job, outcome)
        }
        self.watchLine()
    }

    private mutating func watchLine() {
        guard let at = self.pools[self.pool].lineAt, self.lineAt.map({ at < $0 }) ?? true else { return }
        self.lineAt = at
        self.queue.push(.line, at: max(at, self.now))
    }

    private mutating func release(_ key: LineKey) {
        self.rooms[self.room].release(key, wallMicros: self.wallMicros(self.now))
        self.scheduleFlush()
    }

    // MARK: The gateway's clock

    private mutating func tick(isForced: Bool) {
        for index in self.rooms.indices { self.tick(index, isForced: isForced) }
    }

    private mutating func tick(_ index: Int, isForced: Bool) {
        let isDone = self.rooms[index].tick(
            generation: self.generation,
            healthy: self.healthy(index),
            isForced: isForced,
            wallMicros: self.wallMicros(self.now),
            now: self.now
        )
        guard isDone else { return }
        let journal = self.rooms[index].takeJournal()
        guard index == self.room else { return }
        self.journal += journal
        self.tellWords()
        if self.rooms[index].hasQuestions { self.scheduleFlush() }
    }

    /// Workers behind the room's routes; nil when that is not known of all of them.
    private func healthy(_ room: Int) -> Int64? {
        let name = self.rooms[room].settings.name
        let pools = Set(self.settings.routes.filter { $0.room == name }.map(\.pool))
        let known = self.pools.filter { pools.contains($0.settings.name) }.compactMap(\.healthy)
        let sum = known.reduce(0, +)
        return known.count < pools.count && sum == 0 || pools.isEmpty ? nil : sum
    }

    private mutating func directoryWasRead() {
        self.serveLine()
        // The first worker may be there: nobody is to wait for the next tick.
        for index in self.rooms.indices where self.rooms[index].pulse.toldMode == .held {
            self.tick(index, isForced: false)
        }
    }

    private mutating func reportSignals() {
        let snapshots = self.rooms.compactMap { room in room.view.snapshot.map { (room.settings.name, $0) } }
        let seen = self.roomMeter.read(
            Dictionary(snapshots.map { ($0, RoomMeter.Sight($1)) }) { first, _ in first }
        )
        for index in self.pools.indices {
            let name = self.pools[index].settings.name
            let guarding = Set(self.settings.routes.filter { $0.pool == name }.compactMap(\.room))
            self.pools[index].reportSignals(rooms: seen.filter { guarding.contains($0.key) }, now: self.now)
        }
        self.directoryWasRead()
    }

    // MARK: The controller

    private mutating func control(_ index: Int) {
        let micros = self.wallMicros(self.now)
        let rooms = self.settings.rooms(of: self.pools[index].settings.name)
        let name = self.pools[index].settings.name
        let (rate, lines, steps) = self.pools[index].control(rooms, wallMicros: micros, now: self.now)
        self.offers.offer(pool: name, rateMilli: rate, lines: lines)
        for (room, rate) in self.offers.rates(bearing: [name], wallMicros: micros) {
            guard let known = self.rooms.firstIndex(where: { $0.settings.name == room }) else { continue }
            self.rooms[known].setAllowedRate(rate, wallMicros: micros)
        }
        self.carryOut(steps, index)
    }

    private mutating func carryOut(_ steps: [SimulatedPool.Step], _ pool: Int) {
        for step in steps {
            switch step {
            case .becomesReady(let worker, let at): self.queue.push(.becomesReady(pool: pool, worker: worker), at: at)
            case .ends(let worker, let at): self.queue.push(.ends(pool: pool, worker: worker), at: at)
            case .looksAgain(let at): self.queue.push(.looksAgain(pool: pool), at: at)
            }
        }
    }

    private mutating func apply(_ settings: Settings) {
        self.settings = settings
        self.offers.apply(settings)
        self.generation += 1
        for index in self.rooms.indices {
            guard let room = settings.rooms.first(where: { $0.name == self.rooms[index].settings.name }) else {
                continue
            }
            self.rooms[index].apply(room, limits: settings.limits)
        }
        for index in self.pools.indices {
            if let pool = settings.pool(named: self.pools[index].settings.name) { self.pools[index].apply(pool) }
        }
        self.tick(isForced: true)
    }

    // MARK: Watching

    /// As of the last tick.
    public var snapshot: RoomSnapshot? { self.rooms[self.room].view.snapshot }
    /// As of then: places up to this one have been called; nil before the first tick.
    public var serving: Int64? { self.rooms[self.room].view.snapshot?.serving }
    /// What whoever has that number is told of the wait at least, in whole seconds; nil: nothing is told.
    public func shortestWaitSeconds(number: Int64) -> Int64? {
        self.rooms[self.room].view.estimateSeconds(number: number)?.lowerBound
    }
    /// Of the pool behind the visitors' room.
    public var poolSettings: PoolSettings { self.pools[self.pool].settings }
    public var poolState: PoolState { self.pools[self.pool].state }
    public var decision: ScalingDecision? { self.pools[self.pool].decision }

    /// What the room's journal has got since the last time.
    public mutating func takeJournal() -> [JournalEntry] {
        defer { self.journal.removeAll(keepingCapacity: true) }
        return self.journal
    }

    /// Time of all workers since the start of the run, of those too that start, drain and end.
    public var workerNanoseconds: Int64 {
        self.pools.reduce(0) { $0 + $1.workerNanoseconds(until: self.now) }
    }
}
