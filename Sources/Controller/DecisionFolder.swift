import Decisions
import Dispatch
import EventLoop
import Logging
import Primitives
import Scaling
import Settings
import SharedState

/// Where a controller writes down what it decides.
protocol DecisionBook: AnyObject {
    /// Takes an entry; whatever becomes of it, nobody waits.
    func add(_ entry: DecisionEntry, _ head: DecisionHead)
    /// What is not as it should be, each with what to do.
    var problems: [String] { get }
    /// The latest entries of a pool as lines of JSON, the oldest first, without the answers' latencies.
    func latest(pool: String, count: Int, _ completion: @escaping ([UInt8]) -> Void)
    func apply(_ settings: ControllerSettings)
}

/// Journals of decisions in the state folder, and the latest of them in memory.
///
/// The disk is another thread's. What it does not keep up with is dropped and counted, and the journal says where.
final class DecisionFolder: DecisionBook {
    /// Entries of one pool that wait for the disk, at most: two minutes.
    static let mostWaiting = 120
    /// Entries of one pool in memory: a quarter of an hour.
    static let mostRecent = 900

    private struct Shelf {
        var pen: DecisionPen
        var waiting: [DecisionPen.Item] = []
        var isBusy = false
        var recent: [DecisionEntry] = []
        /// Why the latest entries are not in the journal; nil when they are.
        var problem: String?
        /// Entries that are missing in the journal, since the problem began.
        var missing = 0
    }

    private let files: DecisionFiles
    private let loop: any LoopContext
    private let log: Logger
    private var bounds: DecisionBounds
    private var shelves: [String: Shelf] = [:]

    private static let disk = DispatchQueue(label: "sluice.decisions", qos: .utility)
    /// Answers do not wait for a disk that hangs.
    private static let answers = DispatchQueue(label: "sluice.decisions.answers", qos: .utility)

    init(stateFolder: String, settings: ControllerSettings, loop: any LoopContext, log: Logger) {
        self.files = DecisionFiles(stateFolder: stateFolder)
        self.bounds = DecisionBounds(settings)
        self.loop = loop
        self.log = log
    }

    func apply(_ settings: ControllerSettings) { self.bounds = DecisionBounds(settings) }

    func add(_ entry: DecisionEntry, _ head: DecisionHead) {
        let pool = head.pool
        var shelf = self.shelves.removeValue(forKey: pool) ?? Shelf(pen: DecisionPen(files: self.files, pool: pool))
        shelf.recent.append(entry.withoutLatency)
        // Not one by one, since each would move all.
        if shelf.recent.count >= 2 * Self.mostRecent { shelf.recent.removeFirst(Self.mostRecent) }
        if self.bounds.keepNanoseconds == 0 {
            (shelf.problem, shelf.missing) = (nil, 0)
        } else if shelf.waiting.count < Self.mostWaiting {
            shelf.waiting.append(.init(entry: entry, head: head))
        } else {
            self.note("the disk does not keep up", missing: 1, pool, &shelf)
        }
        self.shelves[pool] = shelf
        self.write(pool)
    }

    private func write(_ pool: String) {
        guard let shelf = self.shelves[pool], !shelf.isBusy, !shelf.waiting.isEmpty else { return }
        self.shelves[pool]?.isBusy = true
        self.shelves[pool]?.waiting = []
        let (items, bounds) = (shelf.waiting, self.bounds)
        let back = LoopBound(self, loop: self.loop)
        Self.disk.async { [pen = shelf.pen] in
            var pen = pen
            let result = Result { try pen.write(items, bounds) }
            back.submit { [pen] in $0.wrote(items.count, pool, pen, result) }
        }
    }

    private func wrote(_ count: Int, _ pool: String, _ pen: DecisionPen, _ result: Result<Void, any Error>) {
        guard var shelf = self.shelves.removeValue(forKey: pool) else { return }
        shelf.isBusy = false
        shelf.pen = pen
        switch result {
        case .success:
            if shelf.problem != nil {
                self.log.notice(
                    "decisions are journalled again",
                    metadata: ["pool": "\(pool)", "missing": "\(shelf.missing)"]
                )
            }
            (shelf.problem, shelf.missing) = (nil, 0)
        case .failure(let error): self.note("\(error)", missing: count, pool, &shelf)
        }
        self.shelves[pool] = shelf
        self.write(pool)
    }

    private func note(_ problem: String, missing: Int, _ pool: String, _ shelf: inout Shelf) {
        if shelf.problem == nil {
            self.log.error(
                "decisions cannot be journalled; scaling goes on without",
                metadata: ["pool": "\(pool)", "folder": "\(self.files.path)", "reason": "\(problem)"]
            )
        }
        shelf.problem = problem
        shelf.missing += missing
    }

    var problems: [String] {
        self.shelves.sorted { $0.key < $1.key }.compactMap { pool, shelf in
            guard let problem = shelf.problem else { return nil }
            return "pool \(pool): decisions cannot be journalled in \(self.files.path): \(problem). Scaling goes on; "
                + "\(shelf.missing) decisions are missing in the journal. It goes on as soon as there is room and this user "
                + "can write there"
        }
    }

    func latest(pool: String, count: Int, _ completion: @escaping ([UInt8]) -> Void) {
        let entries = Array((self.shelves[pool]?.recent ?? []).suffix(min(count, Self.mostRecent)))
        let back = LoopBound(Answer(completion: completion), loop: self.loop)
        Self.answers.async {
            // What cannot be written as JSON would be none of the policy's figures.
            let lines = entries.flatMap { (try? DecisionLine.bytes($0, withLimits: true)) ?? [] }
            back.submit { $0.completion(lines) }
        }
    }

    private struct Answer {
        let completion: ([UInt8]) -> Void
    }
}

extension DecisionBounds {
    init(_ settings: ControllerSettings) {
        self.init(keepNanoseconds: settings.decisionsKeepNanoseconds, bytes: settings.decisionsBytes)
    }
}
