import Admission
import Synchronization

/// What the loops of a gateway tell each other of one room.
final class SharedRoom: Sendable {
    /// Sessions that ended early; the oldest are forgotten beyond this many, by when every loop has long taken them in.
    private static let maxReleases = 65_536

    private struct Content {
        /// The highest numbers that any loop has seen: what the next tick tells the shared state, in case that has
        /// lost its last second.
        var known = KnownMarks.nothing
        var releases: [(number: Int64, untilMicros: Int64)] = []
        /// How many releases were forgotten.
        var forgotten = 0
    }
    private let content = Mutex(Content())
    /// Releases since the room began here: a look that costs no lock.
    private let releaseCount = Atomic<Int>(0)
    /// Calls that changed the room since the gateway began: whether it is idle.
    private let activity = Atomic<Int>(0)
    /// Requests that wait for a place, over all loops.
    let joining = SharedLimit()
    /// Requests that stand at the door, over all loops.
    let atDoor = SharedLimit()
    /// Who is inside with how much, over all loops.
    let visitors = VisitorBook()

    func raise(epoch: Int64, issued: Int64, serving: Int64) {
        self.content.withLock { $0.known.raise(epoch: epoch, issued: issued, serving: serving) }
    }

    func raise(_ line: LineMarks) { self.content.withLock { $0.known.raise(line) } }

    func raise(_ snapshot: RoomSnapshot) { self.content.withLock { $0.known.raise(snapshot) } }

    var known: KnownMarks { self.content.withLock { $0.known } }

    func noteActivity() { self.activity.add(1, ordering: .relaxed) }
    var activityCount: Int { self.activity.load(ordering: .relaxed) }

    /// A worker said that a visitor is done: the pass is no more good on any loop.
    func release(_ number: Int64, untilMicros: Int64) {
        self.content.withLock { content in
            content.releases.append((number, untilMicros))
            if content.releases.count > Self.maxReleases {
                let surplus = content.releases.count - Self.maxReleases / 2
                content.releases.removeFirst(surplus)
                content.forgotten += surplus
            }
        }
        self.releaseCount.add(1, ordering: .releasing)
    }

    /// Hands over what was released since `seen`, which then counts it as seen.
    @inline(__always)
    func takeReleases(since seen: inout Int, _ body: (_ number: Int64, _ untilMicros: Int64) -> Void) {
        guard self.releaseCount.load(ordering: .acquiring) != seen else { return }
        self.takeReleasesSlowly(since: &seen, body)
    }

    @inline(never)
    private func takeReleasesSlowly(since seen: inout Int, _ body: (Int64, Int64) -> Void) {
        let (fresh, total) = self.content.withLock { content in
            (content.releases.dropFirst(max(0, seen - content.forgotten)), content.forgotten + content.releases.count)
        }
        for release in fresh { body(release.number, release.untilMicros) }
        seen = total
    }
}

/// The rooms of a gateway, one for all its loops.
final class SharedRooms: Sendable {
    private let rooms = Mutex<[String: SharedRoom]>([:])

    /// The room of that name, made at the first call.
    subscript(room: String) -> SharedRoom {
        self.rooms.withLock { rooms in
            if let known = rooms[room] { return known }
            let made = SharedRoom()
            rooms[room] = made
            return made
        }
    }

    /// Forgets rooms that are configured no more. A name that comes back begins anew.
    func keep(_ names: Set<String>) { self.rooms.withLock { $0 = $0.filter { names.contains($0.key) } } }
}
