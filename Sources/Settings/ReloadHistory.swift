import Primitives

/// What became of the configurations that a running process has read, for its operator: a refused one is told of until a
/// good one has come. A value; times are microseconds since 1970.
public struct ReloadHistory: Equatable, Sendable {
    public private(set) var appliedCount = 0
    public private(set) var refusedCount = 0
    /// When the settings in force were read.
    private var inForceMicros: Int64
    /// The latest refusal, when no good configuration has followed.
    private var refusal: Refusal?

    private struct Refusal: Equatable {
        var micros: Int64
        var reason: String
    }

    public init(startedMicros: Int64) { self.inForceMicros = startedMicros }

    public mutating func applied(atMicros micros: Int64) {
        self.appliedCount += 1
        self.inForceMicros = micros
        self.refusal = nil
    }

    public mutating func refused(atMicros micros: Int64, _ reason: String) {
        self.refusedCount += 1
        self.refusal = Refusal(micros: micros, reason: reason)
    }

    /// Nil when the file as it was last read is in force.
    public var problem: String? {
        self.refusal.map { refusal in
            let (then, since) = (Self.text(refusal.micros), Self.text(self.inForceMicros))
            return "the reload of \(then) was refused: \(refusal.reason). The settings of \(since) are in force"
        }
    }

    private static func text(_ micros: Int64) -> String { RFC3339.text(wallMicros: micros, fraction: .millis) }
}
