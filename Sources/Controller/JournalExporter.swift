import Dispatch
import EventLoop
import Logging
import Primitives
import Reports
import SharedState

/// Writes one room's journal to a folder before the shared state drops it.
///
/// Whoever leads calls `export` once a second. A journal that keeps few entries is looked at several times in that
/// second, or entries would come and go unseen. At most `recordsPerSecond`, so that a long journal keeps neither the loop
/// nor the shared state; what is dropped before its turn comes is counted.
final class JournalExporter {
    static let recordsPerCall = 1_000
    /// So many are kept up with.
    static let recordsPerSecond = 10_000
    static let shortestIntervalNanoseconds = 50 * Nanoseconds.perMillisecond

    /// Between two looks no more than half of what is kept can come at the pace that is kept up with.
    static func intervalNanoseconds(keeping entries: Int) -> Int64 {
        let half = Int64(entries) * Nanoseconds.perSecond / Int64(2 * Self.recordsPerSecond)
        return min(max(half, Self.shortestIntervalNanoseconds), Nanoseconds.perSecond)
    }

    let room: String
    let path: String
    private let folder: JournalFolder
    private let loop: any LoopContext
    private let journal: any RoomJournal
    private let log: Logger
    /// As configured: how many entries the shared state keeps.
    var keptEntries: Int
    private var isBusy = false
    private var recordsLeft = 0
    /// Goes up with each pause: what was asked for before one is not for the time behind it.
    private var term = 0
    /// When the second of the last `export` is over.
    private var end: Instant?
    private var timer: LoopTimer?
    private var position: JournalFolder.Position?
    private var isPositionKnown = false
    /// Whether the folder has told `position` since this controller leads. While the export fails it says how many entries
    /// are behind, though it is looked at again before anything is written.
    private var wasPositionTold = false
    /// Looked at once a second: a folder that is gone is told of although there is nothing to write.
    private var isFolderChecked = false
    /// The number of the last entry that was ever written here: it tells what was lost when the folder is gone with it.
    private var lastWritten: Int64?
    /// The number of the last entry that was dropped when the journal was looked at last.
    private var lostTo: Int64 = 0
    private(set) var status: ControllerStatus.Export

    private static let disk = DispatchQueue(label: "sluice.journal", qos: .utility)

    init(
        room: String,
        path: String,
        keptEntries: Int,
        loop: any LoopContext,
        journal: any RoomJournal,
        log: Logger
    ) {
        self.room = room
        self.path = path
        self.keptEntries = keptEntries
        self.folder = JournalFolder(path: path, room: room)
        self.loop = loop
        self.journal = journal
        self.log = log
        self.status = ControllerStatus.Export(room: room, folder: path)
    }

    /// A second's work; what the last second's has under way is finished first.
    func export() {
        self.recordsLeft = Self.recordsPerSecond
        self.isFolderChecked = false
        self.end = self.loop.now.advanced(byNanoseconds: Nanoseconds.perSecond)
        self.round()
    }

    /// Another controller exports now, and writes to the same folder. What is on its way to the disk gets there; what
    /// else was asked for is dropped when it comes.
    func pause() {
        self.term += 1
        self.recordsLeft = 0
        self.end = nil
        self.timer?.disarm()
        self.status.problem = nil
        self.status.behind = nil
        self.isPositionKnown = false
        self.wasPositionTold = false
    }

    /// Whether there was no pause since. If there was one, what is under way ends here, and this controller begins anew if
    /// it leads again.
    private func isStill(_ term: Int) -> Bool {
        guard term != self.term else { return true }
        self.isBusy = false
        if self.end != nil { self.round() }
        return false
    }

    private func round() {
        guard !self.isBusy else { return }
        self.isBusy = true
        self.timer?.disarm()
        guard self.isPositionKnown else { return self.findPosition() }
        guard !self.isFolderChecked else { return self.read() }
        let term = self.term
        self.onDisk { [folder = self.folder] in
            try folder.check()
        } then: {
            guard self.isStill(term) else { return }
            self.isFolderChecked = true
            self.read()
        }
    }

    private func findPosition() {
        let term = self.term
        self.onDisk { [folder = self.folder] in
            try folder.check()
            return try folder.position()
        } then: { position in
            guard self.isStill(term) else { return }
            self.position = position
            self.isPositionKnown = true
            self.wasPositionTold = true
            self.isFolderChecked = true
            self.status.exportedTo = position?.number
            self.read()
        }
    }

    /// Looks again before the second is over, if the journal is so short.
    private func awaitNextRound() {
        let next = self.loop.now.advanced(byNanoseconds: Self.intervalNanoseconds(keeping: self.keptEntries))
        guard self.recordsLeft > 0, let end = self.end, next < end else { return }
        let timer = self.timer ?? LoopTimer(loop: self.loop) { [weak self] in self?.round() }
        self.timer = timer
        timer.arm(at: next)
    }

