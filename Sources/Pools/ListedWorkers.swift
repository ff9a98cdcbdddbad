import Addresses
import Primitives
import Scaling

/// Workers that somebody else starts and ends, known by the addresses at which they may be: who is there is who answers.
/// A value: answers and wishes go in, whom to ask next comes out.
///
/// What was asked for and has not come yet counts as pending since it was asked for, so that the policy learns how long
/// it takes until a wish becomes a worker, whoever else takes part in that.
///
/// While more than half of those that are there fail, and none is there too many, nobody is taken to be gone: that is
/// seldom the workers' own fault, and gateways find out by themselves whom they reach.
public struct ListedWorkers: Sendable {
    public struct Limits: Equatable, Sendable {
        public var addresses: [SocketAddress]
        /// Between two questions to one address.
        public var intervalNanoseconds: Int64
        /// Failures in a row after which a worker is taken to be gone; at least 1.
        public var failures: Int

        public init(addresses: [SocketAddress], intervalNanoseconds: Int64, failures: Int) {
            self.addresses = addresses
            self.intervalNanoseconds = intervalNanoseconds
            self.failures = max(1, failures)
        }
    }

    public struct Ready: Equatable, Sendable {
        public let address: SocketAddress
        public let sinceMicros: Int64
    }

    /// What an answer has changed.
    public enum Change: Equatable, Sendable {
        case none
        /// `after`: since it was asked for, if it was.
        case ready(after: Int64?)
        case gone
    }

    private enum Standing: Equatable {
        case unknown
        case absent
        case ready(sinceMicros: Int64, failures: Int)
    }

    private struct Entry {
        let address: SocketAddress
        var standing = Standing.unknown
        var isAsked = false
        var askedAt: Instant?
    }

    /// While some are expected, whoever is not there yet is asked so often.
    private static let expectingNanoseconds = 250 * Nanoseconds.perMillisecond

    private var limits: Limits
    private var entries: [Entry]
    private var desired = 0
    /// When those were asked for that have not come yet, the first of them first.
    private(set) var expected: [Instant] = []
    /// Workers that went though they were wanted.
    public private(set) var losses = 0

    public init(_ limits: Limits) {
        self.limits = limits
        self.entries = limits.addresses.map { Entry(address: $0) }
    }

    /// Addresses that stay keep what is known of them.
    public mutating func apply(_ limits: Limits) {
        self.limits = limits
        let known = Dictionary(self.entries.map { ($0.address, $0) }) { first, _ in first }
        self.entries = limits.addresses.map { known[$0] ?? Entry(address: $0) }
    }

    // MARK: Observing

    /// In the order of the list.
    public var ready: [Ready] {
        self.entries.compactMap { entry in
            guard case .ready(let since, _) = entry.standing else { return nil }
            return Ready(address: entry.address, sinceMicros: since)
        }
    }

    public var state: PoolState { PoolState(ready: self.readyCount, pending: self.expected) }

    /// Of every address it is known whether a worker is there.
    public var isKnown: Bool { !self.entries.contains { $0.standing == .unknown } }

    /// Those that count as ready though they failed often enough to be gone.
    public var kept: Int { self.failing(self.limits.failures) }

    /// More than half have failed when they were asked last, and none of them is one too many.
    private var isWidespread: Bool { self.readyCount <= self.desired && 2 * self.failing(1) > self.readyCount }

    private func failing(_ least: Int) -> Int {
        self.entries.reduce(0) { count, entry in
            if case .ready(_, let failures) = entry.standing, failures >= least { count + 1 } else { count }
        }
    }

    private var readyCount: Int {
        self.entries.reduce(0) { count, entry in
            if case .ready = entry.standing { count + 1 } else { count }
        }
    }

    // MARK: What happens

    /// How many there are to be.
    public mutating func want(_ desired: Int, now: Instant) {
        self.desired = desired
        let missing = max(0, min(desired, self.entries.count) - self.readyCount)
        // Who was asked for last is the first that is not needed any more.
        if self.expected.count > missing { self.expected.removeLast(self.expected.count - missing) }
        while self.expected.count < missing { self.expected.append(now) }
    }

    /// Who is to be asked now; each has one question at a time.
    public mutating func ask(now: Instant) -> [SocketAddress] {
        var asked: [SocketAddress] = []
        for index in self.entries.indices where !self.entries[index].isAsked {
            if let last = self.entries[index].askedAt, now < last.advanced(byNanoseconds: self.pause(index)) {
                continue
            }
            self.entries[index].isAsked = true
            self.entries[index].askedAt = now
            asked.append(self.entries[index].address)
        }
        return asked
    }

    private func pause(_ index: Int) -> Int64 {
        if case .ready = self.entries[index].standing { return self.limits.intervalNanoseconds }
        return self.expected.isEmpty
            ? self.limits.intervalNanoseconds : min(Self.expectingNanoseconds, self.limits.intervalNanoseconds)
    }

    /// The answer to a question. Of an address that is not listed any more it is nobody's.
    public mutating func answered(
        _ address: SocketAddress,
        isWell: Bool,
        now: Instant,
        wallMicros: Int64
    ) -> Change {
        guard let index = self.entries.firstIndex(where: { $0.address == address }) else { return .none }
        self.entries[index].isAsked = false
        switch (self.entries[index].standing, isWell) {
        case (.unknown, true), (.absent, true):
            let wasThere = self.entries[index].standing == .unknown
            self.entries[index].standing = .ready(sinceMicros: wallMicros, failures: 0)
            // One that was there before anybody looked is not what was waited for.
            guard !wasThere, !self.expected.isEmpty else { return .ready(after: nil) }
            return .ready(after: now.nanoseconds(since: self.expected.removeFirst()))
        case (.unknown, false):
            self.entries[index].standing = .absent
            return .none
        case (.absent, false): return .none
        case (.ready(let since, _), true):
            self.entries[index].standing = .ready(sinceMicros: since, failures: 0)
            return .none
        case (.ready(let since, let failures), false):
            self.entries[index].standing = .ready(sinceMicros: since, failures: min(failures + 1, self.limits.failures))
            guard failures + 1 >= self.limits.failures, !self.isWidespread else { return .none }
            if self.readyCount <= self.desired { self.losses += 1 }
            self.entries[index].standing = .absent
            return .gone
        }
    }
}
