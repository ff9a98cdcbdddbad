import Rooms

/// Those who stay inside without asking: their sessions are renewed for them, and they are told when these end.
extension RoomGate {
    /// From one renewal of a guest's session to the next, in microseconds: as often as requests renew it at most.
    var renewalMicros: Int64 { max(1, self.view.inForce.sessionMicros / 6) }

    func enter(_ guest: any RoomGuest, _ key: LineKey) {
        self.guests.add(guest, key)
        if self.isDissolved { guest.roomDissolved() }
    }

    /// The session has not ended, as far as this loop has heard.
    func isStaying(_ key: LineKey) -> Bool {
        !self.isVoid(key) && !self.view.isRevoked(key, nowMicros: self.nowMicros)
    }

    func leave(_ guest: any RoomGuest, _ key: LineKey) { self.guests.remove(guest, key) }

    /// The session of a guest goes on; false when it has ended. The shared state hears of it as of any renewal: while it
    /// is away guests stay, and their sessions are made anew when it is back.
    func renewStay(of key: LineKey) -> Bool {
        guard self.isStaying(key) else { return false }
        // The pass that goes with it has no way to the visitor. When there are too many to be told of, the next renewal
        // is in time.
        _ = self.renew(key, nowMicros: self.nowMicros)
        return true
    }

    /// The session of `key` is over, though its pass runs until `until`.
    func endSession(_ key: LineKey, untilMicros until: Int64, nowMicros now: Int64) {
        self.view.revoke(key, untilMicros: until, nowMicros: now)
        for guest in self.guests.of(key) { guest.sessionEnded() }
    }

    /// A reset has ended the lines that they are of.
    func endVoidStays() { for guest in self.guests.all(where: self.isVoid) { guest.sessionEnded() } }
    private func isVoid(_ key: LineKey) -> Bool { Int64(key.epoch) < self.view.known.voidBefore }

    func dismissGuests() { for guest in self.guests.all() { guest.roomDissolved() } }
}
