import Admission
import Primitives
import Rooms
import Synchronization

/// What the loops of a gateway tell each other of one room.
final class SharedRoom: Sendable {
    /// Sessions that ended early; the oldest are forgotten beyond this many, by when every loop has long taken them in.
    private static let maxReleases = 65_536
    /// So many of the latest are told to a shared state that has lost something. Older ones are known to this gateway
    /// alone then.
    static let maxToldAgain = 4_096

    private struct Content {
        /// What any loop has seen: it goes with every call.
        var lines = KnownLines()
        var block = NumberBlock()
        /// Epochs of older lines that the tick on the way tells of, and those that any has told of.
        var olderReported: Set<Int64> = []
        var olderTold: Set<Int64> = []
        /// The room's time as the latest tick's answer told it, and when that tick was sent.
        var told: (micros: Int64, sentAt: Instant)?
        /// The last number of the line that the shared state itself has handed out, as far as it is known.
        var lastOfState: Int64 = 0
        /// Numbers that were asked for: those that are on their way, and those of calls that were never answered, since the
        /// latest tick. The shared state may have handed them out, to nobody.
        var askedFor: Int64 = 0
        var unanswered: Int64 = 0

        mutating func raise(_ line: LineMarks) {
            if line.epoch > self.lines.marks.epoch { self.lastOfState = 0 }
            self.lines.raise(line)
            if line.epoch == self.lines.marks.epoch { self.lastOfState = max(self.lastOfState, line.issued) }
        }
        /// Until when a pass is not to be taken; 0: it is good again.
        var releases: [(key: LineKey, untilMicros: Int64)] = []
        /// How many releases were forgotten.
        var forgotten = 0
        /// Epoch and incarnation of the line that the shared state was last told releases of again.
        var toldAgain: (epoch: Int64, incarnation: Int64) = (0, 0)
        /// Who stands at the door, by the number of loops that they stand on.
        var standing: [LineKey: Int] = [:]
        var unheard = UnheardAdmissions()
    }
    private let content = Mutex(Content())
    /// Releases since the room began here: a look that costs no lock.
    private let releaseCount = Atomic<Int>(0)
    /// Calls that changed the room since the gateway began: whether it is idle.
    private let activity = Atomic<Int>(0)
    /// Names this gateway among those that share a state.
    let gateway: String
    /// Requests that wait for a place, over all loops.
    let joining = SharedLimit()
    /// Requests that stand at the door, over all loops.
    let atDoor = SharedLimit()
    /// Who is inside with how much, over all loops.
    let visitors = VisitorBook()

    init(gateway: String) { self.gateway = gateway }

    // MARK: What is known

    var known: KnownMarks { self.content.withLock { $0.lines.marks } }

    /// What goes with a call that is made now.
    func known(at now: Instant) -> KnownMarks {
        self.content.withLock { content in
            var marks = content.lines.marks
            if let told = content.told {
                let passed = max(0, now.nanoseconds(since: told.sentAt))
                marks.reckonedMicros = told.micros + passed / Nanoseconds.perMicrosecond
            }
            return marks
        }
    }

    var lines: KnownLines { self.content.withLock { $0.lines } }

    func learn(_ token: AdmissionToken) { self.content.withLock { _ = $0.lines.learn(token) } }
    func raise(_ line: LineMarks) { self.content.withLock { $0.raise(line) } }

    /// The last number that the shared state may have handed out: behind it numbers are set aside. Who stands behind
    /// the gap between is told to be no nearer to the front than that leaves room for.
    var lastOfState: Int64 { self.content.withLock { $0.lastOfState + $0.askedFor + $0.unanswered } }

    /// So many numbers are asked for.
    func asks(for count: Int) { self.content.withLock { $0.askedFor += Int64(count) } }

    /// The call came back. `mayBeDone`: without an answer, so that the numbers may be handed out all the same.
    func askedFor(_ count: Int, mayBeDone: Bool) {
        self.content.withLock { content in
            content.askedFor -= Int64(count)
            if mayBeDone { content.unanswered += Int64(count) }
        }
    }

    /// A tick's answer: how the line stands, and which numbers are set aside for this gateway.
    func take(_ answer: TickAnswer, sentAt: Instant) {
        self.content.withLock { content in
            content.told = (answer.snapshot.nowMicros, sentAt)
            content.raise(answer.snapshot.line)
            content.unanswered = 0
            content.lines.raise(answer.snapshot)
            content.olderTold.formUnion(content.olderReported)
            content.block.lease(answer.block, epoch: answer.snapshot.epoch)
            for grant in answer.granted where grant.expiresMicros > 0 {
                guard let key = LineKey(id: grant.id, inEpoch: answer.snapshot.epoch) else { continue }
                content.unheard.add(key, now: sentAt)
            }
        }
    }

