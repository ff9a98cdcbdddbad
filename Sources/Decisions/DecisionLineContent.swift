import Primitives
import Scaling

/// An entry as a line of a journal has it: its limits stand there only when they are not those of the line before.
public struct DecisionLineContent: Codable, Equatable, Sendable {
    private var entry: DecisionEntry
    private var hasLimits: Bool

    public init(_ entry: DecisionEntry, withLimits: Bool) {
        self.entry = entry
        self.hasLimits = withLimits
    }

    public var fence: Int64 { self.entry.fence }

    /// The entry, with its own limits or those of the one before it; nil when neither is known.
    public func entry(after before: ScalingLimits?) -> DecisionEntry? {
        guard !self.hasLimits else { return self.entry }
        guard let before else { return nil }
        var entry = self.entry
        entry.limits = before
        return entry
    }

    private enum CodingKeys: String, CodingKey {
        case number = "n"
        case wallMicros = "t"
        case fence, at, starts, signals, rooms, pool, decision, mode, limits
    }

    public init(from decoder: any Decoder) throws {
        let line = try decoder.container(keyedBy: CodingKeys.self)
        let limits = try line.decodeIfPresent(ScalingLimits.self, forKey: .limits)
        self.hasLimits = limits != nil
        self.entry = DecisionEntry(
            number: try line.decode(Int64.self, forKey: .number),
            fence: try line.decode(Int64.self, forKey: .fence),
            wallMicros: try line.decode(Int64.self, forKey: .wallMicros),
            at: try line.decode(Instant.self, forKey: .at),
            starts: try line.decodeIfPresent([Int64].self, forKey: .starts) ?? [],
            limits: limits ?? ScalingLimits(minWorkers: 0, maxWorkers: 1, slotsPerWorker: 1),
            signals: try line.decodeIfPresent(PoolSignals.self, forKey: .signals),
            rooms: try line.decodeIfPresent([String: Int].self, forKey: .rooms) ?? [:],
            pool: try line.decode(PoolState.self, forKey: .pool),
            decision: try line.decode(ScalingDecision.self, forKey: .decision),
            mode: try line.decodeIfPresent(DecisionMode.self, forKey: .mode)
        )
    }

    public func encode(to encoder: any Encoder) throws {
        var line = encoder.container(keyedBy: CodingKeys.self)
        let entry = self.entry
        try line.encode(entry.number, forKey: .number)
        try line.encode(entry.fence, forKey: .fence)
        try line.encode(entry.wallMicros, forKey: .wallMicros)
        try line.encode(entry.at, forKey: .at)
        if !entry.starts.isEmpty { try line.encode(entry.starts, forKey: .starts) }
        if self.hasLimits { try line.encode(entry.limits, forKey: .limits) }
        try line.encodeIfPresent(entry.signals, forKey: .signals)
        if !entry.rooms.isEmpty { try line.encode(entry.rooms, forKey: .rooms) }
        try line.encode(entry.pool, forKey: .pool)
        try line.encode(entry.decision, forKey: .decision)
        try line.encodeIfPresent(entry.mode, forKey: .mode)
    }
}
