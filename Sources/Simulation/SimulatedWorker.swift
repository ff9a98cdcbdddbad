import HeapModule
import Pools
import Primitives
import Settings

/// A worker of the pool's shape: so many slots, a bounded queue in front of them, and the sample worker's law of service
/// times. Whoever comes is told at once when the answer will be there: what is in front of it does not change any more.
struct SimulatedWorker {
    let number: Int
    let startedAt: Instant
    private let slots: Int
    private let queue: Int
    private var times: ServiceTimes
    /// How many times slower than its shape it is.
    var slowness = 1.0
    /// When each slot has done what it was given.
    private var slotsFreeAt = Heap<UInt64>()
    /// When each request that has not ended will end.
    private var endings = Heap<UInt64>()

    init(number: Int, shape: WorkerSettings, startedAt: Instant) {
        self.number = number
        self.startedAt = startedAt
        self.slots = shape.slots
        self.queue = shape.queue
        self.times = ServiceTimes(
            meanNanoseconds: shape.serviceTimeNanoseconds,
            spread: shape.spread,
            // As the controller seeds the workers that it starts.
            seed: UInt64(number)
        )
    }

    /// Requests under way, those in the worker's queue included.
    mutating func inFlight(now: Instant) -> Int {
        while let ending = self.endings.min, ending <= now.nanoseconds { self.endings.removeMin() }
        return self.endings.count
    }

    /// When the next request ends; nil when none is under way.
    var nextEnding: Instant? { self.endings.min.map { Instant(nanoseconds: $0) } }

    /// When all are done.
    var lastEnding: Instant? { self.endings.max.map { Instant(nanoseconds: $0) } }

    /// When the answer is there; nil from a full queue.
    mutating func take(now: Instant) -> Instant? {
        guard self.inFlight(now: now) < self.slots + self.queue else { return nil }
        var start = now.nanoseconds
        if self.slotsFreeAt.count == self.slots, let free = self.slotsFreeAt.popMin() { start = max(start, free) }
        let end = start + UInt64(Double(self.times.next()) * self.slowness)
        self.slotsFreeAt.insert(end)
        self.endings.insert(end)
        return Instant(nanoseconds: end)
    }
}