    func noteActivity() { self.activity.add(1, ordering: .relaxed) }
    var activityCount: Int { self.activity.load(ordering: .relaxed) }

    // MARK: Older lines

    /// What the tick that is about to be sent tells of them.
    func reportOlder() -> [SeenLine] {
        self.content.withLock { content in
            content.olderReported = Set(content.lines.older.map(\.epoch))
            // Epochs that are forgotten here need not be remembered as told.
            content.olderTold.formIntersection(content.olderReported)
            return content.lines.older
        }
    }

    /// Visitors have shown places of a line that the shared state has not heard of yet: nobody new goes before them.
    var hasUntoldLine: Bool {
        self.content.withLock { content in content.lines.older.contains { !content.olderTold.contains($0.epoch) } }
    }

    // MARK: Numbers set aside

    /// The next number of this gateway's block, for whichever loop asks first; nil when there is none left.
    func takeNumber() -> LineKey? {
        self.content.withLock { content in
            guard let key = content.block.take() else { return nil }
            content.lines.issue(key)
            return key
        }
    }

    /// What the tick that is about to be sent tells of the block.
    func reportBlock() -> BlockReport { self.content.withLock { $0.block.report(epoch: $0.lines.marks.epoch) } }

    // MARK: The door

    func stands(_ key: LineKey) { self.content.withLock { $0.standing[key, default: 0] += 1 } }

    func ceasesToStand(_ key: LineKey) {
        self.content.withLock { content in
            guard let count = content.standing[key] else { return }
            content.standing[key] = count > 1 ? count - 1 : nil
        }
    }

    /// Was let in, and nobody waits to be told.
    func goesUnheard(_ key: LineKey, now: Instant) { self.content.withLock { $0.unheard.add(key, now: now) } }

    /// Whether the visitor, who is being told now, has not been told on any loop.
    func hears(_ key: LineKey, now: Instant) -> Bool { self.content.withLock { $0.unheard.hears(key, now: now) } }

    /// Those of `keys` who stand at the door on no loop.
    func absent(_ keys: [LineKey]) -> Set<LineKey> {
        self.content.withLock { content in Set(keys.filter { content.standing[$0] == nil }) }
    }

    // MARK: Releases

    /// The visitor is done, or let in anew (`untilMicros` 0): every loop is to know.
    func release(_ key: LineKey, untilMicros: Int64) {
        self.content.withLock { content in
            content.releases.append((key, untilMicros))
            if content.releases.count > Self.maxReleases {
                let surplus = content.releases.count - Self.maxReleases / 2
                content.releases.removeFirst(surplus)
                content.forgotten += surplus
            }
        }
        self.releaseCount.add(1, ordering: .releasing)
    }

    /// Whose pass could be good still, the latest releases of this gateway: for the loop that asks first after a loss,
    /// none for the others.
    func takeReleasesToTell(after line: LineMarks, nowMicros: Int64) -> [LineKey] {
        self.content.withLock { content in
            guard (line.epoch, line.incarnation) > content.toldAgain else { return [] }
            content.toldAgain = (line.epoch, line.incarnation)
            var looked: Set<LineKey> = []
            var keys: [LineKey] = []
            // The last word on a visitor counts: released, or let in since.
            for release in content.releases.suffix(2 * Self.maxToldAgain).reversed()
            where keys.count < Self.maxToldAgain && looked.insert(release.key).inserted {
                if release.untilMicros > nowMicros { keys.append(release.key) }
            }
            return keys
        }
    }

    /// Hands over what was released since `seen`, which then counts it as seen.
    @inline(__always)
    func takeReleases(since seen: inout Int, _ body: (_ key: LineKey, _ untilMicros: Int64) -> Void) {
        guard self.releaseCount.load(ordering: .acquiring) != seen else { return }
        self.takeReleasesSlowly(since: &seen, body)
    }

    @inline(never)
    private func takeReleasesSlowly(since seen: inout Int, _ body: (LineKey, Int64) -> Void) {
        let (fresh, total) = self.content.withLock { content in
            (content.releases.dropFirst(max(0, seen - content.forgotten)), content.forgotten + content.releases.count)
        }
        for release in fresh { body(release.key, release.untilMicros) }
        seen = total
    }
}

/// The rooms of a gateway, one for all its loops.
final class SharedRooms: Sendable {
    private let gateway: String
    private let rooms = Mutex<[String: SharedRoom]>([:])

    init(gateway: String) { self.gateway = gateway }

    /// The room of that name, made at the first call.
    subscript(room: String) -> SharedRoom {
        self.rooms.withLock { rooms in
            if let known = rooms[room] { return known }
            let made = SharedRoom(gateway: self.gateway)
            rooms[room] = made
            return made
        }
    }

    /// Forgets rooms that are configured no more. A name that comes back begins anew.
    func keep(_ names: Set<String>) { self.rooms.withLock { $0 = $0.filter { names.contains($0.key) } } }
}
