import Primitives
import Settings

/// Who decides how many workers a pool has.
public enum PoolMode: Equatable, Sendable, CustomStringConvertible {
    /// The policy.
    case automatic
    /// Somebody else: the policy says what it would do, and nothing is done.
    case advise
    /// An operator: this many.
    case manual(Int)
    /// Nobody: the size stays as it is, and who dies is replaced.
    case freeze

    public static let names = PoolSettings.Mode.allCases.map(\.rawValue)
    /// What may be ordered; a pool may have fewer.
    public static let manualRange = 0...1_000

    public var name: String {
        switch self {
        case .automatic: "automatic"
        case .advise: "advise"
        case .manual: "manual"
        case .freeze: "freeze"
        }
    }

    public var description: String { if case .manual(let workers) = self { "manual \(workers)" } else { self.name } }

    /// Nil when there is no such mode, or when the number is missing, out of range, or there without need.
    public init?(name: some StringProtocol, workers: Int?) {
        switch (PoolSettings.Mode(rawValue: String(name)), workers) {
        case (.automatic?, nil): self = .automatic
        case (.advise?, nil): self = .advise
        case (.freeze?, nil): self = .freeze
        case (.manual?, let workers?) where Self.manualRange.contains(workers): self = .manual(workers)
        default: return nil
        }
    }

    /// As the configuration says.
    public init(_ pool: PoolSettings) {
        switch pool.mode {
        case .automatic: self = .automatic
        case .advise: self = .advise
        case .manual: self = .manual(pool.manualWorkers)
        case .freeze: self = .freeze
        }
    }
}

/// A mode that an operator has set at run time. It stands in the shared state, so that the next leader keeps it.
public struct ModeOrder: Equatable, Sendable {
    public var mode: PoolMode
    /// From then on the configuration's mode holds again; nil: until another order.
    public var untilMicros: Int64?

    public init(mode: PoolMode, untilMicros: Int64? = nil) {
        self.mode = mode
        self.untilMicros = untilMicros
    }

    /// `1 MODE WORKERS UNTIL`, in microseconds since 1970; what is not there is `-`.
    public var encoded: String {
        var workers: Int?
        if case .manual(let count) = self.mode { workers = count }
        return "1 \(self.mode.name) \(workers.map { "\($0)" } ?? "-") \(self.untilMicros.map { "\($0)" } ?? "-")"
    }

    /// Nil when it is none, or of a later version.
    public init?(encoded: some StringProtocol) {
        let words = encoded.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 4, words[0] == "1" else { return nil }
        let (workers, until) = (Int(words[2]), Int64(words[3]))
        guard workers != nil || words[2] == "-", until ?? -1 >= 0 || words[3] == "-",
            let mode = PoolMode(name: words[1], workers: workers)
        else { return nil }
        self.init(mode: mode, untilMicros: until)
    }
}

/// What a pool's mode makes of the policy's decision.
public struct PoolModes: Sendable {
    public struct Verdict: Equatable, Sendable {
        /// The mode in force.
        public let mode: PoolMode
        /// An operator has set it at run time.
        public let isOrdered: Bool
        /// When that ends.
        public let untilMicros: Int64?
        /// Workers that there are to be; nil: nothing is changed.
        public let desired: Int?
        /// What is told to whoever only asks for a number, as KEDA does, which asks on also where nothing is to change.
        public let told: Int
        /// Workers that the policy would have.
        public let advised: Int
    }

    /// The size that is frozen, or that there was when somebody else began to scale.
    private var held: (mode: PoolMode, size: Int)?
    /// The size that was wanted last.
    private var last: Int?

    public init() {}

    /// - Parameters:
    ///   - order: what an operator has set; it counts until its time has run out.
    ///   - live: workers that are ready or on their way.
    ///   - bounds: of the pool, `min_workers` to `max_workers`.
    public mutating func verdict(
        configured: PoolMode,
        order: ModeOrder?,
        advised: Int,
        live: Int,
        bounds: ClosedRange<Int>,
        wallMicros: Int64
    ) -> Verdict {
        let order = order.flatMap { $0.untilMicros.map { wallMicros < $0 } ?? true ? $0 : nil }
        let mode = order?.mode ?? configured
        if self.held?.mode != mode { self.held = nil }
        let told: Int
        switch mode {
        case .automatic: told = advised
        case .manual(let workers): told = min(max(0, workers), bounds.upperBound)
        case .advise, .freeze: told = self.hold(mode, live: live, bounds: bounds)
        }
        let desired = mode == .advise ? nil : told
        self.last = desired
        return Verdict(
            mode: mode,
            isOrdered: order != nil,
            untilMicros: order?.untilMicros,
            desired: desired,
            told: told,
            advised: advised
        )
    }

    /// The size that stays. A pool that has just begun is none that anybody wants to keep empty.
    private mutating func hold(_ mode: PoolMode, live: Int, bounds: ClosedRange<Int>) -> Int {
        let size = self.held?.size ?? max(bounds.lowerBound, self.last ?? live)
        self.held = (mode, size)
        return size
    }
}