    private func read() {
        let count = min(Self.recordsPerCall, max(1, self.recordsLeft))
        let term = self.term
        self.journal.read(room: self.room, after: self.position?.id, count: count) { result in
            guard self.isStill(term) else { return }
            switch result {
            case .failure(let error):
                self.status.behind = nil
                self.fail("\(error)")
            case .success(let page): self.take(page)
            }
        }
    }

    private func take(_ page: JournalPage) {
        let written = self.done(page)
        self.note(page)
        guard let last = page.records.last else { return self.finish() }
        let next = JournalFolder.Position(id: last.id, number: written + Int64(page.records.count))
        let term = self.term
        self.onDisk { [folder = self.folder, first = written + 1] in
            try folder.append(page.records, first: first)
        } then: {
            self.lastWritten = next.number
            self.status.exportedTo = next.number
            self.status.written += Int64(page.records.count)
            guard self.isStill(term) else { return }
            self.status.behind = max(0, page.added - next.number)
            self.position = next
            self.recordsLeft -= page.records.count
            if page.hasMore, self.recordsLeft > 0 { self.read() } else { self.finish() }
        }
    }

    /// The entry that the next one to be written follows: it is in the folder, or was dropped.
    private func done(_ page: JournalPage) -> Int64 {
        let dropped = page.added - page.kept
        guard let position = self.position, !self.countsAnew(page) else { return dropped }
        return max(dropped, position.number)
    }

    /// How things stand before anything of the page is written: should that fail, it is all behind. It may fail for long
    /// and be tried again every second, so that what was dropped meanwhile is counted as it goes, and once.
    private func note(_ page: JournalPage) {
        let dropped = page.added - page.kept
        self.status.kept = page.kept
        self.status.behind = max(0, page.added - self.done(page))
        // What was lost with a shared state that counts anew nobody can tell.
        let last = self.countsAnew(page) ? nil : self.position?.number ?? self.lastWritten
        let counted = self.lostTo <= page.added ? self.lostTo : 0
        if let last, last <= page.added { self.status.lost += max(0, dropped - max(last, counted)) }
        self.lostTo = dropped
    }

    /// Whether the shared state was emptied since the last entry was written, and counts from one again: it has counted
    /// less than that, or does not have that entry although it still has those before it, by their numbers.
    private func countsAnew(_ page: JournalPage) -> Bool {
        guard let position = self.position else { return false }
        if position.number > page.added { return true }
        guard let first = page.firstID.flatMap(JournalRecord.parts), let last = JournalRecord.parts(of: position.id)
        else { return false }
        return position.number > page.added - page.kept && first > last
    }

    private func finish() {
        if self.status.problem != nil {
            self.log.notice("the journal is exported again", metadata: ["room": "\(self.room)"])
        }
        self.status.problem = nil
        self.isBusy = false
        self.awaitNextRound()
    }

    /// Tried again with the next second.
    private func fail(_ reason: String) {
        if self.status.problem == nil {
            self.log.error(
                "the journal cannot be exported; trying again every second",
                metadata: ["room": "\(self.room)", "reason": "\(reason)"]
            )
        }
        self.status.problem = reason
        // What is in the folder is looked at again: half of it may be written.
        self.isPositionKnown = false
        self.isBusy = false
    }

    /// The disk is at fault, and the journal grows meanwhile: how much is asked before it is told.
    private func failOnDisk(_ reason: String) {
        guard self.wasPositionTold else {
            self.status.behind = nil
            return self.fail(reason)
        }
        let term = self.term
        self.journal.read(room: self.room, after: self.position?.id, count: 1) { result in
            guard self.isStill(term) else { return }
            if case .success(let page) = result { self.note(page) } else { self.status.behind = nil }
            self.fail(reason)
        }
    }

    private func onDisk<Answer: Sendable>(
        _ work: @escaping @Sendable () throws -> Answer,
        then: @escaping (Answer) -> Void
    ) {
        let term = self.term
        let back = LoopBound(Reply(exporter: self, then: then), loop: self.loop)
        Self.disk.async {
            let result = Result { try work() }
            back.submit { reply in
                switch result {
                case .success(let answer): reply.then(answer)
                case .failure(let error):
                    guard reply.exporter.isStill(term) else { return }
                    reply.exporter.failOnDisk(
                        "\(error). As soon as this user can write to that folder the export goes on"
                    )
                }
            }
        }
    }

    private final class Reply<Answer> {
        let exporter: JournalExporter
        let then: (Answer) -> Void
        init(exporter: JournalExporter, then: @escaping (Answer) -> Void) {
            self.exporter = exporter
            self.then = then
        }
    }
}
