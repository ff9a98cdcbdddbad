import Primitives

/// What is known of the addresses behind host names, and when to ask again: a value. `HostWatch` asks.
///
/// The system does not say how long an answer is good for, so every name is asked for again after a set time. A name
/// that cannot be looked up keeps the addresses that it had: who has lost the name server has not lost the workers.
public struct HostBook: Sendable {
    /// Of one name; those beyond are left out, and told of.
    public static let mostAddresses = 64
    /// Questions under way. Each blocks a thread for as long as the name server is silent.
    public static let mostAtOnce = 4
    /// A name of which nothing is known is asked for again so soon.
    static let retryNanoseconds = Nanoseconds.perSecond

    /// What an answer made of a name.
    public enum Change: Equatable, Sendable {
        case none
        /// Other addresses than before.
        case moved(added: [IPAddress], removed: [IPAddress])
        /// It cannot be looked up since now, and why; the addresses stay.
        case lost(String)
        /// It can be looked up again, and has the addresses that it had.
        case back
    }

    private struct Entry {
        var intervalNanoseconds: Int64
        /// In their own order: a name server may turn them with every answer. Nil before the first good answer.
        var addresses: [IPAddress]?
        var leftOut = 0
        var failure: String?
        var dueAt: Instant
        var isAsked = false
    }
    private var entries: [String: Entry] = [:]
    private var asked = 0

    public init() {}

    /// Follows these names, and no others. What is known of names that stay is kept.
    /// - Parameter intervals: how long an answer counts, by name.
    public mutating func follow(_ intervals: [String: Int64], now: Instant) {
        self.entries = self.entries.filter { intervals[$0.key] != nil }
        for (name, interval) in intervals {
            guard let known = self.entries[name] else {
                self.entries[name] = Entry(intervalNanoseconds: interval, dueAt: now)
                continue
            }
            self.entries[name]?.intervalNanoseconds = interval
            self.entries[name]?.dueAt = min(known.dueAt, now.advanced(byNanoseconds: interval))
        }
    }

    /// Names to be asked for now. Each is answered by `answered`, exactly once.
    public mutating func takeDue(now: Instant) -> [String] {
        let due = self.entries.filter { !$0.value.isAsked && now >= $0.value.dueAt }
            .sorted { ($0.value.dueAt, $0.key) < ($1.value.dueAt, $1.key) }
            .prefix(max(0, Self.mostAtOnce - self.asked))
        for (name, _) in due { self.entries[name]?.isAsked = true }
        self.asked += due.count
        return due.map(\.key)
    }

    /// When `takeDue` finds somebody; nil while an answer has to come first.
    public var nextDue: Instant? {
        guard self.asked < Self.mostAtOnce else { return nil }
        return self.entries.values.filter { !$0.isAsked }.map(\.dueAt).min()
    }

    /// The answer to a question; of a name that is followed no more it is nobody's.
    /// - Parameter result: the addresses, or why there are none.
    public mutating func answered(_ name: String, _ result: Result<[IPAddress], HostFailure>, now: Instant) -> Change {
        self.asked -= 1
        precondition(self.asked >= 0, "an answer without a question")
        guard var entry = self.entries[name] else { return .none }
        entry.isAsked = false
        defer { self.entries[name] = entry }
        switch result {
        case .success(let found) where !found.isEmpty:
            entry.dueAt = now.advanced(byNanoseconds: entry.intervalNanoseconds)
            return Self.take(found, into: &entry)
        case .success: return Self.fail("it has no address", &entry, now: now)
        case .failure(let failure): return Self.fail(failure.reason, &entry, now: now)
        }
    }

    private static func take(_ found: [IPAddress], into entry: inout Entry) -> Change {
        let all = Array(Set(found)).sorted(by: Self.isBefore)
        let next = Array(all.prefix(Self.mostAddresses))
        let before = entry.addresses ?? []
        let wasLost = entry.failure != nil
        entry.addresses = next
        entry.leftOut = all.count - next.count
        entry.failure = nil
        guard next != before else { return wasLost ? .back : .none }
        let (old, new) = (Set(before), Set(next))
        return .moved(added: next.filter { !old.contains($0) }, removed: before.filter { !new.contains($0) })
    }

    private static func fail(_ reason: String, _ entry: inout Entry, now: Instant) -> Change {
        let pause = entry.addresses == nil ? min(Self.retryNanoseconds, entry.intervalNanoseconds) : nil
        entry.dueAt = now.advanced(byNanoseconds: pause ?? entry.intervalNanoseconds)
        let isNews = entry.failure != reason
        entry.failure = reason
        return isNews ? .lost(reason) : .none
    }

    /// IPv4 first, then by number.
    private static func isBefore(_ left: IPAddress, _ right: IPAddress) -> Bool {
        switch (left, right) {
        case (.v4(let left), .v4(let right)): left < right
        case (.v4, .v6): true
        case (.v6, .v4): false
        case (.v6(let high, let low), .v6(let otherHigh, let otherLow)): (high, low) < (otherHigh, otherLow)
        }
    }

    // MARK: Looking

    public var isEmpty: Bool { self.entries.isEmpty }

    /// By name; none for a name that never could be looked up. A name that was not answered for is not there.
    public var addresses: [String: [IPAddress]] {
        self.entries.filter { $0.value.addresses != nil || $0.value.failure != nil }.mapValues { $0.addresses ?? [] }
    }

    /// What an operator has to look after, in the order of the names.
    public var problems: [String] {
        self.entries.sorted { $0.key < $1.key }.compactMap { name, entry in
            if let failure = entry.failure {
                return entry.addresses == nil
                    ? "the name \(name) cannot be looked up (\(failure)), and no address of it is known, so that it has no "
                        + "workers. Look at the name, and at the name server of this machine"
                    : "the name \(name) cannot be looked up (\(failure)); its last addresses stay in use. Look at the name "
                        + "server of this machine"
            }
            guard entry.leftOut > 0 else { return nil }
            let count = entry.leftOut + Self.mostAddresses
            return "the name \(name) has \(count) addresses: \(Self.mostAddresses) of them are used, the others get no "
                + "requests. Give the workers several names"
        }
    }
}

/// Why a name has no addresses.
public struct HostFailure: Error, Equatable, Sendable {
    public let reason: String
    public init(_ reason: String) { self.reason = reason }
}
