import Admission
import Primitives
import TestKit

/// The shared state of a virtual world: the real rules, in a server that may be away, lose its last seconds, or start
/// again with nothing, as Redis does.
final class FickleRooms {
    /// How often it misbehaves; none in the end, so that everybody can be let in.
    var failsOneIn = 12
    var isCalm = false
    /// Does what it is asked, and its answers are lost.
    var isMute = false
    /// Until then it answers nobody.
    private(set) var awayUntil = Instant(nanoseconds: 0)
    /// Raised when the connections to it break: what was asked before is answered no more.
    private(set) var connection = 0
    /// A name of the server's process, as its gateways learn it.
    private var run: Int64 = 1
    private var rooms: [String: RoomModel] = [:]
    /// What was on its disk, or had reached its replica.
    private var past: [(time: Instant, rooms: [String: RoomModel])] = []
    private let world: VirtualWorld
    private(set) var losses = 0

    init(world: VirtualWorld) { self.world = world }

    // MARK: Trouble

    /// Silent, or gone: calls hang until they are given up.
    func goAway(forNanoseconds nanoseconds: Int64) {
        self.awayUntil = self.world.now.advanced(byNanoseconds: nanoseconds)
    }

    /// Another server takes over, or the same one starts again: it knows what stood on disk up to so long ago.
    func goBack(byNanoseconds nanoseconds: Int64) {
        let oldest = self.world.now.nanoseconds - UInt64(min(nanoseconds, Int64(self.world.now.nanoseconds)))
        self.restart(with: self.past.last { $0.time.nanoseconds <= oldest }?.rooms ?? [:])
    }

    func startEmpty() { self.restart(with: [:]) }

    private func restart(with rooms: [String: RoomModel]) {
        self.rooms = rooms
        self.run += 1
        self.connection += 1
        self.losses += 1
        self.past.removeAll()
    }

    // MARK: Calls

    func perform<Answer>(
        _ room: String,
        creates: Bool = false,
        wallMicros: Int64,
        _ operation: (inout RoomModel, _ run: Int64, _ now: Int64) throws(RoomError) -> Answer
    ) throws(RoomError) -> Answer {
        self.remember()
        guard creates || self.rooms[room] != nil else { throw .noRoom }
        defer { _ = self.rooms[room]?.takeJournal() }
        return try operation(&self.rooms[room, default: RoomModel()], self.run, wallMicros)
    }

    /// Ten times a second, for three seconds.
    private func remember() {
        guard let last = self.past.last else { return self.past.append((self.world.now, self.rooms)) }
        guard self.world.now.nanoseconds(since: last.time) >= 100 * Nanoseconds.perMillisecond else { return }
        self.past.append((self.world.now, self.rooms))
        if self.past.count > 30 { self.past.removeFirst() }
    }
}
