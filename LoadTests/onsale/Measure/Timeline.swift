import Histogram

/// The seconds of a run in order, and their sum.
struct Timeline: Sendable {
    /// A day; later seconds go to the sum only.
    static let mostSamples = 86_400

    private(set) var samples: [Sample] = []
    private(set) var total = Tally()
    private var secondCount = 0
    let excuses: Excuses
    /// Latencies of the seconds that count for a promise; empty where all do.
    private var sound: [Check.Name: LatencyRecorder] = [:]
    private var stretches: [Check.Name: WorstStretch] = [:]
    /// How long it took to be let in, in the seconds that count for that, by the rate of the time.
    private(set) var doors: [DoorTimes] = []

    /// - Parameter excuses: seconds that do not count for a promise; each second is kept for those that it counts for.
    init(excuses: Excuses = .none) { self.excuses = excuses }

    /// Adds what was told after its second was closed, to the sum alone.
    mutating func addLate(_ tally: Tally) { self.total.merge(tally) }

    /// Adds the next second: the merged tallies of all loops, and the gauges at its end.
    mutating func append(_ tally: Tally, _ gauges: Gauges) {
        self.total.merge(tally)
        self.keepSound(tally, second: self.secondCount)
        self.keepStretches(tally, second: self.secondCount)
        self.keepDoors(tally, gauges, second: self.secondCount)
        self.secondCount += 1
        guard self.samples.count < Self.mostSamples else { return }
        self.samples.append(
            Sample(
                second: self.samples.count,
                counts: tally.counts,
                gauges: gauges,
                insideCorrected: Percentiles(tally.inside.corrected),
                insideRaw: Percentiles(tally.inside.raw),
                lineCorrected: Percentiles(tally.line.corrected),
                doorCorrected: Percentiles(tally.door.corrected),
                toolLateness: Percentiles(tally.lateness)
            )
        )
    }

    private mutating func keepStretches(_ tally: Tally, second: Int) {
        let times: [(Check.Name, Histogram<UInt32>)] = [
            (.latency, tally.inside.corrected), (.lineLatency, tally.line.corrected), (.tool, tally.lateness),
        ]
        for (promise, values) in times where !self.excuses.covers(promise, second: second) {
            self.stretches[promise, default: WorstStretch()].add(values, second: second)
        }
    }

    /// Of the times that a promise is judged by, the stretch with the highest 99th percentile; nil: they were too few.
    func worstStretch(_ promise: Check.Name) -> WorstStretch.Found? { self.stretches[promise]?.found }

    private mutating func keepSound(_ tally: Tally, second: Int) {
        guard !self.excuses.isEmpty else { return }
        let recorders: [(Check.Name, LatencyRecorder)] = [(.latency, tally.inside), (.lineLatency, tally.line)]
        for (promise, recorder) in recorders where !self.excuses.covers(promise, second: second) {
            self.sound[promise, default: LatencyRecorder()].merge(recorder)
        }
    }

    private mutating func keepDoors(_ tally: Tally, _ gauges: Gauges, second: Int) {
        guard tally.door.count > 0, !self.excuses.covers(.doorLatency, second: second) else { return }
        let rate = DoorTimes.slowRate([gauges] + self.samples.suffix(DoorTimes.secondsOfAChange).map(\.gauges))
        let index = self.doors.firstIndex { $0.slowRatePerSecond == rate } ?? self.doors.endIndex
        if index == self.doors.endIndex { self.doors.append(DoorTimes(slowRatePerSecond: rate)) }
        self.doors[index].add(tally.door, second: second)
    }

    /// The latencies that a promise is judged by: those of all seconds that no fault excuses.
    func judged(_ promise: Check.Name, _ recorder: KeyPath<Tally, LatencyRecorder>) -> LatencyRecorder {
        self.excuses.isEmpty ? self.total[keyPath: recorder] : self.sound[promise] ?? LatencyRecorder()
    }
}
