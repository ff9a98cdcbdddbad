import ArgumentParser
import EventLoop
import Foundation

struct JournalCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "journal",
        abstract: "Print a room's journal: who was let in, and by which limits.",
        discussion: """
            One JSON object a line, the oldest entry first, as far back as the room keeps it (`journal_keep` and \
            `journal_entries` of the configuration): `exchange` names who was let in and how many microseconds each \
            stood at the door, `limits` the limits in force from then on, `regress`, `adopt` and `reset` what happened to \
            the line. `t` is the room's time in microseconds since 1970, by which tokens and sessions count: it never \
            goes back, and after a fail-over it may lag behind the clock, by which the opening counts and whose \
            milliseconds `id` begins with.
            """
    )
    @Argument(help: "The room's name.") var room: String
    @Flag(help: "Go on printing what is added, until Ctrl-C.") var follow = false
    @Option(help: "Begin behind the entry with this id.") var after: String?
    @OptionGroup var admin: AdminOptions

    private static let followNanoseconds: Int64 = 500_000_000

    func validate() throws {
        guard RoomName.isPlausible(self.room) else { throw ValidationError(RoomName.problem(self.room)) }
        let isID = self.after?.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == UInt8(ascii: "-") } ?? true
        guard isID else { throw ValidationError("an id is two numbers, such as 1700000000000-0") }
    }

    func run() throws {
        let (room, follows) = (self.room, self.follow)
        let after = self.after
        try self.admin.ask(.get(Self.path(room, after: after))) { answer, admin in
            Self.take(answer, room: room, after: after, follows: follows, admin)
        }
    }

    private static func path(_ room: String, after: String?) -> String {
        "/rooms/\(room)/journal" + (after.map { "?after=\($0)" } ?? "")
    }

    private static func take(
        _ answer: [UInt8],
        room: String,
        after: String?,
        follows: Bool,
        _ admin: AdminConversation
    ) {
        FileHandle.standardOutput.write(Data(answer))
        let last = self.lastID(answer) ?? after
        if answer.isEmpty, !follows { Foundation.exit(0) }
        let next: @Sendable () -> Void = {
            admin.ask(.get(self.path(room, after: last))) { answer, admin in
                self.take(answer, room: room, after: last, follows: follows, admin)
            }
        }
        if answer.isEmpty { admin.loop.after(nanoseconds: self.followNanoseconds, next) } else { next() }
    }

    private static func lastID(_ lines: [UInt8]) -> String? {
        struct Entry: Decodable { let id: String }
        guard let line = lines.split(separator: 0x0A).last else { return nil }
        return (try? JSONDecoder().decode(Entry.self, from: Data(line)))?.id
    }
}
