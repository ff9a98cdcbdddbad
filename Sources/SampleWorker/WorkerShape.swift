import Pools
import Primitives

/// How a sample worker behaves under load. Slots are what is scarce: time passes by timers, not by burning a processor.
public struct WorkerShape: Sendable, Equatable {
    /// Requests served at the same time; 1...100_000.
    public var slots = 8
    /// Requests that may wait for a slot; more are refused with 503. 0...1_000_000.
    public var queue = 64
    /// Mean of the service time. Zero answers at once, without slots.
    public var serviceTimeNanoseconds = 20 * Nanoseconds.perMillisecond
    /// Sigma of the lognormal distribution that service times are drawn from; 0 makes all of them equal. 0...3.
    public var spread = 0.5
    /// From the start until the worker is ready; until then `/healthz` says 503, and so do all other pages.
    public var startTimeNanoseconds: Int64 = 0
    /// Service times repeat with the seed.
    public var seed: UInt64 = 1
    /// End when standard input does: whoever started this process is gone.
    public var exitsWithParent = false

    public init() {}

    /// Nil, or what is wrong with the shape and what would be right.
    public var problem: String? {
        if !(1...100_000).contains(self.slots) { return "slots is \(self.slots); it lies in 1...100000" }
        if !(0...1_000_000).contains(self.queue) { return "queue is \(self.queue); it lies in 0...1000000" }
        if !(0...ServiceTimes.maxNanoseconds).contains(self.serviceTimeNanoseconds) {
            return "service time is \(self.serviceTimeNanoseconds) ns; it lies between 0 and 60 s"
        }
        if !(0...3).contains(self.spread) { return "spread is \(self.spread); it lies in 0...3" }
        if self.startTimeNanoseconds < 0 { return "start time is negative" }
        return nil
    }
}
