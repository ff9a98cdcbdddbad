/// What gateways are to hear of each other's visitors: let in from the door, released. The newest of each visitor, in
/// order of their numbers.
struct EventLog: Equatable, Sendable {
    enum Kind: Hashable { case granted, released }
    struct Event: Equatable {
        var number: Int64
        var kind: Kind
        var id: Int64
    }

    private struct Name: Hashable {
        var kind: Kind
        var id: Int64
    }

    /// In order of their numbers; nil where a newer event of the same visitor has taken the place.
    private var places: [Event?] = []
    /// Before it, everything is forgotten.
    private var first = 0
    /// Which number is the newest of each visitor.
    private var newest: [Name: Int64] = [:]

    var isEmpty: Bool { self.newest.isEmpty }
    /// All that are kept.
    var events: [Event] { self.places[self.first...].compactMap(\.self) }

    mutating func append(_ event: Event, keeping count: Int64) {
        let name = Name(kind: event.kind, id: event.id)
        if let former = self.newest.updateValue(event.number, forKey: name), let place = self.place(of: former) {
            self.places[place] = nil
        }
        self.places.append(event)
        while self.first < self.places.count, self.places[self.first].map({ $0.number <= event.number - count }) ?? true
        {
            if let old = self.places[self.first] { self.newest[Name(kind: old.kind, id: old.id)] = nil }
            self.first += 1
        }
        // Moved once for as many as are kept, so that an event costs the same however many there are.
        guard self.first > 2 * Int(count) else { return }
        self.places.removeFirst(self.first)
        self.first = 0
    }

    /// The first place whose event has at least that number, holes looked over.
    private func position(from number: Int64) -> Int {
        var low = self.first
        var high = self.places.count
        while low < high {
            let middle = (low + high) / 2
            var probe = middle
            while probe < high, self.places[probe] == nil { probe += 1 }
            if probe < high, let event = self.places[probe], event.number < number {
                low = probe + 1
            } else {
                high = middle
            }
        }
        return low
    }

    private func place(of number: Int64) -> Int? {
        var place = self.position(from: number)
        while place < self.places.count, self.places[place] == nil { place += 1 }
        return place < self.places.count && self.places[place]?.number == number ? place : nil
    }

    func after(_ number: Int64, count: Int) -> [Event] {
        Array(self.places[self.position(from: number + 1)...].lazy.compactMap(\.self).prefix(count))
    }
}
