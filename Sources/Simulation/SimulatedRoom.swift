import Admission
import DequeModule
import Primitives
import Rooms
import Settings

/// A room in virtual time, with the one loop of the one gateway in front of it: the rules of the shared state, the pulse
/// of its ticks, where a visitor stands, and the door. What a loop asks of the shared state travels in batches.
///
/// The shared state is never away here, and loses nothing.
struct SimulatedRoom {
    /// Who waits for the room's word.
    struct Caller: Equatable {
        var visitor: UInt64
        var isExit: Bool
        var sentAt: Instant
    }

    /// What the room says in the end.
    enum Word {
        case letIn(pass: AdmissionToken, place: AdmissionToken?, isFirst: Bool)
        case waiting(WaitingPosition, place: AdmissionToken?)
        case refused
    }

    /// What it says at once.
    enum Verdict {
        case inside(key: LineKey, pass: AdmissionToken?)
        case waiting(WaitingPosition)
        /// The caller hears later.
        case parked
        case refused
    }

    /// Whoever is sent round is told to ask again in a second, and keeps standing at the door for this long.
    private static let returnNanoseconds = 3 * Nanoseconds.perSecond

    private(set) var settings: RoomSettings
    private var limits: LimitSettings
    private(set) var model = RoomModel()
    private(set) var pulse = RoomPulse()
    private(set) var view: RoomView
    private var door = DoorQueue<Caller>(largestBatch: RoomRules.largestBatch)
    private var joins = Deque<Caller>()
    private var renewals = Batch<LineKey>(largest: RoomRules.largestBatch)
    private var renewedUntil: [LineKey: Int64] = [:]
    private var releases = Batch<LineKey>(largest: RoomRules.largestBatch)
    private var leaves = Batch<LineKey>(largest: RoomRules.largestBatch)
    private var sentRound = Deque<(key: LineKey, until: Instant)>()
    private var activity = 0
    private var lastOfState: Int64 = 0
    private var block = NumberBlock()
    private var random: SplitMix64
    /// What has been said since it was last taken.
    private var words: [(caller: Caller, word: Word)] = []
    private(set) var lapsed = 0

    init(_ settings: RoomSettings, limits: LimitSettings, seed: UInt64) {
        self.settings = settings
        self.limits = limits
        self.view = RoomView(settings: settings)
        self.random = SplitMix64(seed: seed)
    }

    mutating func apply(_ settings: RoomSettings, limits: LimitSettings) {
        self.settings = settings
        self.limits = limits
        self.view.apply(settings)
    }

    mutating func takeWords() -> [(caller: Caller, word: Word)] {
        guard !self.words.isEmpty else { return [] }
        defer { self.words.removeAll(keepingCapacity: true) }
        return self.words
    }

    mutating func takeJournal() -> [JournalEntry] { self.model.takeJournal() }

    // MARK: Requests

    /// Decides on a request with these tokens.
    mutating func ask(
        _ caller: Caller,
        pass: AdmissionToken?,
        place: AdmissionToken?,
        wallMicros: Int64
    ) -> Verdict {
        let now = self.view.roomMicros(wallMicros: wallMicros)
        let pass = pass.flatMap { self.view.objectionInPlace(to: $0, as: .pass, nowMicros: now) == nil ? $0 : nil }
        // Behind a pass that is good nobody looks at the place.
        let place =
            pass == nil
            ? place.flatMap { self.view.objectionInPlace(to: $0, as: .place, nowMicros: now) == nil ? $0 : nil } : nil
        if let proof = pass ?? place { _ = self.view.learn(proof) }
        switch self.view.standingInPlace(pass: pass, place: place, nowMicros: now) {
        case .inside(let key, let isRenewalDue):
            return .inside(key: key, pass: isRenewalDue ? self.renew(key, nowMicros: now) : nil)
        case .waiting(let key): return .waiting(self.position(of: key, nowMicros: now))
        case .called(let key):
            guard self.door.count < self.limits.waitingAtDoor else {
                return .waiting(self.position(of: key, isAtDoor: true, nowMicros: now))
            }
            let deadline = caller.sentAt.advanced(byNanoseconds: self.limits.doorTimeoutNanoseconds)
            _ = self.door.add(caller, for: key, deadline: deadline)
            return .parked
        case .newcomer:
            guard self.joins.count < self.limits.waitingToJoin else { return .refused }
            self.joins.append(caller)
            return .parked
        }
    }

