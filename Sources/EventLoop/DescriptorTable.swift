/// Finds a descriptor by the token that epoll gives back. A slot's generation makes an event for a closed descriptor,
/// still in the same batch, miss the slot's next tenant.
struct DescriptorTable {
    static let mailboxToken: UInt64 = .max
    static let timerToken: UInt64 = .max - 1

    private struct Slot {
        var descriptor: Descriptor?
        var generation: UInt32 = 0
    }
    private var slots: ContiguousArray<Slot> = []
    private var free: ContiguousArray<UInt32> = []
    private(set) var count = 0

    mutating func insert(_ descriptor: Descriptor) -> UInt64 {
        self.count += 1
        let index: UInt32
        if let reused = self.free.popLast() {
            index = reused
        } else {
            index = UInt32(self.slots.count)
            self.slots.append(Slot())
        }
        self.slots[Int(index)].descriptor = descriptor
        return UInt64(self.slots[Int(index)].generation) << 32 | UInt64(index)
    }

    mutating func remove(token: UInt64) {
        let index = Int(truncatingIfNeeded: token & 0xFFFF_FFFF)
        precondition(self.slots[index].generation == UInt32(token >> 32), "a descriptor was removed twice")
        self.slots[index].descriptor = nil
        // The top value is left out, so that no token equals the two reserved ones.
        self.slots[index].generation = (self.slots[index].generation &+ 1) & 0x7FFF_FFFF
        self.free.append(UInt32(index))
        self.count -= 1
    }

    @inline(__always)
    func find(token: UInt64) -> Descriptor? {
        let index = Int(truncatingIfNeeded: token & 0xFFFF_FFFF)
        guard index < self.slots.count, self.slots[index].generation == UInt32(token >> 32) else { return nil }
        return self.slots[index].descriptor
    }

    var descriptors: [Descriptor] { self.slots.compactMap(\.descriptor) }
}
