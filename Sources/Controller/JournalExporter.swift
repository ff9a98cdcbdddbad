import Dispatch
import EventLoop
import Logging
import Primitives
import Reports
import SharedState

/// Writes one room's journal to a folder before the shared state drops it.
///
/// A value of three states: idle, reading, writing. At most `recordsPerRound` records a round, so that a long journal
/// keeps neither the loop nor the shared state; what is dropped before its turn comes is counted.
final class JournalExporter {
    /// Records of one call, and calls of one round: 10,000 admissions a second are kept up with.
    static let recordsPerCall = 1_000
    static let callsPerRound = 10

    let room: String
    let path: String
    private let folder: JournalFolder
    private let loop: any LoopContext
    private let journal: any RoomJournal
    private let log: Logger
    private var isBusy = false
    private var callsLeft = 0
    private var position: JournalFolder.Position?
    private var isPositionKnown = false
    private(set) var status: ControllerStatus.Export

    private static let disk = DispatchQueue(label: "sluice.journal", qos: .utility)

    init(room: String, path: String, loop: any LoopContext, journal: any RoomJournal, log: Logger) {
        self.room = room
        self.path = path
        self.folder = JournalFolder(path: path, room: room)
        self.loop = loop
        self.journal = journal
        self.log = log
        self.status = ControllerStatus.Export(room: room, folder: path)
    }

    /// Another controller may have written meanwhile.
    func forgetPosition() { self.isPositionKnown = false }

    /// One round; nothing while the last one is under way.
    func export() {
        guard !self.isBusy else { return }
        self.isBusy = true
        self.callsLeft = Self.callsPerRound
        guard !self.isPositionKnown else { return self.read() }
        self.onDisk { [folder = self.folder] in
            try folder.position()
        } then: { position in
            self.position = position
            self.isPositionKnown = true
            self.status.exportedTo = position?.number
            self.read()
        }
    }

    private func read() {
        self.callsLeft -= 1
        self.journal.read(room: self.room, after: self.position?.id, count: Self.recordsPerCall) { result in
            switch result {
            case .failure(let error): self.fail("\(error)")
            case .success(let page): self.take(page)
            }
        }
    }

    private func take(_ page: JournalPage) {
        let dropped = page.added - page.kept
        var written = self.position?.number ?? dropped
        if self.countsAnew(page) {
            written = dropped
        } else if dropped > written {
            self.status.lost += dropped - written
            written = dropped
        }
        self.status.kept = page.kept
        self.status.behind = max(0, page.added - written - Int64(page.records.count))
        guard let last = page.records.last else { return self.finish() }
        let next = JournalFolder.Position(id: last.id, number: written + Int64(page.records.count))
        self.onDisk { [folder = self.folder, first = written + 1] in
            try folder.append(page.records, first: first)
        } then: {
            self.position = next
            self.status.exportedTo = next.number
            self.status.written += Int64(page.records.count)
            let hasMore = page.records.count == Self.recordsPerCall
            if hasMore, self.callsLeft > 0 { self.read() } else { self.finish() }
        }
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
    }

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

    private func onDisk<Answer: Sendable>(
        _ work: @escaping @Sendable () throws -> Answer,
        then: @escaping (Answer) -> Void
    ) {
        let back = LoopBound(Reply(exporter: self, then: then), loop: self.loop)
        Self.disk.async {
            let result = Result { try work() }
            back.submit { reply in
                switch result {
                case .success(let answer): reply.then(answer)
                case .failure(let error): reply.exporter.fail("\(error)")
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
