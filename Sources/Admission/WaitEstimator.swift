/// How long a visitor still waits, from how now-serving really moved.
///
/// Keeps one sample each half second over 30 seconds (at most 64), so it costs the same for any number of visitors.
/// With little history, the rate in force (over the show-up ratio: no-shows are skipped) fills in; as history grows,
/// the measured speed takes over. The range is that of the mean speed over the whole wait: wide while the speed is
/// unsteady or little known, narrower for long waits than for short ones.
public struct WaitEstimator: Sendable {
    private static let windowMicros: Int64 = 30_000_000
    private static let spacingMicros: Int64 = 500_000
    private static let blockMicros: Int64 = 5_000_000
    /// Nine waits of ten lie within this many standard deviations.
    private static let deviations = 1.64
    private static let leastSpread = 0.1
    private static let mostSpread = 0.75
    /// Past this a figure says nothing; the visitor is told that the time is not known.
    private static let longestSeconds = 360_000.0
    private static let farAwayPollSeconds = 20.0

    private struct Sample {
        var micros, serving: Int64
        /// Somebody waited and the room was open: how far now-serving got says how fast it can.
        var isBusy: Bool
    }

    private var samples: [Sample] = []
    private var latest: RoomSnapshot?
    /// Places a second, recomputed with each observation: the slower and the faster end before the spread.
    private var slow = 0.0
    private var fast = 0.0
    /// Relative deviation of one block's speed, and of the mean over all blocks.
    private var blockDeviation = 0.0
    private var meanDeviation = 0.0

    public init() {}

    /// Takes in the snapshot of a tick.
    public mutating func observe(_ snapshot: RoomSnapshot) {
        if let latest = self.latest,
            snapshot.epoch != latest.epoch || snapshot.serving < latest.serving
                || snapshot.nowMicros < latest.nowMicros || self.rateChanged(from: latest, to: snapshot)
        {
            self.samples.removeAll(keepingCapacity: true)
        }
        self.latest = snapshot
        let isDue = self.samples.last.map { snapshot.nowMicros - $0.micros >= Self.spacingMicros } ?? true
        guard isDue else { return }
        self.samples.append(
            Sample(
                micros: snapshot.nowMicros,
                serving: snapshot.serving,
                isBusy: snapshot.waiting > 0 && snapshot.isOpen
            )
        )
        let earliest = snapshot.nowMicros - Self.windowMicros
        if let first = self.samples.firstIndex(where: { $0.micros >= earliest }) { self.samples.removeFirst(first) }
        self.measure(snapshot)
    }

    /// Seconds until the visitor with `ahead` uncalled places in front is called; nil when that is not known (nothing
    /// moves, or nothing was observed yet). A room that is not open yet adds the time until it opens; workers start
    /// until then, so that `configuredMilli`, the room's configured inflow, bounds the shortest wait.
    public func estimate(ahead: Int64, configuredMilli: Int64 = 0) -> ClosedRange<Int64>? {
        guard let latest = self.latest, self.slow > 0 else { return nil }
        let opening = self.openingSeconds(latest)
        let hoped = opening > 0 ? Double(configuredMilli) / Double(max(1, latest.showUpPermille)) : 0
        let places = Double(max(0, ahead)) + 1
        let blocks = max(1, places / self.fast * 1e6 / Double(Self.blockMicros))
        let variance = self.meanDeviation * self.meanDeviation + self.blockDeviation * self.blockDeviation / blocks
        let spread = min(Self.mostSpread, max(Self.leastSpread, Self.deviations * variance.squareRoot()))
        let shortest = opening + places / (max(self.fast, hoped) * (1 + spread))
        let longest = opening + places / (self.slow * (1 - spread)) + 1
        guard longest <= Self.longestSeconds else { return nil }
        return Int64(shortest.rounded(.down))...Int64(longest.rounded(.up))
    }

