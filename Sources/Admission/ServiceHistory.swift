/// How many were let in over the past, while somebody waited: the fewest and the most in any stretch of each length.
///
/// At most 128 samples. Tokens that the bucket held count as let in before: what a quiet time left behind cannot last.
struct ServiceHistory: Sendable {
    private static let capacity = 128
    /// A longer time without a snapshot is an outage, which says nothing about the line.
    private static let gapMicros: Int64 = 2_500_000

    /// Of all stretches of the past that were as long, the fewest and the most that were let in, but for the worst
    /// twentieth; and the mean.
    struct Stretch: Sendable { var seconds, least, mean, most: Double }

    private struct Sample {
        /// Time during which somebody waited and the room was open, and what was let in during it.
        var busyMicros: Int64
        var admitted: Double
        var micros, ended, called: Int64
        /// Let in or at the door.
        var came: Int64
    }

    private let spacingMicros: Int64
    private var samples: [Sample] = []
    private var busyMicros: Int64 = 0
    private var admitted = 0.0
    /// By rising length.
    private(set) var curve: [Stretch] = []
    /// Of the last two seconds.
    private var recent = (called: 0.0, came: 0.0)
    private(set) var endedPerSecond = 0.0

    init(spacingMicros: Int64) { self.spacingMicros = spacingMicros }

    /// All that is remembered: for how long somebody waited, and how many were let in.
    var whole: (seconds: Double, admitted: Double) {
        guard let first = self.samples.first, let last = self.samples.last else { return (0, 0) }
        return (Double(last.busyMicros - first.busyMicros) / 1e6, last.admitted - first.admitted)
    }

    /// Let in per second of the whole past; nil while that is shorter than five seconds.
    var mean: Double? {
        let whole = self.whole
        return whole.seconds >= 5 ? whole.admitted / whole.seconds : nil
    }

    /// Places that were called and whose visitors have yet to ask, no-shows among them. Where calls are steady, four of
    /// ten of the last two seconds; after a sudden call all who have not come.
    func onTheWay(share: Double) -> Double {
        max(0.42 * self.recent.called, self.recent.called - self.recent.came / share)
    }

    mutating func observe(_ snapshot: RoomSnapshot, after former: RoomSnapshot?) {
        if let former, former.waiting > 0, former.isOpen {
            let micros = snapshot.nowMicros - former.nowMicros
            if micros <= Self.gapMicros {
                self.busyMicros += micros
                self.admitted += Double(snapshot.admitted - former.admitted)
                self.admitted += Double(snapshot.tokensNano - former.tokensNano) / 1e9
            }
        }
        let isDue = self.samples.last.map { snapshot.nowMicros - $0.micros >= self.spacingMicros } ?? true
        guard isDue else { return }
        let wasBusy = self.busyMicros > self.samples.last?.busyMicros ?? 0
        if self.samples.count == Self.capacity { self.samples.removeFirst() }
        self.samples.append(
            Sample(
                busyMicros: self.busyMicros,
                admitted: self.admitted,
                micros: snapshot.nowMicros,
                ended: snapshot.ended,
                called: snapshot.called,
                came: snapshot.admitted + snapshot.door
            )
        )
        self.measure()
        if wasBusy { self.measureStretches() }
    }

    private mutating func measure() {
        let last = self.samples[self.samples.count - 1]
        let seconds = Double(last.micros - self.samples[0].micros) / 1e6
        self.endedPerSecond = seconds > 0 ? max(0, Double(last.ended - self.samples[0].ended) / seconds) : 0
        let recent = self.samples.first { last.micros - $0.micros <= 2_000_000 }
        self.recent.called = Double(max(0, last.called - (recent?.called ?? last.called)))
        self.recent.came = Double(max(0, last.came - (recent?.came ?? last.came)))
    }

    private mutating func measureStretches() {
        self.curve = []
        var length = 1
        // Of the longest stretches there are several, or they would tell one story.
        while length <= self.samples.count / 2 {
            if let stretch = self.stretch(length) { self.curve.append(stretch) }
            length *= 2
        }
    }

    private func stretch(_ length: Int) -> Stretch? {
        var speeds: [Double] = []
        var total = 0.0
        for (from, to) in zip(self.samples, self.samples.dropFirst(length)) where to.busyMicros > from.busyMicros {
            let seconds = Double(to.busyMicros - from.busyMicros) / 1e6
            speeds.append(max(0, to.admitted - from.admitted) / seconds)
            total += seconds
        }
        guard !speeds.isEmpty else { return nil }
        speeds.sort()
        let seconds = total / Double(speeds.count)
        let few = speeds.count / 20
        return Stretch(
            seconds: seconds,
            least: speeds[few] * seconds,
            mean: speeds.reduce(0, +) / Double(speeds.count) * seconds,
            most: speeds[speeds.count - 1] * seconds
        )
    }
}
