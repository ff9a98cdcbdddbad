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
    private var doorGroups: [DoorTimes] = []
    private var doorTurns = DoorTurns()
    private var lateDoor = LatencyRecorder()
    /// Something was told after its second was closed.
    private(set) var hasLate = false

    /// - Parameter excuses: seconds that do not count for a promise; each second is kept for those that it counts for.
    init(excuses: Excuses = .none) { self.excuses = excuses }

    /// Adds what was told after its second was closed, to the sum, and to what took longest at the door.
    mutating func addLate(_ tally: Tally) {
        self.total.merge(tally)
        self.lateDoor.merge(tally.door)
        self.hasLate = true
    }

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
        self.doorTurns.take(gauges.limitPerSecond)
        guard tally.door.count > 0, !self.excuses.covers(.doorLatency, second: second) else { return }
        let seconds = self.doorTurns.seconds
        let index = self.doorGroups.firstIndex { $0.turnsSeconds == seconds } ?? self.doorGroups.endIndex
        if index == self.doorGroups.endIndex { self.doorGroups.append(DoorTimes(turnsSeconds: seconds)) }
        self.doorGroups[index].add(tally.door, second: second)
    }

    /// By how long they may take. What was told late may take as long as any: nobody knows when it was, and where some
    /// seconds are excused it is left out, as with all other times.
    var doors: [DoorTimes] {
        var groups = self.doorGroups
        if self.lateDoor.count > 0, self.excuses.isEmpty {
            if groups.isEmpty { groups.append(DoorTimes(turnsSeconds: 0)) }
            let loosest = groups.indices.max { groups[$0].turnsSeconds < groups[$1].turnsSeconds } ?? 0
            groups[loosest].addLate(self.lateDoor)
        }
        return DoorTimes.judged(groups)
    }

    /// The latencies that a promise is judged by: those of all seconds that no fault excuses.
    func judged(_ promise: Check.Name, _ recorder: KeyPath<Tally, LatencyRecorder>) -> LatencyRecorder {
        self.excuses.isEmpty ? self.total[keyPath: recorder] : self.sound[promise] ?? LatencyRecorder()
    }
}
