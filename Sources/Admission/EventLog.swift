/// What gateways are to hear of each other's visitors: let in from the door, released. The newest of each visitor, in
/// order of their numbers.
struct EventLog: Equatable, Sendable {
    enum Kind: Equatable { case granted, released }
    struct Event: Equatable {
        var number: Int64
        var kind: Kind
        var id: Int64
    }

    private(set) var events: [Event] = []

    mutating func append(_ event: Event, keeping count: Int64) {
        if let former = self.events.firstIndex(where: { $0.kind == event.kind && $0.id == event.id }) {
            self.events.remove(at: former)
        }
        self.events.append(event)
        let kept = self.events.firstIndex { $0.number > event.number - count } ?? 0
        self.events.removeFirst(kept)
    }

    func after(_ number: Int64, count: Int) -> ArraySlice<Event> {
        var low = 0
        var high = self.events.count
        while low < high {
            let middle = (low + high) / 2
            if self.events[middle].number <= number { low = middle + 1 } else { high = middle }
        }
        return self.events[low...].prefix(count)
    }
}
