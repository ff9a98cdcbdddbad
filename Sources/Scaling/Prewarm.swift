import Primitives

/// Workers that are to be ready at a time of the clock: for a sale without a room, a mailing, the morning of every fan.
public struct Prewarm: Codable, Sendable, Equatable {
    public var workers: Int
    /// Microseconds since 1970.
    public var fromMicros: Int64
    public var lengthMicros: Int64

    public init(workers: Int, fromMicros: Int64, lengthMicros: Int64) {
        self.workers = workers
        self.fromMicros = fromMicros
        self.lengthMicros = lengthMicros
    }

    /// Whether they are wanted now, or would be by the time that workers which are started now are ready.
    func isDue(wallMicros: Int64, leadNanoseconds: Int64) -> Bool {
        let gone = wallMicros.subtractingReportingOverflow(self.fromMicros)
        return !gone.overflow && gone.partialValue >= -leadNanoseconds / 1_000 && gone.partialValue < self.lengthMicros
    }
}

extension ScalingDecision {
    /// Of what is planned in `limits`, that which asks for these workers; nil when nothing does.
    public func prewarm(in limits: ScalingLimits, wallMicros: Int64) -> Prewarm? {
        let lead = self.startTimeNanoseconds + ScalingPolicy.preWarmMarginNanoseconds
        return limits.prewarm?.first {
            $0.workers == self.neededWorkers && $0.isDue(wallMicros: wallMicros, leadNanoseconds: lead)
        }
    }
}
