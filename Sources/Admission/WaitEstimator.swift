/// How long a visitor still waits until being *inside*, from how many were really let in.
///
/// Between the visitor and the inside stand people: those at the door, those who were called and are on their way, and
/// of the places ahead the share that shows up. They are let in at the rate in force, or, while the slots bind, as fast
/// as slots have come free (`ServiceHistory`). The range takes in how well the show-up ratio is known, how unevenly
/// slots came free, and how long a called visitor takes to ask. What is not known is not told: while the slots of a room
/// fill up for the first time, nobody can say when they come free again.
///
/// Without new snapshots nothing changes: in an outage the last estimate stands, and `isFrozen` says so. Costs the same
/// for any number of visitors.
public struct WaitEstimator: Sendable {
    /// Rates and crowds are never quite steady.
    private static let spread = 0.1
    /// A visitor near the front asks within this time of the call.
    private static let askSeconds = 2.25
    /// Past this a figure says nothing; the visitor is told that the time is not known.
    private static let longestSeconds = 360_000.0
    /// Nor does a range whose longer end is more than four times the shorter one and this.
    private static let widest = (factor: 4.0, seconds: 15.0)
    private static let farAwayPollSeconds = 20.0
    /// Gateways tick at least once a second.
    private static let silenceMicros: Int64 = 3_000_000
    /// The slots bind while fewer than one in this many is free, and for so long after that.
    private static let freeShare: Int64 = 20
    private static let bindingMicros: Int64 = 60_000_000
    /// A slot that comes free is taken within that time.
    private static let takenMicros: Int64 = 5_000_000

    /// What the slots do to the line.
    private struct Binding {
        /// Sessions that had ended when the slots were all taken; nil: they were so when the watch began.
        var endedBefore: Int64?
        var latestMicros: Int64
    }

    private var latest: RoomSnapshot?
    private var fine = ServiceHistory(spacingMicros: 500_000)
    private var coarse = ServiceHistory(spacingMicros: 8_000_000)
    private var forecast = SlotForecast.unknown
    private var binding: Binding?
    /// The limits that the histories were made under.
    private var historyRateMilli: Int64 = 0
    private var historySlots: Int64 = 0

    public init() {}

    /// Takes in the snapshot of a tick.
    public mutating func observe(_ snapshot: RoomSnapshot) {
        if let latest = self.latest, self.isAnotherLine(latest, snapshot) {
            self.forget(snapshot)
            self.binding = nil
            self.latest = nil
        } else if self.latest == nil || self.limitsChanged(to: snapshot) {
            self.forget(snapshot)
        }
        self.watchSlots(snapshot)
        self.fine.observe(snapshot, after: self.latest)
        self.coarse.observe(snapshot, after: self.latest)
        if self.binding != nil { self.forecast = SlotForecast([self.fine, self.coarse]) }
        self.latest = snapshot
    }

    /// No snapshot came for three seconds: what is told is what was known then.
    public func isFrozen(nowMicros: Int64) -> Bool {
        self.latest.map { nowMicros - $0.nowMicros > Self.silenceMicros } ?? false
    }

    /// Seconds until the visitor with `ahead` uncalled places in front is inside; places of older lines are among them,
    /// skipped numbers are not. nil when that is not known: nothing moves, or too little was seen.
    ///
    /// A room that is not open yet adds the time until it opens; workers start until then, so that `configuredMilli`,
    /// the room's configured inflow, bounds the shortest wait.
    public func estimate(ahead: Int64, configuredMilli: Int64 = 0) -> ClosedRange<Int64>? {
        guard let latest = self.latest, latest.rateMilli > 0, !latest.isHeld else { return nil }
        let opening = self.openingSeconds(latest)
        let share = latest.showUp
        let coming = Double(max(0, ahead)) + 1
        let called = self.fine.onTheWay(share: (share.least + share.most) / 2)
        // Tokens of use go to whoever comes next.
        let free = min(Double(latest.tokensNano) / 1e9, Double(max(0, latest.slots - latest.sessions)))
        let before = Double(latest.door) - free
        let people = (
            least: max(0, before + share.least * (called + coming)) / (1 + Self.spread),
            most: max(0, before + share.most * (called + coming)) * (1 + Self.spread)
        )
        guard let admission = self.admissionSeconds(people, latest) else { return nil }
        let hoped = opening > 0 ? max(1, Double(configuredMilli) / Double(latest.rateMilli)) : 1
        let shortest = opening + admission.least / hoped
        // Who is called asks a little later, whatever stands at the door.
        let longest = opening + max(admission.most + 1, admission.most / (1 + Self.spread) + Self.askSeconds)
        guard longest <= Self.longestSeconds, longest <= Self.widest.factor * shortest + Self.widest.seconds else {
            return nil
        }
        return Int64(shortest.rounded(.down))...Int64(longest.rounded(.up))
    }

