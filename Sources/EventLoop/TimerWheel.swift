import HeapModule
import Primitives

/// The deadlines of one loop, earliest first. Confined to its loop.
public final class TimerWheel {
    private struct Entry: Comparable {
        let deadline: Instant
        let timer: LoopTimer
        static func < (left: Entry, right: Entry) -> Bool { left.deadline < right.deadline }
        static func == (left: Entry, right: Entry) -> Bool { left.deadline == right.deadline }
    }
    private var heap = Heap<Entry>()
    private var due: [Entry] = []

    public init() {}

    /// No timer is due before it; nil when there is none.
    public var nextDeadline: Instant? { self.heap.min?.deadline }
    public var count: Int { self.heap.count }

    func insert(_ timer: LoopTimer, at deadline: Instant) {
        self.heap.insert(Entry(deadline: deadline, timer: timer))
    }

    /// Runs the actions of the timers that are due, and returns how many there were. A timer that its action arms again
    /// for now comes up in the next call: the clock stands still during a turn, so that it would otherwise come up for
    /// ever.
    public func fireDue(now: Instant) -> Int {
        while let first = self.heap.min, first.deadline <= now { self.due.append(self.heap.removeMin()) }
        var fired = 0
        for entry in self.due where entry.timer.isDue(entry: entry.deadline, now: now) {
            fired += 1
            entry.timer.fire()
        }
        self.due.removeAll(keepingCapacity: true)
        return fired
    }

    func removeAll() { self.heap = Heap() }
}
