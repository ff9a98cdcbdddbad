import DequeModule
import Primitives

/// What gateways are to hear of each other's visitors: let in from the door, released. The newest of each visitor, in
/// order of their numbers.
struct EventLog: Equatable, Sendable {
    enum Kind: Hashable { case granted, released }
    struct Event: Equatable {
        var number: Int64
        var kind: Kind
        var id: Int64
    }

    /// Of consecutive numbers; nil where a newer event of the same visitor has taken the place, and where a number was
    /// left out.
    private var places = Deque<Event?>()
    /// The number of the first place.
    private var firstNumber: Int64 = 0
    /// Which number is the newest of each visitor.
    private var granted = NumberTable<Int64>()
    private var released = NumberTable<Int64>()

    var isEmpty: Bool { self.granted.isEmpty && self.released.isEmpty }
    /// All that are kept.
    var events: [Event] { self.places.compactMap(\.self) }

    /// The event has a higher number than all before it; those that are `count` or more behind it are forgotten.
    mutating func append(_ event: Event, keeping count: Int64) {
        let next = self.firstNumber + Int64(self.places.count)
        precondition(self.places.isEmpty || event.number >= next, "events come in the order of their numbers")
        if self.places.isEmpty || event.number - next >= count {
            self = EventLog()
            self.firstNumber = event.number
        } else {
            for _ in next..<event.number { self.places.append(nil) }
        }
        let former =
            event.kind == .granted
            ? self.granted.set(event.number, for: event.id) : self.released.set(event.number, for: event.id)
        if let former { self.places[Int(former - self.firstNumber)] = nil }
        self.places.append(event)
        while self.firstNumber <= event.number - count { self.forgetFirst() }
    }

    private mutating func forgetFirst() {
        self.firstNumber += 1
        guard let old = self.places.removeFirst() else { return }
        switch old.kind {
        case .granted: self.granted.remove(old.id)
        case .released: self.released.remove(old.id)
        }
    }

    func after(_ number: Int64, count: Int) -> [Event] {
        let start = max(0, number + 1 - self.firstNumber)
        guard start < self.places.count else { return [] }
        return Array(self.places[Int(start)...].lazy.compactMap(\.self).prefix(count))
    }
}
