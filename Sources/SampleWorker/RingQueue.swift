/// First in, first out, in memory of a fixed size.
struct RingQueue<Element> {
    private var storage: ContiguousArray<Element?>
    private var head = 0
    private(set) var count = 0

    init(capacity: Int) { self.storage = ContiguousArray(repeating: nil, count: capacity) }

    /// False when the queue is full: the element was not taken.
    mutating func append(_ element: consuming Element) -> Bool {
        guard self.count < self.storage.count else { return false }
        self.storage[(self.head + self.count) % self.storage.count] = element
        self.count += 1
        return true
    }

    mutating func popFirst() -> Element? {
        guard self.count > 0 else { return nil }
        let element = self.storage[self.head].take()
        self.head = (self.head + 1) % self.storage.count
        self.count -= 1
        return element
    }
}
