import Primitives

@testable import Admission

/// Watches a history from outside, and notes where a promise is broken: no number twice, order at the door, the rate,
/// the slots, passes that are honoured, a time that goes on with that in truth.
struct Witness {
    struct Place: Hashable { var epoch, number: Int64 }
    struct Pass { var place: Place, expiresMicros: Int64 }

    private(set) var violations: [String] = []
    private var handedOut: Set<Place> = []
    private var handedOutInOrder: [Place] = []
    private var admitted: Set<Place> = []
    /// Whose sessions ran out in a silence: they may not have heard of it, and go in once more.
    private var pardoned: Set<Place> = []
    private var passes: [Place: Int64] = [:]
    private var released: Set<Place> = []
    private var inside = GoodPasses()
    /// The newest line that any answer told of.
    private var epoch: Int64 = 0
    private var incarnation: Int64 = 0
    private var voidBefore: Int64 = 0
    /// A bucket of its own, in nano-tokens.
    private var tokens: Int64 = 0
    private var passed: Int64 = 0
    /// The latest of the room's time.
    private var roomNow: Int64 = 0

    /// Epochs are seconds of a clock that is not set back to before the last line began.
    var earliestClock: Int64 { self.epoch * 1_000_000 }

    func isNewest(_ known: KnownMarks) -> Bool {
        known.epoch == self.epoch && known.incarnation == self.incarnation && known.epoch > 0
    }

    func isNewest(_ model: RoomModel) -> Bool {
        model.record.epoch == self.epoch && model.record.incarnation == self.incarnation
    }

    /// Of older lines nothing stands in for who was let in.
    mutating func lose(_ key: RoomModel.WatchedKey) {
        if key == .carried { self.admitted = self.admitted.filter { $0.epoch == self.epoch } }
    }

    /// What the room knew of visitors may be gone.
    mutating func lose() {
        self.admitted = []
        self.inside.noteLoss()
    }

    mutating func handOut(epoch: Int64, _ numbers: ClosedRange<Int64>) {
        for number in numbers {
            let place = Place(epoch: epoch, number: number)
            self.handedOutInOrder.append(place)
            if !self.handedOut.insert(place).inserted { self.violations.append("number \(number) of \(epoch) twice") }
        }
    }

    mutating func see(
        _ question: History.Question,
        _ answer: History.Answer,
        passedMicros: Int64,
        before: RoomModel,
        after: RoomModel,
        written: [JournalEntry]
    ) {
        let elapsed = self.seeTime(question, passedMicros, before: before, after: after)
        self.seeBucket(elapsed, before: before, after: after, written: written)
        self.seeOpening(question, before: before, after: after, written: written)
        switch answer {
        case .join(let grant):
            self.handOut(epoch: grant.epoch, grant.first...(grant.first + grant.count - 1))
            for number in grant.first..<grant.first + grant.admitted {
                self.passes[Place(epoch: grant.epoch, number: number)] = grant.expiresMicros
            }
        case .tick(let tick):
            for grant in tick.granted where grant.expiresMicros > 0 {
                let place = PlaceID.place(grant.id, current: tick.snapshot.epoch)
                self.passes[Place(epoch: place.epoch, number: place.number)] = grant.expiresMicros
            }
        case .exchange(let exchange):
            guard case .exchange(_, let ids) = question.operation else { break }
            for case (let place?, .admitted(let expiry)) in zip(self.places(ids, question, after), exchange.outcomes) {
                self.passes[place] = expiry
            }
        case .renew(let renewal): self.see(renewal, question, after)
        case .count:
            guard case .release(let ids) = question.operation else { break }
            self.released.formUnion(self.places(ids, question, after).compactMap { $0 })
        case .allowed, .reset, .failed: break
        }
        self.seeDoor(question.known, before: before, after: after, written: written)
        self.takeIn(after)
        self.seeInside(question, answer, after: after, written: written)
    }

    private mutating func seeInside(
        _ question: History.Question,
        _ answer: History.Answer,
        after: RoomModel,
        written: [JournalEntry]
    ) {
        guard answer != .failed(.noRoom) else { return }
        if case .renew(let renewal) = answer, case .renew(let renewals) = question.operation {
            for (place, expiry) in zip(self.places(renewals.map(\.id), question, after), renewal.expiries) {
                if let place, let expiry { self.inside.good[place] = expiry }
            }
        }
        if case .count = answer, case .release(let ids) = question.operation {
            for case let place? in self.places(ids, question, after) { self.inside.good[place] = nil }
        }
        self.inside.voidBefore = self.voidBefore
        let isGateway = if case .setAllowedRate = question.operation { false } else { true }
        if let violation = self.inside.see(written, known: isGateway ? question.known : nil, after: after) {
            self.violations.append(violation)
        }
    }

    /// The room's time goes on with that in truth, or with a clock that was set forward; by a call of the controller's by 3
    /// seconds at most. By how much it went on.
    private mutating func seeTime(
        _ question: History.Question,
        _ passedMicros: Int64,
        before: RoomModel,
        after: RoomModel
    ) -> Int64 {
        let elapsed = passedMicros - self.passed
        self.passed = passedMicros
        guard after.record.epoch > 0 else { return elapsed }
        let gained = after.now - self.roomNow
        self.roomNow = max(self.roomNow, after.now)
        guard before.record.epoch > 0, gained > elapsed else { return elapsed }
        if case .setAllowedRate = question.operation, gained > elapsed + RoomRules.silenceMicros {
            self.violations.append("the room's time went on by \(gained) in \(elapsed)")
        }
        return gained
    }

