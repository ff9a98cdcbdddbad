/// What happened in a soak, and what it comes to.
struct SoakLedger: Sendable {
    /// What one whole response was.
    struct Heard: Sendable {
        var status: Int
        /// The gateway made it, no worker did.
        var isGatewayError: Bool
        /// It is a waiting room's: a page instead of the worker's response.
        var isWaiting: Bool
        /// It holds the mark of the request that it is for.
        var hasMark: Bool
    }

    /// A look at the process under test.
    struct Sample: Sendable {
        var seconds: Double
        var residentBytes: Int
    }

    /// Errors of the gateway that a soak brings about: a worker failed, there was none, or it took too long.
    static let expectedErrors: Set<Int> = [502, 503, 504]
    /// Memory may be so much larger at the end than near the start; a short run needs the absolute slack, because the
    /// allocator takes what it needs for good.
    static let memoryGrowth = 0.10
    static let memorySlackBytes = 8 << 20
    /// Of the polite requests to well-behaved workers.
    static let leastGoodShare = 0.8

    private(set) var statuses: [Int: Int] = [:]
    private(set) var manners: [SoakScript.Manner: Int] = [:]
    private(set) var problems: [String: Int] = [:]
    private(set) var samples: [Sample] = []
    private(set) var politeRequests = 0
    private(set) var goodResponses = 0
    private(set) var admissions = 0
    /// Connections that switched to another protocol.
    private(set) var tunnels = 0
    var reloads = 0
    var workerFailures = 0

    mutating func began(_ manner: SoakScript.Manner) { self.manners[manner, default: 0] += 1 }

    mutating func sampled(_ sample: Sample) { self.samples.append(sample) }

    mutating func tunnelled() { self.tunnels += 1 }

    mutating func admitted() { self.admissions += 1 }

    mutating func complain(_ problem: String) { self.problems[problem, default: 0] += 1 }

    mutating func heard(_ heard: Heard, by script: SoakScript) {
        self.statuses[heard.status, default: 0] += 1
        let isClientsFault = (400..<500).contains(heard.status)
        let isGood = (200..<300).contains(heard.status)
        if isGood, !heard.isWaiting, !heard.hasMark, script.manner != .garbage {
            self.complain("a response to somebody else's request")
        }
        if heard.status >= 500 {
            if !Self.expectedErrors.contains(heard.status) { self.complain("status \(heard.status)") }
            // These workers send no errors of their own.
            if !heard.isGatewayError { self.complain("status \(heard.status) without Sluice-Error") }
        }
        if script.manner.isPolite {
            // 429: a request that changes something waits for a place, too.
            if isClientsFault, heard.status != 429 { self.complain("a polite client gets \(heard.status)") }
            if script.behaviour.isGood {
                self.politeRequests += 1
                if isGood || heard.status == 429 { self.goodResponses += 1 }
            }
        }
        if script.manner == .garbage, isGood, !heard.isWaiting { self.complain("nonsense is taken for a request") }
    }

    /// A response is missing in whole or in part. `mayBeCut`: a worker may have broken off in the middle of it.
    mutating func missed(by script: SoakScript, hasBegun: Bool, mayBeCut: Bool, responses: Int) {
        guard script.manner.isPolite, script.behaviour.isGood else { return }
        // Those who send ahead may lose what is behind a response that ends the connection.
        guard responses == 0, !(hasBegun && mayBeCut) else { return }
        self.complain(hasBegun ? "a polite client's response was cut" : "a polite client hears nothing")
    }

    // MARK: The verdict

    struct Check: Sendable {
        let name: String
        let holds: Bool
        let detail: String
    }

    var checks: [Check] {
        let texts = self.problems.sorted { $0.key < $1.key }.map { "\($0.value) x \($0.key)" }
        let share = self.politeRequests == 0 ? 0 : Double(self.goodResponses) / Double(self.politeRequests)
        return [
            Check(
                name: "responses",
                holds: self.problems.isEmpty && !self.statuses.isEmpty,
                detail: texts.isEmpty ? "none but of the kinds expected" : texts.joined(separator: "; ")
            ),
            Check(
                name: "most polite requests are served",
                holds: share >= Self.leastGoodShare,
                detail: "\(self.goodResponses) of \(self.politeRequests)"
            ),
            Check(name: "visitors get in", holds: self.admissions > 0, detail: "\(self.admissions)"),
            self.memory,
        ]
    }

    /// The second tenth of the run against the last one.
    private var memory: Check {
        let seconds = self.samples.last?.seconds ?? 0
        func median(_ range: Range<Double>) -> Int? {
            let part = self.samples.filter { range.contains($0.seconds / max(seconds, 1)) }
            let sorted = part.map(\.residentBytes).sorted()
            return sorted.isEmpty ? nil : sorted[sorted.count / 2]
        }
        guard let early = median(0.1..<0.2), let late = median(0.9..<1.01) else {
            return Check(name: "memory is flat", holds: false, detail: "too few samples")
        }
        let limit = max(Int(Double(early) * (1 + Self.memoryGrowth)), early + Self.memorySlackBytes)
        return Check(
            name: "memory is flat",
            holds: late <= limit,
            detail: "\(early >> 10) KiB in the second tenth, \(late >> 10) KiB in the last"
        )
    }
}
