import Primitives

@testable import onsale

/// A pool of workers with slots and a bounded queue, which grows while people wait.
struct VirtualWorkers {
    struct Shape {
        var slotsPerWorker = 8
        var serviceNanoseconds = 20 * Nanoseconds.perMillisecond
        var queuePerWorker = 64
        var fewest = 1
        var most = 6
        var startSeconds = 3.0
    }

    let shape: Shape
    private(set) var ready: Int
    private(set) var desired: Int
    private var pending: [Instant] = []
    private var slotsFreeAt: [Instant]
    private var ticks = 0

    init(shape: Shape, startedAt: Instant) {
        self.shape = shape
        self.ready = shape.fewest
        self.desired = shape.fewest
        self.slotsFreeAt = Array(repeating: startedAt, count: shape.slotsPerWorker * shape.fewest)
    }

    /// Until the page is there; nil from a full queue.
    mutating func serve(now: Instant, _ draw: inout SplitMix64) -> Int64? {
        var earliest = 0
        for slot in self.slotsFreeAt.indices where self.slotsFreeAt[slot] < self.slotsFreeAt[earliest] {
            earliest = slot
        }
        let service = Int64(draw.drawLogNormal(median: Double(self.shape.serviceNanoseconds), spread: 0.5))
        let start = max(self.slotsFreeAt[earliest], now)
        let queued = Double(start.nanoseconds(since: now)) / Double(self.shape.serviceNanoseconds)
        let most = Double(self.shape.queuePerWorker * self.ready)
        guard queued * Double(self.slotsFreeAt.count) <= most else { return nil }
        self.slotsFreeAt[earliest] = start.advanced(byNanoseconds: service)
        return self.slotsFreeAt[earliest].nanoseconds(since: now)
    }

    /// Ten times a second.
    mutating func scale(inLine: Int, isSoon: Bool, now: Instant) {
        self.ticks += 1
        let wanted = inLine > 50 && isSoon ? self.shape.most : self.shape.fewest
        if wanted > self.desired {
            self.desired += 1
            self.pending.append(now.advanced(byNanoseconds: Int64(self.shape.startSeconds * 1e9)))
        } else if wanted < self.desired, self.ready > self.shape.fewest, self.ticks.isMultiple(of: 15), inLine < 50 {
            self.desired -= 1
            self.ready -= 1
            self.slotsFreeAt.removeLast(self.shape.slotsPerWorker)
        }
        while let first = self.pending.first, first <= now {
            self.pending.removeFirst()
            self.ready += 1
            self.slotsFreeAt += Array(repeating: now, count: self.shape.slotsPerWorker)
        }
    }
}
