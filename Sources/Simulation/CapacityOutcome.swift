import Primitives
import Scaling

/// What a crowd and a pool's workers went through.
public struct CapacityOutcome: Sendable {
    /// One second, as it was when the controller decided.
    public struct Second: Sendable {
        public var second: Int
        /// Of the production policy; nil when somebody else decided.
        public var decision: ScalingDecision?
        public var desired: Int
        public var ready: Int
        public var pending: Int
        public var waiting: Int
        public var admitted: Int
        public var inFlight: Int
    }

    public internal(set) var seconds: [Second] = []
    /// Requests that were sent in each second, those that took longer than the objective, from the sending to the
    /// answer, and those that failed.
    public internal(set) var requests: [Int]
    public internal(set) var late: [Int]
    public internal(set) var failed: [Int]
    /// Time of workers from the start of each process to its end.
    public internal(set) var workerSeconds = 0.0
    public internal(set) var crowd = 0
    /// When each of the crowd had the first good answer, in seconds of the run, ascending.
    public internal(set) var servedAt: [Double] = []
    /// Requests under way at workers that died.
    public internal(set) var requestsLost = 0

    init(seconds: Int) {
        self.requests = Array(repeating: 0, count: seconds)
        self.late = self.requests
        self.failed = self.requests
    }

    public var failedRequests: Int { self.failed.reduce(0, +) }
    public var allRequests: Int { self.requests.reduce(0, +) }

    /// Whether more than one in twenty of the second's requests failed or took longer than the objective: its 95th
    /// percentile did.
    public func isViolating(_ second: Int) -> Bool {
        20 * (self.late[second] + self.failed[second]) > self.requests[second]
    }

    public var violatingSeconds: Int { self.requests.indices.reduce(0) { $0 + (self.isViolating($1) ? 1 : 0) } }

    /// Workers that could serve in each second.
    public var readyWorkers: [Int] { self.seconds.map(\.ready) }

    /// How often another size was decided on than the second before.
    public var scaleActions: Int {
        zip(self.seconds, self.seconds.dropFirst()).reduce(0) { $0 + ($1.0.desired != $1.1.desired ? 1 : 0) }
    }

    /// How often the size turned from growing to shrinking or back.
    public func turns(in range: Range<Int>) -> Int {
        let sizes = self.seconds.filter { range.contains($0.second) }.map(\.desired)
        let steps = zip(sizes, sizes.dropFirst()).map { $1 - $0 }.filter { $0 != 0 }
        return zip(steps, steps.dropFirst()).reduce(0) { $0 + (($1.0 > 0) != ($1.1 > 0) ? 1 : 0) }
    }

    /// When `share` of the crowd had been served; nil when that did not happen within the run.
    public func served(share: Double) -> Double? {
        let rank = Int((Double(self.crowd) * share).rounded(.up))
        guard rank > 0 else { return 0 }
        return rank <= self.servedAt.count ? self.servedAt[rank - 1] : nil
    }
}
