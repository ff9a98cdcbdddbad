import Rooms

/// Who is inside without asking again and again: a tunnel.
protocol RoomGuest: AnyObject {
    /// The visitor's session is over: released by the origin, lost, or of a line that was reset.
    func sessionEnded()
    /// The room is configured no more, and nobody's session is looked after.
    func roomDissolved()
}

/// The guests of one loop, by visitor: as many as there are open tunnels, of one visitor as `per_visitor` allows.
struct GuestList {
    private var guests: [LineKey: [any RoomGuest]] = [:]

    var isEmpty: Bool { self.guests.isEmpty }

    mutating func add(_ guest: any RoomGuest, _ key: LineKey) { self.guests[key, default: []].append(guest) }

    mutating func remove(_ guest: any RoomGuest, _ key: LineKey) {
        self.guests[key]?.removeAll { $0 === guest }
        if self.guests[key]?.isEmpty == true { self.guests[key] = nil }
    }

    func of(_ key: LineKey) -> [any RoomGuest] { self.guests[key] ?? [] }
    func all(where isMeant: (LineKey) -> Bool = { _ in true }) -> [any RoomGuest] {
        self.guests.flatMap { isMeant($0.key) ? $0.value : [] }
    }
}