    /// Seconds until the visitor should ask again, 1 to 25: every second or two where the turn may come within the
    /// horizon, else at half of the shortest wait, up to 20 s. `random` (any 64 random bits) spreads visitors over a
    /// quarter to each side, so that they do not ask in step. While nothing moves at all, for want of workers, the
    /// room's configured inflow, `configuredMilli`, says how soon it could.
    ///
    /// The shortest wait goes by the rate, as if slots came free at once, and by the lowest share that may show up: who
    /// asks too late is taken for a no-show, for whom others are called.
    public func pollSeconds(
        ahead: Int64,
        horizonMicros: Int64,
        configuredMilli: Int64 = 0,
        random: UInt64
    ) -> Int64 {
        let unit = Double(random >> 11) * 0x1p-53
        guard let latest = self.latest else { return 1 + Int64(unit * 2) }
        var shortest = 2 * Self.farAwayPollSeconds
        let rateMilli = latest.rateMilli > 0 ? latest.rateMilli : configuredMilli
        if rateMilli > 0 {
            let speed = 1.5 * Double(rateMilli) / 1000 / latest.showUp.least
            shortest = self.openingSeconds(latest) + Double(max(0, ahead)) / speed
        }
        guard shortest > 2 * Double(horizonMicros) / 1e6 else { return 1 + Int64(unit * 2) }
        let middle = min(Self.farAwayPollSeconds, shortest / 2)
        return max(1, Int64((middle * (0.75 + unit / 2)).rounded()))
    }

    private func openingSeconds(_ snapshot: RoomSnapshot) -> Double {
        max(0, Double(snapshot.opensAtMicros - snapshot.nowMicros) / 1e6)
    }

    // MARK: People

    /// How long it takes to let that many in; nil when that is not known.
    private func admissionSeconds(
        _ people: (least: Double, most: Double),
        _ latest: RoomSnapshot
    ) -> (least: Double, most: Double)? {
        let rate = Double(latest.rateMilli) / 1000
        if let binding = self.binding {
            guard self.isKnown(binding, latest) else { return nil }
            guard let least = self.forecast.shortest(for: people.least),
                let most = self.forecast.longest(for: people.most)
            else { return nil }
            return (max(least, people.least / rate), max(most * self.doubt(binding, latest), people.most / rate))
        }
        // Sessions begin at the rate and end as they lately did: do the slots last that long?
        let growth = max(0, rate - self.fine.endedPerSecond) / rate
        let free = Double(latest.slots - latest.sessions)
        guard people.most * growth + min(free, Double(latest.tokensNano) / 1e9) <= free else { return nil }
        let slow = self.fine.mean.map { min(rate, max(rate / 4, $0)) } ?? rate
        return (people.least / rate, people.most / slow)
    }

    /// A room whose slots have just filled up lets in nobody for a while, and then many: only when as many have left as
    /// there are slots is the past like the future.
    private func isKnown(_ binding: Binding, _ latest: RoomSnapshot) -> Bool {
        guard self.forecast.isKnown else { return false }
        guard let before = binding.endedBefore else { return true }
        return Double(latest.ended - before) >= 0.8 * Double(latest.slots)
    }

    /// The quick leave first: slots that are held for long show later.
    private func doubt(_ binding: Binding, _ latest: RoomSnapshot) -> Double {
        guard let before = binding.endedBefore else { return 1 }
        return 1 + 0.3 * Double(latest.slots) / Double(max(1, latest.ended - before))
    }

    // MARK: What makes the past another one

    private func isAnotherLine(_ former: RoomSnapshot, _ snapshot: RoomSnapshot) -> Bool {
        snapshot.epoch != former.epoch || snapshot.incarnation != former.incarnation
            || snapshot.admitted < former.admitted
            || snapshot.nowMicros < former.nowMicros
    }

    /// By more than a tenth: what was measured before says little about what comes. But while all slots are taken, a rate
    /// that is changed tells nothing of when they come free. Seen before: after each change of the rate everybody was told
    /// what the next few seconds happened to be like, up to three times too long or too short.
    private mutating func limitsChanged(to snapshot: RoomSnapshot) -> Bool {
        func differ(_ one: Int64, _ other: Int64) -> Bool { abs(one - other) > max(one, other) / 10 }
        guard !differ(snapshot.slots, self.historySlots) else { return true }
        guard differ(snapshot.rateMilli, self.historyRateMilli) else { return false }
        guard let binding = self.binding, snapshot.nowMicros - binding.latestMicros <= Self.takenMicros else {
            return true
        }
        self.historyRateMilli = snapshot.rateMilli
        return false
    }

    private mutating func forget(_ snapshot: RoomSnapshot) {
        self.fine = ServiceHistory(spacingMicros: 500_000)
        self.coarse = ServiceHistory(spacingMicros: 8_000_000)
        self.forecast = .unknown
        self.historyRateMilli = snapshot.rateMilli
        // More slots fill up first.
        if snapshot.slots > self.historySlots { self.binding = nil }
        self.historySlots = snapshot.slots
    }

    private mutating func watchSlots(_ snapshot: RoomSnapshot) {
        let isFull = snapshot.slots > 0 && snapshot.sessions >= snapshot.slots - snapshot.slots / Self.freeShare
        if let binding = self.binding {
            if isFull {
                self.binding?.latestMicros = snapshot.nowMicros
            } else if snapshot.nowMicros - binding.latestMicros > Self.bindingMicros {
                self.binding = nil
                self.forget(snapshot)
            }
        } else if isFull, snapshot.waiting > 0 {
            self.binding = Binding(
                endedBefore: self.latest == nil ? nil : snapshot.ended,
                latestMicros: snapshot.nowMicros
            )
            self.forget(snapshot)
        }
    }
}
