import Primitives

/// What KEDA is told of the pools that it scales. A value: calls and decisions go in, answers come out; it knows neither
/// gRPC nor a clock.
///
/// Only what the leading controller has decided lately is told. KEDA keeps a size while it gets errors, and takes its
/// fallback after some; an old number given with confidence would do harm in both directions.
struct ScalerAnswers: Equatable, Sendable {
    /// One metric, of which each worker is for one: then the autoscaler's quotient is the number of workers itself.
    static let metricName = "desired_workers"
    static let metricTarget = 1
    /// In the trigger's metadata: which pool is meant.
    static let poolKey = "pool"
    /// The leader decides once a second; it may be away for a fail-over, and look for its workers for some seconds.
    static let freshNanoseconds = 15 * Nanoseconds.perSecond
    /// Names in an error's text, and bytes of one that was sent, at most.
    private static let mostNames = 20
    private static let mostShownBytes = 80

    private struct Decided: Equatable, Sendable {
        var desired: Int
        /// When it was decided, by the clock of the shared state: good for telling one decision from the next alone.
        var mark: Int64
        /// When it was seen to be another one than before; nil for the first, whose age nobody here knows.
        var heardAt: Instant?
    }

    /// In the order of the settings.
    private(set) var pools: [String] = []
    private var decided: [String: Decided] = [:]

    // MARK: What is known

    /// Answers for these pools from now on.
    mutating func serve(_ pools: [String]) {
        self.pools = pools
        self.decided = self.decided.filter { pools.contains($0.key) }
    }

    mutating func heard(pool: String, desired: Int, mark: Int64, now: Instant) {
        guard self.pools.contains(pool), desired >= 0 else { return }
        guard let before = self.decided[pool] else {
            self.decided[pool] = Decided(desired: desired, mark: mark, heardAt: nil)
            return
        }
        guard before.mark != mark else { return }
        self.decided[pool] = Decided(desired: desired, mark: mark, heardAt: now)
    }

    // MARK: Questions

    /// The pool that a trigger means.
    func pool(of metadata: [String: String]) throws(ScalerRefusal) -> String {
        guard let name = metadata[Self.poolKey], !name.isEmpty else {
            let found = metadata.keys.sorted().prefix(Self.mostNames).map(Self.shown).joined(separator: ", ")
            throw ScalerRefusal(
                .badRequest,
                "the trigger's metadata has no \(Self.poolKey): write \(Self.poolKey): NAME beside scalerAddress. "
                    + (found.isEmpty ? "It is empty" : "It has \(found)")
            )
        }
        guard self.pools.contains(name) else {
            let known = self.pools.prefix(Self.mostNames).joined(separator: ", ")
            let more = self.pools.count > Self.mostNames ? " and \(self.pools.count - Self.mostNames) more" : ""
            throw ScalerRefusal(
                .unknownPool,
                "no pool with the keda driver is named \(Self.shown(name)); there "
                    + (known.isEmpty ? "is none" : "is: \(known)\(more)")
            )
        }
        return name
    }

    /// How many workers the pool is to have.
    func desired(_ metadata: [String: String], now: Instant) throws(ScalerRefusal) -> Int {
        let pool = try self.pool(of: metadata)
        guard let decided = self.decided[pool] else {
            throw ScalerRefusal(
                .notNow,
                "nothing has been decided for pool \(pool) yet: no controller leads, or the shared state is away"
            )
        }
        guard let heardAt = decided.heardAt else {
            throw ScalerRefusal(
                .notNow,
                "nothing has been decided for pool \(pool) since this controller started"
            )
        }
        let age = now.nanoseconds(since: heardAt)
        guard age <= Self.freshNanoseconds else {
            throw ScalerRefusal(
                .notNow,
                "nothing has been decided for pool \(pool) for \(age / Nanoseconds.perSecond) s: no controller leads, or "
                    + "the shared state is away"
            )
        }
        return decided.desired
    }

    /// Without anything to run for KEDA takes the last worker away: only when none is wanted at all.
    func isActive(_ metadata: [String: String], now: Instant) throws(ScalerRefusal) -> Bool {
        try self.desired(metadata, now: now) > 0
    }

    /// KEDA takes its own prefix off the name before it asks.
    func metric(_ name: String, _ metadata: [String: String], now: Instant) throws(ScalerRefusal) -> Int {
        guard name == Self.metricName else {
            throw ScalerRefusal(
                .badRequest,
                "there is no metric named \(Self.shown(name)); there is \(Self.metricName)"
            )
        }
        return try self.desired(metadata, now: now)
    }

    private static func shown(_ text: String) -> String {
        text.utf8.count <= Self.mostShownBytes ? "'\(text)'" : "'\(text.prefix(Self.mostShownBytes / 4))...'"
    }
}

/// Why KEDA gets no answer.
struct ScalerRefusal: Error, Equatable {
    enum Kind: Equatable {
        /// The ScaledObject has to be mended.
        case badRequest
        case unknownPool
        /// Later there may be an answer.
        case notNow
        /// More streams than there may be.
        case tooMany
    }

    let kind: Kind
    let message: String

    init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }
}
