/// How long it took to be let in while the tool's own configuration let in so many. At the door of a slow room people
/// wait for one another's turns: what may be asked of the rest of the run may not be asked of them, and what they may
/// take excuses nobody else.
struct DoorTimes: Sendable {
    /// So long the turns of others may have to be waited for; 0: not for long.
    let turnsSeconds: Double
    private(set) var recorder = LatencyRecorder()
    private var stretch = WorstStretch()

    init(turnsSeconds: Double) { self.turnsSeconds = turnsSeconds }

    /// The stretch with the highest 99th percentile; nil: they were too few.
    var worst: WorstStretch.Found? { self.stretch.found }

    mutating func add(_ answers: LatencyRecorder, second: Int) {
        self.recorder.merge(answers)
        self.stretch.add(answers.corrected, second: second)
    }

    /// Of seconds that nobody knows.
    mutating func addLate(_ answers: LatencyRecorder) { self.recorder.merge(answers) }

    /// All of both, which may take as long as the slower may.
    private func joined(by few: DoorTimes) -> DoorTimes {
        var all = DoorTimes(turnsSeconds: max(self.turnsSeconds, few.turnsSeconds))
        all.recorder = self.recorder
        all.recorder.merge(few.recorder)
        all.stretch = self.stretch
        all.stretch.take(few.stretch)
        return all
    }

    /// Where there are too few for a 99th percentile they are judged together with those who may take longer; the
    /// slowest together with the next faster ones, who are judged by themselves all the same.
    static func judged(_ groups: [DoorTimes]) -> [DoorTimes] {
        var judged: [DoorTimes] = []
        var few: DoorTimes?
        for group in groups.sorted(by: { $0.turnsSeconds < $1.turnsSeconds }) {
            let joined = few.map { group.joined(by: $0) } ?? group
            let isEnough = joined.recorder.count >= WorstStretch.fewestValues
            few = isEnough ? nil : joined
            if isEnough { judged.append(joined) }
        }
        if let few { judged.append(judged.last.map { $0.joined(by: few) } ?? few) }
        return judged
    }
}

/// How long people may have to stand at the door, by the limits that the tool has written, second by second.
struct DoorTurns: Sendable {
    /// Where a turn takes long, a few of them do: two or three people who come at once may have to wait for one after
    /// the other.
    private static let turnsAtDoor = 5.0
    /// At this rate and above nobody waits long for the turns of a few others.
    private static let fastPerSecond = 1.0
    /// Until a changed limit has taken hold, and those are in who came to the door before.
    private static let secondsOfAChange = 15
    /// Visitors are called so far ahead.
    private static let calledSeconds = ShortfallSearch.waitingSeconds
    private static let longestSeconds = 86_400.0

    private var ratePerSecond = 0.0
    /// So many may have been called at this rate and at those before it, and not be in.
    private var called = 0.0
    /// For how long more of them have been there than are called at this rate, and how long the last of them may stand
    /// there.
    private var drainedSeconds = 0.0
    private var drainSeconds = 0.0
    private var recent: [Double] = []

    /// As of the last second. 0: not for long, or not known.
    var seconds: Double { self.recent.max() ?? 0 }

    mutating func take(_ limitPerSecond: Double?) {
        self.recent.append(self.next(limitPerSecond))
        if self.recent.count > Self.secondsOfAChange + 1 { self.recent.removeFirst() }
    }

    /// After a cut those who were called before it get in at the lower rate: 40 called at 20 a second take 80 s at one
    /// every two.
    private mutating func next(_ limitPerSecond: Double?) -> Double {
        guard let rate = limitPerSecond, rate > 0 else { return 0 }
        let isDraining = self.called > rate * Self.calledSeconds
        if isDraining, rate != self.ratePerSecond {
            self.drainSeconds = self.drainedSeconds + (self.called + Self.turnsAtDoor) / rate
        }
        self.drainedSeconds = isDraining ? self.drainedSeconds + 1 : 0
        self.ratePerSecond = rate
        self.called = max(self.called - rate, rate * Self.calledSeconds)
        let seconds = max(Self.turnsAtDoor / rate, isDraining ? self.drainSeconds : 0)
        return seconds > Self.turnsAtDoor / Self.fastPerSecond ? min(seconds, Self.longestSeconds) : 0
    }
}