    private mutating func position(of key: LineKey, isAtDoor: Bool = false, nowMicros: Int64) -> WaitingPosition {
        self.view.positionInPlace(of: key, isAtDoor: isAtDoor, nowMicros: nowMicros, random: self.random.next())
    }

    private mutating func renew(_ key: LineKey, nowMicros now: Int64) -> AdmissionToken? {
        let pass = self.view.pass(key, expiresMicros: now + self.view.inForce.sessionMicros, keyID: 1, nowMicros: now)
        self.renewals.add(key)
        self.renewedUntil[key] = Int64(pass.expiresSeconds) * 1_000_000
        return pass
    }

    /// The visitor is done: the slot is free at once, the pass no more good.
    mutating func release(_ key: LineKey, wallMicros: Int64) {
        let now = self.view.roomMicros(wallMicros: wallMicros)
        self.view.revoke(key, untilMicros: now + self.view.inForce.sessionMicros, nowMicros: now)
        self.releases.add(key)
    }

    // MARK: What the loop asks of the shared state

    /// Something waits to be told.
    var hasQuestions: Bool {
        !self.joins.isEmpty || self.mayExchange && self.door.hasQuestions || self.renewals.count > 0
            || self.releases.count > 0
    }

    /// A gateway without a healthy worker asks for nobody before the shared state has heard of that.
    private var mayExchange: Bool { self.view.seesWorkers || self.view.isRestTold }

    /// One turn: those at the door first, as in the gateway.
    mutating func flush(wallMicros: Int64) {
        self.activity += 1
        self.sendExchange(wallMicros)
        self.sendJoins(wallMicros)
        let epoch = self.view.known.epoch
        if let batch = self.renewals.next() {
            let calls = batch.map {
                Renewal(id: $0.id(inEpoch: epoch), expiresMicros: self.renewedUntil.removeValue(forKey: $0) ?? 0)
            }
            if let answer = try? self.model.renew(calls, known: self.view.known, nowMicros: wallMicros) {
                self.raise(answer.line)
            }
            self.renewals.returned()
        }
        if let batch = self.releases.next() {
            let ids = batch.map { $0.id(inEpoch: epoch) }
            if let answer = try? self.model.release(ids: ids, known: self.view.known, nowMicros: wallMicros) {
                self.raise(answer.line)
            }
            self.releases.returned()
        }
    }

    private mutating func sendExchange(_ wallMicros: Int64) {
        guard self.mayExchange, let batch = self.door.nextBatch() else { return }
        let known = self.view.known
        let answer = try? self.model.exchange(
            gateway: SimulatedSite.gateway,
            ids: batch.map { $0.id(inEpoch: known.epoch) },
            known: known,
            nowMicros: wallMicros
        )
        self.door.returned(batch, isAnswered: answer != nil)
        guard let answer else { return }
        self.raise(answer.line)
        for (key, outcome) in zip(batch, answer.outcomes) { self.take(outcome, key, wallMicros) }
    }

    private mutating func take(_ outcome: ExchangeOutcome, _ key: LineKey, _ wallMicros: Int64) {
        let now = self.view.roomMicros(wallMicros: wallMicros)
        switch outcome {
        case .atDoor: return
        case .admitted(let expires):
            self.view.readmit(key)
            let renewed =
                self.door.contains(key) && self.view.isRenewalDue(sessionUntilMicros: expires, nowMicros: now)
                ? self.renew(key, nowMicros: now) : nil
            let pass = renewed ?? self.view.pass(key, expiresMicros: expires, keyID: 1, nowMicros: now)
            for (index, caller) in self.door.take(key).enumerated() {
                self.words.append((caller, .letIn(pass: pass, place: nil, isFirst: index == 0)))
            }
        case .notServed:
            for caller in self.door.take(key) {
                self.words.append((caller, .waiting(self.position(of: key, nowMicros: now), place: nil)))
            }
        case .lapsed, .ended, .void:
            if outcome == .lapsed { self.lapsed += 1 }
            // The place is no more good: a new one.
            self.joins.append(contentsOf: self.door.take(key))
        }
    }

