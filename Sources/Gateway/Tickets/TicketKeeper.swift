import Primitives
import Transport

/// Which keys seal and open session tickets here: those that all gateways share, and while there are none for now, keys
/// of this gateway's own. Knows no clock and no store.
struct TicketKeeper {
    typealias MakeKey = (_ fromMicros: Int64, _ untilMicros: Int64) -> TicketKey

    let periodMicros: Int64
    /// As it was last read or written.
    private(set) var shared = TicketKeyRing()
    /// Renewed only while the shared keys have run out; opens what it has sealed for as long as any key does.
    private(set) var own = TicketKeyRing()
    /// What the shared state's clock is ahead of this machine's.
    private var aheadMicros: Int64 = 0
    private var unreadable: UnreadableKeys
    private let makeKey: MakeKey

    init(periodMicros: Int64, makeKey: @escaping MakeKey = { .random(fromMicros: $0, untilMicros: $1) }) {
        self.periodMicros = periodMicros
        self.unreadable = UnreadableKeys(periodNanoseconds: periodMicros * Nanoseconds.perMicrosecond)
        self.makeKey = makeKey
    }

    /// The shared state has these keys, at `atMicros` by its clock, which is `wallMicros` by this machine's.
    mutating func took(_ ring: TicketKeyRing, atMicros: Int64, wallMicros: Int64) {
        self.shared = ring
        self.aheadMicros = atMicros - wallMicros
        self.unreadable.sawReadable()
    }

    /// The shared state has none.
    mutating func foundNone() { self.unreadable.sawNothing() }

    /// The shared state has keys that cannot be read here. True when they are to be replaced by `renewal(of: nil)`.
    mutating func couldNotRead(_ sealed: [UInt8], now: Instant) -> Bool { self.unreadable.saw(sealed, now: now) }

    /// What the shared state has is opened with other secrets from now on.
    mutating func changedSecrets() { self.unreadable.changedSecrets() }

    /// What should stand in the shared state in place of `stored`; nil when that is as it should be. A state that has
    /// lost the keys gets those back that are known here.
    func renewal(of stored: TicketKeyRing?, atMicros: Int64) -> TicketKeyRing? {
        let known = stored ?? self.shared
        let renewed = known.renewed(atMicros: atMicros, periodMicros: self.periodMicros, makeKey: self.makeKey)
        return renewed ?? (stored == nil ? known : nil)
    }

    /// What is in force now, and whether the sealing key is this gateway's own.
    mutating func keys(wallMicros: Int64) -> (set: TicketKeySet, isOwn: Bool) {
        let now = wallMicros + self.aheadMicros
        if let sealing = self.shared.sealing(atMicros: now) {
            let accepted = self.shared.accepted(atMicros: now) + self.own.accepted(atMicros: now)
            return (TicketKeySet(sealing: sealing, accepted: accepted), false)
        }
        if let renewed = self.own.renewed(atMicros: now, periodMicros: self.periodMicros, makeKey: self.makeKey) {
            self.own = renewed
        }
        guard let sealing = self.own.sealing(atMicros: now) else { preconditionFailure("a renewed ring seals") }
        let accepted = self.own.accepted(atMicros: now) + self.shared.accepted(atMicros: now)
        return (TicketKeySet(sealing: sealing, accepted: accepted), true)
    }
}
