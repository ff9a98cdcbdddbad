/// In Redis a key alone may be deleted, or evicted: what a room notices of that, and what it does.
extension RoomModel {
    /// Keys whose loss alone is noticed, by their bits in `RoomRecord.present`. Without `marks` less is called for half a
    /// horizon, without `gateways` their next ticks tell all, and `since` only measures.
    enum WatchedKey: Int64, CaseIterable {
        case sessions = 2
        case arrived, exchanged, door
        case owners = 10
        case events = 12
        case released, carried, early

        var bit: Int64 { 1 << self.rawValue }
    }

    func isPresent(_ key: WatchedKey) -> Bool {
        switch key {
        case .sessions: self.sessions.count > 0 || !self.pardoned.isEmpty
        case .arrived: !self.arrived.isEmpty
        case .exchanged: !self.exchanged.isEmpty
        case .door: (self.door.ids.last ?? 0) > 0
        case .owners: self.door.count > 0
        case .events: !self.events.isEmpty
        case .released: self.released.count > 0
        case .carried: !self.carried.isEmpty
        case .early: (self.door.ids.first ?? 0) < 0
        }
    }

    /// The bits of those that are there. Asked twice with every call: nothing is taken from memory for it.
    private var presence: Int64 {
        var present: Int64 = 0
        for key in Self.watchedKeys where self.isPresent(key) { present |= key.bit }
        return present
    }

    private static let watchedKeys = WatchedKey.allCases

    mutating func notePresence() {
        self.record.present = self.presence
        self.record.inside = self.sessions.count
    }

    mutating func noticeLostKeys() {
        let gone = self.record.present & ~self.presence
        if gone != 0 { self.lose(Set(Self.watchedKeys.filter { gone & $0.bit != 0 })) }
    }

    /// What the gateways know of it they tell again, as after any loss; the line itself is all there, so no number is
    /// skipped. Sessions that are gone hold their slots until their passes show up or one session's length has passed.
    /// Who came and who was let in differs by those at the door, and by those who left it before their turn: but for the
    /// former each of the two sets stands in for the other, so that nobody is let in twice.
    private mutating func lose(_ gone: Set<WatchedKey>) {
        let standing = self.door.ids.drop { $0 < 0 }.prefix(RoomRules.returnSweep)
        if gone.contains(.sessions) {
            self.record.lost += self.record.inside
            self.record.lostUntil = self.now + self.record.session
        }
        if gone.contains(.exchanged) {
            self.exchanged = self.arrived
            for id in standing { self.exchanged.remove(id) }
        } else if gone.contains(.arrived) {
            self.arrived = self.exchanged
        }
        if gone.contains(.arrived) {
            for id in standing { self.arrived.insert(id) }
            self.record.sampled = self.record.serving
            self.record.sampledDirect = self.record.direct
        }
        if !gone.isDisjoint(with: [.door, .early, .owners]) { self.door = Door() }
        if gone.contains(.events) { self.record.events += RoomRules.eventsKept + 1 }
        self.record.away = self.now
        self.record.regressed = self.record.issued
        self.record.incarnation += 1
        self.write(
            .regress(
                micros: self.now,
                epoch: self.record.epoch,
                incarnation: self.record.incarnation,
                issued: self.record.issued
            )
        )
    }
}
