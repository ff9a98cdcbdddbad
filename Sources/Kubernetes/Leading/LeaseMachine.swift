import Primitives

/// Who may write to a cluster, by a `Lease` that its server keeps: a value without network or clock.
///
/// No two clocks are compared: another holder's lease has run out when nothing about it has changed for its length, by
/// the clock of the one who looks. Who holds it counts from the moment at which the renewal was *sent*, and stops acting
/// well before others may take it.
///
/// ```
/// looking → taking → holding → (not renewed in time, or taken) → looking
/// ```
public struct LeaseMachine: Sendable {
    public struct Timing: Equatable, Sendable {
        /// Whole seconds: so the server keeps it.
        public var lengthSeconds: Int
        /// The holder stops acting when its last renewal is older.
        public var trustNanoseconds: Int64
        public var renewNanoseconds: Int64
        /// Between two looks of one who does not hold it.
        public var lookNanoseconds: Int64

        /// Taken over 2.5 s after the holder's last sign of life, plus the time of two calls.
        public static let standard = Timing(
            lengthSeconds: 2,
            trustNanoseconds: 1_500 * Nanoseconds.perMillisecond,
            renewNanoseconds: 500 * Nanoseconds.perMillisecond,
            lookNanoseconds: 500 * Nanoseconds.perMillisecond
        )
    }

    /// What the server keeps.
    public struct Record: Equatable, Sendable {
        /// Empty: nobody.
        public var holder: String
        public var transitions: Int
        public var lengthSeconds: Int
        public var version: String

        public init(holder: String, transitions: Int, lengthSeconds: Int, version: String) {
            self.holder = holder
            self.transitions = transitions
            self.lengthSeconds = lengthSeconds
            self.version = version
        }
    }

    public enum Action: Equatable, Sendable {
        case none
        case read
        /// There is none yet.
        case create(transitions: Int)
        /// To hold it from now on, or to go on holding it: refused when it is not `version` any more.
        case hold(transitions: Int, version: String, isNew: Bool)
        case release(transitions: Int, version: String)
    }

    public enum Answer: Equatable, Sendable {
        case found(Record)
        case missing
        /// Somebody else was first.
        case conflict
        case failed
    }

    private enum Call: Equatable, Sendable { case read, take, renew, release }

    private static let conflictNanoseconds = 50 * Nanoseconds.perMillisecond

    public let identity: String
    public let timing: Timing
    /// Whether this one is to hold it.
    public private(set) var isWanted = false
    private var call: Call?
    private var askedAt = Instant(nanoseconds: 0)
    /// What is known of it, and when it was seen to change; nil before the first look.
    private var seen: (record: Record?, changedAt: Instant)?
    /// While holding: the record, and when the renewal that made it was sent.
    private var held: (record: Record, sentAt: Instant)?
    private var nextAt = Instant(nanoseconds: 0)

    public init(identity: String, timing: Timing = .standard) {
        precondition(timing.trustNanoseconds < Int64(timing.lengthSeconds) * Nanoseconds.perSecond, "trust < length")
        self.identity = identity
        self.timing = timing
    }

    // MARK: What is known

    /// How long this one may still act, in nanoseconds; nil when it does not hold it for certain.
    public func trusted(now: Instant) -> Int64? {
        guard let held = self.held else { return nil }
        let left = self.timing.trustNanoseconds - now.nanoseconds(since: held.sentAt)
        return left > 0 ? left : nil
    }

    /// Grows with every change of holder; nil while this one holds none.
    public var transitions: Int? { self.held?.record.transitions }

    /// Who holds it, as far as is known.
    public var holder: String? { self.held?.record.holder ?? self.seen?.record?.holder }

    /// When `due` has something to say.
    public var nextDeadline: Instant? { self.call == nil ? self.nextAt : nil }

    // MARK: Events

    public mutating func want(_ isWanted: Bool, now: Instant) {
        guard self.isWanted != isWanted else { return }
        self.isWanted = isWanted
        self.nextAt = now
    }

    /// Time has come for the next call. None is due while one is under way.
    public mutating func due(now: Instant) -> Action {
        guard self.call == nil, now >= self.nextAt else { return .none }
        self.askedAt = now
        if let held = self.held {
            // Too late to write without looking: somebody may hold it by now.
            guard self.trusted(now: now) != nil else {
                self.held = nil
                self.call = .read
                return .read
            }
            guard self.isWanted else {
                self.call = .release
                self.held = nil
                return .release(transitions: held.record.transitions, version: held.record.version)
            }
            self.call = .renew
            return .hold(transitions: held.record.transitions, version: held.record.version, isNew: false)
        }
        if self.isWanted, let take = self.take(now: now) {
            self.call = .take
            return take
        }
        self.call = .read
        return .read
    }

    /// How it is taken; nil while it is another's.
    private func take(now: Instant) -> Action? {
        guard let seen = self.seen else { return nil }
        guard let record = seen.record else { return .create(transitions: 0) }
        guard record.holder.isEmpty || record.holder == self.identity || now >= Self.end(record, seen.changedAt) else {
            return nil
        }
        let isChange = record.holder != self.identity
        return .hold(transitions: record.transitions + (isChange ? 1 : 0), version: record.version, isNew: true)
    }

    private static func end(_ record: Record, _ changedAt: Instant) -> Instant {
        // What another program wrote is believed, within reason.
        let seconds = min(max(1, record.lengthSeconds), 3_600)
        return changedAt.advanced(byNanoseconds: Int64(seconds) * Nanoseconds.perSecond)
    }

    public mutating func answered(_ answer: Answer, now: Instant) {
        guard let call = self.call else { preconditionFailure("an answer without a call") }
        self.call = nil
        switch (call, answer) {
        case (.take, .found(let record)), (.renew, .found(let record)):
            self.held = (record, self.askedAt)
            self.seen = (record, now)
            self.nextAt = self.askedAt.advanced(byNanoseconds: self.timing.renewNanoseconds)
            return
        case (.read, .found(let record)), (.release, .found(let record)): self.note(record, now)
        case (.take, .missing):
            // Nor can it be made: its namespace is not there.
            self.seen = (nil, now)
            self.nextAt = now.advanced(byNanoseconds: self.timing.lookNanoseconds)
            return
        case (_, .missing):
            self.held = nil
            self.seen = (nil, now)
        case (_, .conflict):
            // Whose it is now has to be looked at, before anything is written again.
            self.held = nil
            self.seen = nil
            self.nextAt = now.advanced(byNanoseconds: Self.conflictNanoseconds)
            return
        case (_, .failed):
            // Taken at once only on what a look has told: a server in trouble is not asked as fast as the loop turns.
            self.nextAt = now.advanced(byNanoseconds: self.timing.renewNanoseconds / 2)
            return
        }
        self.schedule(now)
    }

    private mutating func note(_ record: Record, _ now: Instant) {
        guard self.seen?.record != record else { return }
        self.seen = (record, now)
    }

    private mutating func schedule(_ now: Instant) {
        if self.held != nil {
            // A renewal that failed is tried again soon, while there is still time.
            self.nextAt = now.advanced(byNanoseconds: self.timing.renewNanoseconds / 2)
            return
        }
        self.nextAt = now.advanced(byNanoseconds: self.timing.lookNanoseconds)
        guard self.isWanted, let seen = self.seen else { return }
        guard let record = seen.record, !record.holder.isEmpty, record.holder != self.identity else {
            self.nextAt = now
            return
        }
        let end = Self.end(record, seen.changedAt)
        self.nextAt = min(self.nextAt, max(now, end))
    }
}
