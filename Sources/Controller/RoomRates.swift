import EventLoop
import Pools
import Primitives
import Reports
import Settings
import SharedState

/// Lends rooms their rates, out of what all pools offer. `RateOffers` decides; this sends it, and keeps what was sent.
///
/// Rates are sent every second, whether they changed or not: a room holds one for three, and falls back when nobody
/// renews it.
final class RoomRates {
    /// A rate that a room was lent.
    private struct Lent {
        var rateMilli: Int64
        var takenAt: Instant?
        var isTaken: Bool
    }

    private let loop: any LoopContext
    private let store: any RoomStore
    private var offers: RateOffers
    private var fence: Int64 = 0
    /// Pools that have offered something since rates were last sent.
    private var offering: Set<String> = []
    private var isStopping = false
    /// By the room's name.
    private var lent: [String: Lent] = [:]
    private var contacts: [String: StateContact] = [:]

    init(settings: Settings, loop: any LoopContext, store: any RoomStore) {
        self.offers = RateOffers(settings)
        self.loop = loop
        self.store = store
    }

    func apply(_ settings: Settings) {
        self.offers.apply(settings)
        let names = Set(settings.rooms.map(\.name))
        self.lent = self.lent.filter { names.contains($0.key) }
        self.contacts = self.contacts.filter { names.contains($0.key) }
    }

    /// A pool has decided. The rates go out at the end of the turn: pools that decide together send each room's rate once.
    func offer(pool: String, rateMilli: Int64, lines: RoomLines?, fence: Int64) {
        self.offers.offer(pool: pool, rateMilli: rateMilli, lines: lines)
        self.fence = fence
        self.offering.insert(pool)
        guard self.offering.count == 1 else { return }
        self.loop.atTurnEnd { [weak self] in self?.send() }
    }

    private func send() {
        let pools = self.offering
        self.offering = []
        guard !self.isStopping else { return }
        for (room, rate) in self.offers.rates(bearing: pools, wallMicros: self.loop.wallMicros) {
            self.store.setAllowedRate(room: room, rateMilli: rate, fence: self.fence) { result in
                self.contacts[room, default: StateContact()].heard(result, (self.loop.now, self.loop.wallMicros))
                let isTaken = (try? result.get())?.isTaken ?? false
                let takenAt = isTaken ? self.loop.now : self.lent[room]?.takenAt
                self.lent[room] = Lent(rateMilli: rate, takenAt: takenAt, isTaken: isTaken)
            }
        }
    }

    /// A new term begins: what was offered and what failed in one before is of the past.
    func forgetTerm() {
        self.offers.forget()
        self.offering = []
        self.contacts = [:]
    }

    /// Nothing is lent any more.
    func stop() { self.isStopping = true }

    // MARK: Watching

    var leases: [ControllerStatus.Lease] {
        self.lent.map { room, lent in
            ControllerStatus.Lease(
                room: room,
                rateMilli: lent.rateMilli,
                ageMs: lent.takenAt.map { self.loop.now.nanoseconds(since: $0) / Nanoseconds.perMillisecond },
                taken: lent.isTaken
            )
        }
    }

    /// Calls that have failed for a while, though the shared state may answer others.
    var problems: [String] {
        self.contacts.sorted { $0.key < $1.key }.compactMap { room, contact in
            contact.lastingFailure(now: self.loop.now).map {
                "room \(room): its rate cannot be renewed \($0). Look after Redis. Meanwhile the rate that was lent lapses, "
                    + "and the fallback holds"
            }
        }
    }
}