    private mutating func takeIn(_ model: RoomModel) {
        self.voidBefore = max(self.voidBefore, model.record.voidBefore)
        guard (model.record.epoch, model.record.incarnation) > (self.epoch, self.incarnation) else { return }
        (self.epoch, self.incarnation) = (model.record.epoch, model.record.incarnation)
    }

    private func places(_ ids: [Int64], _ question: History.Question, _ model: RoomModel) -> [Place?] {
        model.own(ids, question.known).map { id in
            id.map { PlaceID.place($0, current: model.record.epoch) }.map { Place(epoch: $0.epoch, number: $0.number) }
        }
    }

    /// A genuine pass that has neither expired nor been released keeps its visitor inside.
    private mutating func see(_ renewal: RenewAnswer, _ question: History.Question, _ model: RoomModel) {
        guard case .renew(let renewals) = question.operation else { return }
        let places = self.places(renewals.map(\.id), question, model)
        for (index, place) in places.enumerated() {
            let isGood = renewals[index].expiresMicros > renewal.line.nowMicros
            if let place, isGood, !self.released.contains(place), renewal.expiries[index] == nil {
                self.violations.append("the pass of \(place) was refused")
            }
            if let place, let expiry = renewal.expiries[index] { self.passes[place] = expiry }
        }
    }

    // MARK: Rate, slots, order

    private mutating func seeBucket(_ elapsed: Int64, before: RoomModel, after: RoomModel, written: [JournalEntry]) {
        let burst = max(before.record.burst, after.record.burst) * RoomRules.nanoTokens
        let (gained, overflow) = elapsed.multipliedReportingOverflow(by: before.record.rate)
        self.tokens = overflow ? burst : min(burst, self.tokens + min(burst, gained))
        // A line that nobody knows anything of begins with a full bucket.
        if before.record.epoch == 0, after.record.incarnation == 1 { self.tokens = burst }
        var count: Int64 = 0
        for case .exchange(_, let grants) in written { count += Int64(grants.count) }
        guard count > 0 else { return }
        self.tokens -= count * RoomRules.nanoTokens
        if self.tokens < 0 { self.violations.append("\(count) admitted, \(-self.tokens) nano-tokens too many") }
        if after.sessions.count + after.record.lost > after.record.slots {
            self.violations.append("\(after.sessions.count) sessions in \(after.record.slots) slots")
        }
    }

    /// Nobody is let in before the opening, nor by a file that is older than what the loss has taken.
    private mutating func seeOpening(
        _ question: History.Question,
        before: RoomModel,
        after: RoomModel,
        written: [JournalEntry]
    ) {
        var isAnybodyIn = false
        for case .exchange(_, let grants) in written where !grants.isEmpty { isAnybodyIn = true }
        if isAnybodyIn, after.record.opens > question.clockMicros {
            self.violations.append("let in before the opening")
        }
        guard case .tick(let tick) = question.operation, tick.generationHeard > after.record.generation,
            before.record.epoch == 0 || before.record.waitsUntil != after.record.waitsUntil
        else { return }
        let called = max(before.record.epoch == after.record.epoch ? before.record.serving : 0, question.known.serving)
        if isAnybodyIn || question.known.epoch == after.record.epoch && after.record.serving > called {
            self.violations.append("called by generation \(after.record.generation) of \(tick.generationHeard)")
        }
    }

    private mutating func seeDoor(
        _ known: KnownMarks,
        before: RoomModel,
        after: RoomModel,
        written: [JournalEntry]
    ) {
        let epoch = after.record.epoch
        let isSilenceOver = after.record.silentTo == after.now
        let kept = Array(after.pardoned.keys) + (isSilenceOver ? Array(before.sessions.expiries.keys) : [])
        for place in kept.map({ PlaceID.place($0, current: epoch) }) {
            self.pardoned.insert(Place(epoch: place.epoch, number: place.number))
        }
        for case .exchange(_, let grants) in written {
            for grant in grants {
                let place = PlaceID.place(grant.number, current: epoch)
                let admitted = Place(epoch: place.epoch, number: place.number)
                if !self.admitted.insert(admitted).inserted, self.pardoned.remove(admitted) == nil {
                    self.violations.append("\(place) was admitted twice")
                }
            }
            guard let last = grants.last?.number else { continue }
            let resting = after.restingGateways()
            let waits = after.door.ids.first { id in
                !resting.contains(after.door.stays[id]!.gateway) && after.isPresent(after.door.stays[id]!)
            }
            if let waits, waits < last {
                self.violations.append("\(last) was let in before \(waits), who was at the door")
            }
        }
        // Whoever is called of the current line comes after everybody of the older ones; but a gateway that has not
        // heard of the latest loss may tell who was called before it.
        guard before.record.epoch == epoch, before.record.incarnation == after.record.incarnation,
            known.epoch != epoch || known.incarnation >= before.record.incarnation
        else { return }
        let isOlderWaiting = after.record.older.contains { $0.serving < $0.issued }
        if isOlderWaiting, after.record.serving > before.record.serving {
            self.violations.append("called past an older line")
        }
    }

    // MARK: Draws

    func someOlderPlace(than epoch: Int64, _ random: inout SplitMix64) -> Place? {
        guard let place = self.handedOutInOrder.randomElement(using: &random) else { return nil }
        return place.epoch < epoch && place.epoch >= self.voidBefore ? place : nil
    }

    func somePasses(_ count: Int, _ random: inout SplitMix64) -> [Pass] {
        let known = self.passes.sorted { ($0.key.epoch, $0.key.number) < ($1.key.epoch, $1.key.number) }
        guard !known.isEmpty else { return [] }
        return (0..<Int.random(in: 0...count, using: &random)).map { _ in
            let pass = known[Int.random(in: 0..<known.count, using: &random)]
            return Pass(place: pass.key, expiresMicros: pass.value)
        }
    }
}
