import EventLoop

/// Bytes that wait: at the back they are appended, from the front they are taken. Holds no memory while empty; what it
/// holds counts in its loop's budget.
public struct ByteQueue: ~Copyable {
    private let budget: BufferBudget
    private var base: UnsafeMutableRawPointer?
    private var capacity = 0
    private var head = 0
    private var tail = 0

    public init(budget: BufferBudget) { self.budget = budget }

    deinit {
        // The budget is not given back to: it belongs to the loop, and this may be another thread. Whoever has a queue
        // empties it when it ends.
        self.base?.deallocate()
    }

    public var count: Int { self.tail - self.head }
    public var isEmpty: Bool { self.tail == self.head }
    public var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: self.base.map { UnsafeRawPointer($0 + self.head) }, count: self.count)
    }

    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 0 else { return }
        self.makeRoom(bytes.count)
        (self.base! + self.tail).copyMemory(from: bytes.baseAddress!, byteCount: bytes.count)
        self.tail += bytes.count
    }

    /// Free memory behind the last byte, at least `size` long.
    private mutating func makeRoom(_ size: Int) {
        guard self.capacity - self.tail < size else { return }
        let needed = self.count + size
        // Moving down is worth it only when it frees half; otherwise a slow trickle would copy for ever.
        if needed <= self.capacity, self.head >= self.capacity / 2 {
            self.base!.copyMemory(from: self.base! + self.head, byteCount: self.count)
        } else {
            var grown = max(4_096, self.capacity)
            if needed <= self.capacity { grown *= 2 }
            while grown < needed { grown *= 2 }
            let moved = UnsafeMutableRawPointer.allocate(byteCount: grown, alignment: 16)
            if let base = self.base {
                moved.copyMemory(from: base + self.head, byteCount: self.count)
                base.deallocate()
            }
            self.budget.take(grown - self.capacity)
            self.base = moved
            self.capacity = grown
        }
        self.tail -= self.head
        self.head = 0
    }

    public mutating func consume(_ size: Int) {
        precondition(size <= self.count, "more was consumed than there is")
        self.head += size
        if self.head == self.tail { self.removeAll() }
    }

    public mutating func removeAll() {
        guard let base = self.base else { return }
        base.deallocate()
        self.budget.giveBack(self.capacity)
        self.base = nil
        self.capacity = 0
        self.head = 0
        self.tail = 0
    }
}
