import Primitives

/// The visitors on the way, each in a seat that somebody else takes later. Whoever is in a seat stays there, and is never
/// copied: a guest is as large as six lines of the processor's cache.
struct SimulatedGuests {
    /// A visitor, and what the cookies hold.
    struct Guest {
        var machine: VisitorMachine
        var jar = SimulatedJars.Jar()
        var sentAt: Instant
        /// Which request the visitor waits for: an answer to another one reaches nobody.
        var question: UInt32 = 0
        var isConnected = false
        /// Nobody is in this seat.
        var isGone = false

        var presence: Presence {
            guard !self.isGone else { return Presence() }
            return Presence(
                inLine: self.machine.isInLine ? 1 : 0,
                inside: self.machine.isInside ? 1 : 0,
                connected: self.isConnected ? 1 : 0
            )
        }
    }

    /// How many of some guests are where.
    struct Presence {
        var inLine = 0
        var inside = 0
        var connected = 0
    }

    var seats: [Guest] = []
    private var free: [Int] = []
    /// Of all guests.
    private(set) var present = Presence()

    /// The seat that is taken.
    mutating func sit(_ guest: Guest) -> Int {
        guard let seat = self.free.popLast() else {
            self.seats.append(guest)
            return self.seats.count - 1
        }
        self.seats[seat] = guest
        return seat
    }

    mutating func leave(_ seat: Int) {
        self.seats[seat].isGone = true
        self.free.append(seat)
    }

    /// Takes in where somebody is now who was there before.
    mutating func moved(from before: Presence, _ seat: Int) {
        let after = self.seats[seat].presence
        self.present.inLine += after.inLine - before.inLine
        self.present.inside += after.inside - before.inside
        self.present.connected += after.connected - before.connected
    }
}