    private mutating func sendJoins(_ wallMicros: Int64) {
        guard !self.joins.isEmpty else { return }
        let count = min(self.joins.count, RoomRules.largestBatch)
        guard let grant = try? self.model.join(count: count, known: self.view.known, nowMicros: wallMicros) else {
            // The line is full, or the room is not there before its first tick.
            for caller in self.joins { self.words.append((caller, .refused)) }
            self.joins.removeAll()
            return
        }
        self.raise(grant.line)
        let now = self.view.roomMicros(wallMicros: wallMicros)
        for index in 0..<Int64(count) {
            let caller = self.joins.removeFirst()
            let key = LineKey(epoch: UInt32(clamping: grant.epoch), number: grant.first + index)
            let place = self.view.place(key, keyID: 1, nowMicros: now)
            if index < grant.admitted {
                let pass = self.view.pass(key, expiresMicros: grant.expiresMicros, keyID: 1, nowMicros: now)
                self.words.append((caller, .letIn(pass: pass, place: place, isFirst: true)))
            } else {
                self.words.append((caller, .waiting(self.position(of: key, nowMicros: now), place: place)))
            }
        }
    }

    private mutating func raise(_ line: LineMarks) {
        self.view.raise(line)
        self.lastOfState = max(self.lastOfState, line.issued)
    }

    // MARK: Ticks

    /// Ten times a second. `healthy`: workers that the gateway sees; nil when it does not know. True when there was one.
    mutating func tick(
        generation: Int64,
        healthy: Int64?,
        isForced: Bool,
        wallMicros: Int64,
        now: Instant
    ) -> Bool {
        let seesWorkers = healthy != 0
        guard self.pulse.isDue(activity: self.activity, seesWorkers: seesWorkers, isForced: isForced) else {
            return false
        }
        self.pulse.sent(activity: self.activity, seesWorkers: seesWorkers, now: now, wallMicros: wallMicros)
        let tick = RoomTick(
            gateway: SimulatedSite.gateway,
            room: self.settings,
            generation: generation,
            healthy: healthy,
            pulse: self.pulse,
            block: self.block.report(epoch: self.view.known.epoch),
            older: []
        )
        guard let answer = try? self.model.tick(tick, known: self.view.known, nowMicros: wallMicros) else {
            preconditionFailure("a room in memory answers each tick")
        }
        self.block.lease(answer.block, epoch: answer.snapshot.epoch)
        _ = self.pulse.answered(answer, now: now, wallMicros: wallMicros)
        let mode = self.pulse.mode(healthy: healthy, now: now)
        self.pulse.toldMode = mode
        self.lastOfState = max(self.lastOfState, answer.snapshot.issued)
        let retelling = self.view.take(
            RoomNews(
                answer: answer,
                offsetMicros: self.pulse.offsetMicros,
                mode: mode,
                lastOfState: self.lastOfState,
                seesWorkers: seesWorkers,
                isRestTold: self.pulse.isRestTold
            )
        )
        self.takeEvents(answer, wallMicros)
        if retelling.door { self.door.askAllAgain() }
        self.reviewDoor(wallMicros, now)
        return true
    }

    private mutating func takeEvents(_ answer: TickAnswer, _ wallMicros: Int64) {
        for grant in answer.granted {
            guard let key = LineKey(id: grant.id, inEpoch: answer.snapshot.epoch), self.door.contains(key) else {
                continue
            }
            if grant.expiresMicros > 0 {
                self.take(.admitted(expiresMicros: grant.expiresMicros), key, wallMicros)
            } else {
                self.door.askAgain(key)
            }
        }
    }

    private mutating func reviewDoor(_ wallMicros: Int64, _ now: Instant) {
        let roomMicros = self.view.roomMicros(wallMicros: wallMicros)
        for (key, callers) in self.door.expire(now: now) {
            self.sentRound.append((key, now.advanced(byNanoseconds: Self.returnNanoseconds)))
            for caller in callers {
                let position = self.position(of: key, isAtDoor: true, nowMicros: roomMicros)
                self.words.append((caller, .waiting(position, place: nil)))
            }
        }
        while let first = self.sentRound.first, first.until <= now {
            self.leaves.add(self.sentRound.removeFirst().key)
        }
        // Whoever has come back meanwhile has not left.
        let epoch = self.view.known.epoch
        while let batch = self.leaves.next(isStillWanted: { !self.door.contains($0) }) {
            _ = try? self.model.leave(
                gateway: SimulatedSite.gateway,
                ids: batch.map { $0.id(inEpoch: epoch) },
                known: self.view.known,
                nowMicros: wallMicros
            )
            self.leaves.returned()
        }
        self.door.askAgain()
    }

    /// The controller's rate, which is leased.
    mutating func setAllowedRate(_ rateMilli: Int64, wallMicros: Int64) {
        // A room that no gateway has made yet is told in the next second.
        _ = try? self.model.setAllowedRate(rateMilli, fence: 1, nowMicros: wallMicros)
    }
}
