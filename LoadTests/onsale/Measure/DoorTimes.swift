/// How long it took to be let in while the tool's own configuration let in so many. At the door of a slow room people
/// wait for one another's turns: what may be asked of the rest of the run may not be asked of them, and what they may
/// take excuses nobody else.
struct DoorTimes: Sendable {
    /// At this rate and above nobody waits long for the turns of a few others.
    private static let fastPerSecond = 1.0
    /// Until a raised limit has taken hold, and those are in who came to the door before.
    static let secondsOfAChange = 15

    /// nil: fast.
    let slowRatePerSecond: Double?
    private(set) var recorder = LatencyRecorder()
    private var stretch = WorstStretch()

    init(slowRatePerSecond: Double?) { self.slowRatePerSecond = slowRatePerSecond }

    /// The stretch with the highest 99th percentile; nil: they were too few.
    var worst: WorstStretch.Found? { self.stretch.found }

    mutating func add(_ answers: LatencyRecorder, second: Int) {
        self.recorder.merge(answers)
        self.stretch.add(answers.corrected, second: second)
    }

    /// The lowest that lets anybody in of what was written in these seconds; nil where that is fast, or not known.
    static func slowRate(_ gauges: [Gauges]) -> Double? {
        let lowest = gauges.compactMap(\.limitPerSecond).filter { $0 > 0 }.min()
        return lowest.flatMap { $0 < Self.fastPerSecond ? $0 : nil }
    }
}
