import Primitives

/// What a pool may cost within any window of time, in worker-seconds: a worker costs from its start to its end, also
/// while it starts and while it drains.
///
/// Past it people wait longer, and nobody gets an error: the cap takes workers from the line and slows admission down; it
/// never takes those that the requests need that no room holds back. The fewest workers are paid for first: the rest of
/// the cap is for those beyond them.
public struct CostCap: Codable, Sendable, Equatable {
    /// What is left is to last for so long at least, at any size, or for a tenth of a short window: so a pool that comes
    /// near its cap shrinks step by step while those inside finish, and does not stop from one second to the next.
    static let longestHorizonSeconds = 300.0
    static let horizonShare = 0.1

    public var workerSeconds: Double
    public var windowNanoseconds: Int64
    /// What the pool had cost when somebody else decided last, and when that was. It leaves the window as if it had come
    /// evenly.
    public var carried: Carried?

    public struct Carried: Codable, Sendable, Equatable {
        public var spent: CostSum
        public var at: Instant

        public init(spent: CostSum, at: Instant) {
            self.spent = spent
            self.at = at
        }
    }

    /// Traps on a cap or a window of nothing: they are the settings' to refuse.
    public init(workerSeconds: Double, windowNanoseconds: Int64, carried: Carried? = nil) {
        precondition(workerSeconds > 0 && windowNanoseconds > 0, "a cap and its window are more than nothing")
        self.workerSeconds = workerSeconds
        self.windowNanoseconds = windowNanoseconds
        self.carried = carried
    }

    var horizonSeconds: Double {
        min(Self.longestHorizonSeconds, Double(self.windowNanoseconds) / 1e9 * Self.horizonShare)
    }

    fileprivate func carriedSum(now: Instant) -> CostSum {
        guard let carried = self.carried else { return CostSum() }
        let gone = Double(now.nanoseconds(since: carried.at)) / Double(self.windowNanoseconds)
        let left = min(1, max(0, 1 - gone))
        return CostSum(all: carried.spent.all * left, beyondLeast: carried.spent.beyondLeast * left)
    }
}

/// Worker-seconds.
public struct CostSum: Codable, Sendable, Equatable {
    public var all: Double
    /// The part of workers beyond the fewest.
    public var beyondLeast: Double

    public init(all: Double = 0, beyondLeast: Double = 0) {
        self.all = max(0, all)
        self.beyondLeast = max(0, beyondLeast)
    }

    fileprivate static func + (left: CostSum, right: CostSum) -> CostSum {
        CostSum(all: left.all + right.all, beyondLeast: left.beyondLeast + right.beyondLeast)
    }
}

/// What a pool has cost in the last window, in at most 61 slices of it.
struct CostMeter: Codable, Sendable, Equatable {
    private static let slices: Int64 = 60
    /// Between two looks that are farther apart the pool is not taken to have been as it is now.
    private static let longestGapNanoseconds = 10 * Nanoseconds.perSecond

    private struct Slice: Codable, Sendable, Equatable {
        let from: Instant
        var spent: CostSum
    }

    private var recent: [Slice] = []
    private var last: Instant?

    /// `workers` have run since the last look.
    mutating func add(workers: Int, fewest: Int, now: Instant, windowNanoseconds: Int64) {
        let since = self.last.map { min(Self.longestGapNanoseconds, max(0, now.nanoseconds(since: $0))) } ?? 0
        self.last = now
        let seconds = Double(since) / 1e9
        let spent = CostSum(
            all: Double(workers) * seconds,
            beyondLeast: Double(max(0, workers - fewest)) * seconds
        )
        if let slice = self.recent.last, now.nanoseconds(since: slice.from) < windowNanoseconds / Self.slices {
            self.recent[self.recent.count - 1].spent = slice.spent + spent
        } else {
            self.recent.append(Slice(from: now, spent: spent))
        }
        let width = windowNanoseconds / Self.slices
        self.recent.removeAll { now.nanoseconds(since: $0.from) > windowNanoseconds + width }
    }

    /// What was carried over stands for all that was before it. A slice leaves the window little by little: were it gone
    /// at once, a pool at its cap would grow by what it cost, and shrink again.
    func spent(of cap: CostCap, now: Instant) -> CostSum {
        let since = cap.carried?.at
        let width = Double(max(1, cap.windowNanoseconds / Self.slices))
        return self.recent.reduce(cap.carriedSum(now: now)) { sum, slice in
            if let since, slice.from < since { return sum }
            let out = Double(now.nanoseconds(since: slice.from) - cap.windowNanoseconds) / width
            let left = min(1, max(0, 1 - out))
            return sum + CostSum(all: slice.spent.all * left, beyondLeast: slice.spent.beyondLeast * left)
        }
    }
}

/// How a pool stands to its cost cap.
public struct CostStanding: Codable, Sendable, Equatable {
    /// In the window that ends now.
    public var spent: CostSum
    public var capWorkerSeconds: Double
    /// Workers that the cap allows now; a fraction counts for the admission rate.
    public var affordableWorkers: Double
    /// When the cap will bind if the pool stays as it is and nothing leaves the window; 0 when it binds now, nil when it
    /// has no workers beyond the fewest.
    public var bindsInSeconds: Double?

    public init(spent: CostSum, capWorkerSeconds: Double, affordableWorkers: Double, bindsInSeconds: Double?) {
        self.spent = spent
        self.capWorkerSeconds = capWorkerSeconds
        self.affordableWorkers = affordableWorkers
        self.bindsInSeconds = bindsInSeconds
    }

    init(cap: CostCap, spent: CostSum, workers: Int, fewest: Int) {
        let reserved = Double(fewest) * Double(cap.windowNanoseconds) / 1e9
        let left = max(0, cap.workerSeconds - reserved - spent.beyondLeast)
        let more = Double(workers - fewest)
        self.init(
            spent: spent,
            capWorkerSeconds: cap.workerSeconds,
            affordableWorkers: Double(fewest) + left / cap.horizonSeconds,
            bindsInSeconds: more > 0 ? max(0, (left - more * cap.horizonSeconds) / more) : nil
        )
    }
}