    /// Seconds until the visitor should ask again, 1 to 25: every second or two where the turn may come within the
    /// horizon, else at half of the shortest wait, up to 20 s. `random` (any 64 random bits) spreads visitors over a
    /// quarter to each side, so that they do not ask in step. While nothing moves at all, for want of workers, the
    /// room's configured inflow, `configuredMilli`, says how soon it could.
    public func pollSeconds(
        ahead: Int64,
        horizonMicros: Int64,
        configuredMilli: Int64 = 0,
        random: UInt64
    ) -> Int64 {
        let unit = Double(random >> 11) * 0x1p-53
        guard let latest = self.latest else { return 1 + Int64(unit * 2) }
        var shortest = 2 * Self.farAwayPollSeconds
        let hoped = Double(configuredMilli) / Double(max(1, latest.showUpPermille))
        if self.fast > 0 || hoped > 0 {
            let speed = (self.fast > 0 ? self.fast : hoped) * (1 + Self.mostSpread)
            shortest = self.openingSeconds(latest) + Double(max(0, ahead)) / speed
        }
        guard shortest > 2 * Double(horizonMicros) / 1e6 else { return 1 + Int64(unit * 2) }
        let middle = min(Self.farAwayPollSeconds, shortest / 2)
        return max(1, Int64((middle * (0.75 + unit / 2)).rounded()))
    }

    private func openingSeconds(_ snapshot: RoomSnapshot) -> Double {
        max(0, Double(snapshot.opensAtMicros - snapshot.nowMicros) / 1e6)
    }

    /// More than a tenth: what was measured before says little about what comes.
    private func rateChanged(from former: RoomSnapshot, to snapshot: RoomSnapshot) -> Bool {
        abs(snapshot.rateMilli - former.rateMilli) > max(former.rateMilli, snapshot.rateMilli) / 10
    }

    private mutating func measure(_ snapshot: RoomSnapshot) {
        let expected = Double(snapshot.rateMilli) / Double(max(1, snapshot.showUpPermille))
        guard expected > 0 else {
            self.slow = 0
            self.fast = 0
            return
        }
        let blocks = self.busyBlocks()
        let seconds = blocks.reduce(0) { $0 + $1.seconds }
        guard seconds > 0 else {
            self.slow = expected
            self.fast = expected
            self.blockDeviation = 0
            self.meanDeviation = 0
            return
        }
        // The bucket and the called who were not there yet let the start run ahead of what can last.
        let measured = min(expected, blocks.reduce(0) { $0 + $1.places } / seconds)
        let known = min(1, seconds / (Double(Self.windowMicros) / 1e6 - 1))
        let trusted = min(1, seconds / (Double(Self.blockMicros) / 1e6))
        self.slow = trusted * measured + (1 - trusted) * expected
        self.fast = known * measured + (1 - known) * expected
        self.measureDeviation(blocks, mean: blocks.reduce(0) { $0 + $1.places } / seconds)
    }

    private mutating func measureDeviation(_ blocks: [(places: Double, seconds: Double)], mean: Double) {
        self.blockDeviation = 0
        self.meanDeviation = 0
        guard blocks.count > 1, mean > 0 else { return }
        let squares = blocks.reduce(0) { sum, block in
            let relative = block.places / block.seconds / mean - 1
            return sum + relative * relative
        }
        self.blockDeviation = (squares / Double(blocks.count - 1)).squareRoot()
        self.meanDeviation = self.blockDeviation / Double(blocks.count).squareRoot()
    }

    /// What now-serving did in stretches of about five seconds during which somebody waited.
    private func busyBlocks() -> [(places: Double, seconds: Double)] {
        var blocks: [(places: Double, seconds: Double)] = []
        var places: Int64 = 0
        var micros: Int64 = 0
        for (former, next) in zip(self.samples, self.samples.dropFirst()) where former.isBusy {
            places += next.serving - former.serving
            micros += next.micros - former.micros
            if micros >= Self.blockMicros {
                blocks.append((Double(places), Double(micros) / 1e6))
                (places, micros) = (0, 0)
            }
        }
        if micros > 0 { blocks.append((Double(places), Double(micros) / 1e6)) }
        return blocks
    }
}
