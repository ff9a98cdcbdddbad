import Addresses

/// Which sentinel is asked next, and which master is followed.
struct SentinelSearch {
    typealias Place = RedisEndpoint.Place

    /// What one sentinel says.
    struct Answer: Equatable {
        var master: Place?
        /// Rises with every fail-over.
        var epoch: Int64 = 0
        var sentinels: [Place] = []
    }

    enum Verdict: Equatable {
        case follow(Place)
        /// It does not know a master of that name.
        case unknown
        /// It has not heard of a fail-over that another one has told of.
        case outdated
    }

    static let maxSentinels = 32

    private let seeds: [Place]
    private var known: [Place]
    private var index = 0
    private var failedInTurn = 0
    private var outdatedInTurn = 0
    private(set) var epoch: Int64 = 0

    init(sentinels: [Place]) {
        precondition(!sentinels.isEmpty, "a master is found by at least one sentinel")
        self.seeds = sentinels
        self.known = sentinels
    }

    var sentinels: [Place] { self.known }
    var current: Place { self.known[self.index % self.known.count] }

    /// The current one did not help: the next one is asked. True when all have been asked in vain, so that it is time
    /// to wait a little.
    mutating func failed() -> Bool {
        self.index = (self.index + 1) % self.known.count
        self.failedInTurn += 1
        guard self.failedInTurn >= self.known.count else { return false }
        // When all of them agree they were set up anew, and count from the beginning.
        if self.outdatedInTurn == self.failedInTurn { self.epoch = 0 }
        self.beginTurn()
        return true
    }

    private mutating func beginTurn() {
        self.failedInTurn = 0
        self.outdatedInTurn = 0
    }

    mutating func judge(_ answer: Answer) -> Verdict {
        guard let master = answer.master else { return .unknown }
        guard answer.epoch >= self.epoch else {
            self.outdatedInTurn += 1
            return .outdated
        }
        self.epoch = answer.epoch
        self.beginTurn()
        self.learn(answer.sentinels)
        return .follow(master)
    }

    /// The list is what is configured, and whoever the sentinels know now. The current one stays current.
    private mutating func learn(_ others: [Place]) {
        let current = self.current
        var seen: Set<Place> = []
        self.known = Array(
            (self.seeds + [current] + others).filter { seen.insert($0).inserted }.prefix(Self.maxSentinels)
        )
        self.index = self.known.firstIndex(of: current) ?? 0
    }

    // MARK: Reading answers

    /// The answer to `SENTINEL GET-MASTER-ADDR-BY-NAME`.
    static func master(_ answer: RedisValue, answerer: Place) -> Place? {
        guard let texts = answer.texts, texts.count == 2, let port = UInt16(texts[1]) else { return nil }
        return Place(host: texts[0], port: port, answerer: answerer)
    }

    /// A field of the answer to `SENTINEL MASTER`.
    static func epoch(_ answer: RedisValue) -> Int64 {
        self.fields(answer)["config-epoch"].flatMap { Int64($0) } ?? 0
    }

    /// The answer to `SENTINEL SENTINELS`: all but the one that answers.
    static func sentinels(_ answer: RedisValue, answerer: Place) -> [Place] {
        (answer.array ?? []).compactMap { entry in
            let fields = self.fields(entry)
            guard let host = fields["ip"], let port = fields["port"].flatMap({ UInt16($0) }) else { return nil }
            return Place(host: host, port: port, answerer: answerer)
        }
    }

    private static func fields(_ answer: RedisValue) -> [String: String] {
        let texts = answer.texts ?? []
        var fields: [String: String] = [:]
        for index in stride(from: 0, to: texts.count - 1, by: 2) { fields[texts[index]] = texts[index + 1] }
        return fields
    }
}
