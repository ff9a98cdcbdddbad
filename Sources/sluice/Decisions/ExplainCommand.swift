import ArgumentParser
import Controller
import Decisions
import Foundation

struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Tell in plain words why a pool has its size.",
        discussion: """
            Asks the controller that leads, by its admin listener, for its last decisions on POOL; or reads them from the \
            journal: with --state of a state folder, or with --journal of one file. Decisions that say the same are one \
            line. Where something holds the pool back, the line says what to do about it. Times are in UTC.
            """
    )

    @Argument(help: "The pool's name.") var pool: String
    @Option(help: "How many minutes to tell of, up to the last decision. A running controller knows the last fifteen.")
    var minutes = 5
    @Option(help: "The state folder whose journal is read.", completion: .directory) var state: String?
    @Option(help: "A file of a journal to read.", completion: .file(extensions: ["jsonl"])) var journal: String?
    @OptionGroup var admin: AdminOptions

    func validate() throws {
        guard RoomName.isPlausible(self.pool) else { throw ValidationError("'\(self.pool)' is no name of a pool") }
        guard (1...10_080).contains(self.minutes) else {
            throw ValidationError("--minutes: \(self.minutes) is not between 1 and 10080, which is a week")
        }
        guard self.state == nil || self.journal == nil else {
            throw ValidationError("--state and --journal both name a journal: leave one out")
        }
    }

    func run() throws {
        let (pool, minutes) = (self.pool, self.minutes)
        guard self.state != nil || self.journal != nil else {
            try self.admin.ask(.get("/pools/\(pool)/decisions")) { answer, admin in
                Self.end {
                    var latest = LatestDecisions(minutes: minutes)
                    var reader = DecisionJournal()
                    try reader.read(lines: answer, from: "the answer of \(admin.address)") { latest.take($0) }
                    return try Self.text(latest, pool, "The controller at \(admin.address) has decided nothing yet")
                }
            }
        }
        Self.end {
            let files = try self.files()
            var (latest, reader) = try Self.readEnd(of: files, minutes: minutes)
            if !latest.isWhole {
                (latest, reader) = (LatestDecisions(minutes: minutes), DecisionJournal())
                try reader.read(files: files) { latest.take($0) }
            }
            guard reader.pool ?? pool == pool else {
                throw DecisionJournal.Problem(
                    description: "\(files[0]) is the journal of the pool \(reader.pool ?? ""), not of \(pool)"
                )
            }
            for notice in reader.notices { printError("notice: \(notice)") }
            return try Self.text(latest, pool, "\(files.joined(separator: ", ")): there is no decision in it")
        }
    }

    /// The last file's end, which holds the last minutes unless far more was decided than usual, or a day has just begun.
    private static func readEnd(of files: [String], minutes: Int) throws -> (LatestDecisions, DecisionJournal) {
        var latest = LatestDecisions(minutes: minutes)
        var reader = DecisionJournal()
        // Up to the head before them it is some ten minutes; of a line, four times what it usually has.
        let bytes = (minutes + 15) * 60 * 4_096
        try reader.read(endOf: files[files.count - 1], bytes: bytes) { latest.take($0) }
        return (latest, reader)
    }

    private func files() throws -> [String] {
        if let journal = self.journal { return [journal] }
        let folder = DecisionFiles(stateFolder: self.state ?? "")
        let files = try folder.files(ofPool: self.pool)
        guard !files.isEmpty else {
            let known = try folder.pools()
            throw DecisionJournal.Problem(
                description: "there is no journal of the pool \(self.pool) in \(self.state ?? ""); there are those of: "
                    + (known.isEmpty ? "none" : known.joined(separator: ", "))
            )
        }
        return files
    }

    private static func text(_ latest: LatestDecisions, _ pool: String, _ nothing: String) throws -> String {
        let entries = latest.entries
        guard !entries.isEmpty else { throw DecisionJournal.Problem(description: nothing) }
        return ExplanationText(pool: pool, story: DecisionStory(entries)).text
    }

    /// Prints what `work` says, or why it cannot, and ends the program.
    private static func end(_ work: () throws -> String) -> Never {
        do {
            print(try work(), terminator: "")
            Foundation.exit(0)
        } catch {
            printError("\(error)")
            Foundation.exit(1)
        }
    }
}

/// The entries of the last minutes of a journal, however long it is.
struct LatestDecisions {
    private let micros: Int64
    private var kept: [DecisionEntry] = []
    private var hasDropped = false

    init(minutes: Int) { self.micros = Int64(minutes) * 60_000_000 }

    mutating func take(_ record: DecisionRecord) {
        guard case .entry(let entry) = record else { return }
        self.kept.append(entry.withoutLatency)
        // Not one by one, since each would move all.
        guard self.kept.count.isMultiple(of: 4_096) else { return }
        let entries = self.entries
        self.hasDropped = self.hasDropped || entries.count < self.kept.count
        self.kept = entries
    }

    /// Whether there are older ones than were asked for, so that none is missing.
    var isWhole: Bool {
        self.hasDropped || self.entries.count < self.kept.count
    }

    var entries: [DecisionEntry] {
        let last = self.kept.map(\.wallMicros).max() ?? 0
        return self.kept.filter { $0.wallMicros >= last - self.micros }
    }
}

/// A story as lines of text.
struct ExplanationText {
    let pool: String
    let story: DecisionStory

    var text: String {
        var text = "pool \(self.pool), times in UTC\n"
        for stretch in self.story.stretches {
            if stretch.silenceMicros > 0 {
                text += "  (nothing was decided for \(stretch.silenceMicros / 1_000_000) s)\n"
            }
            if stretch.isNewTerm {
                text += "  (here another term begins: a controller was started, or another one leads)\n"
            }
            let from = ReplayText.time(stretch.fromMicros)
            let until = ReplayText.time(stretch.untilMicros)
            text += "\(from)\(from == until ? "" : " to \(until)")  \(stretch.explanation.text)\n"
        }
        return text
    }
}
