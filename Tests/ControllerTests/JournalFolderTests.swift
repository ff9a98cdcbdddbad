import Foundation
import SharedState
import Testing

@testable import Controller

/// A folder for one test, with everything in it removed when the test is over.
final class SpoolFolder: Sendable {
    let path: String

    init() throws {
        self.path = NSTemporaryDirectory() + "sluice-spool-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: self.path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: self.path) }

    var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: self.path)) ?? []).sorted() }

    func text(_ name: String) -> String { (try? String(contentsOfFile: "\(self.path)/\(name)", encoding: .utf8)) ?? "" }

    func append(_ text: String, to name: String) throws {
        try (self.text(name) + text).write(toFile: "\(self.path)/\(name)", atomically: false, encoding: .utf8)
    }
}

@Suite struct JournalFolderTests {
    private static let day: Int64 = 1_790_000_000_000_000 / 86_400_000_000

    static func record(_ number: Int64, day: Int64 = JournalFolderTests.day) -> JournalRecord {
        let micros = day * 86_400_000_000 + number
        return JournalRecord(
            id: "\(micros / 1_000)-\(number)",
            fields: [("kind", "exchange"), ("t", "\(micros)"), ("g", "\(number)"), ("note", "a \"b\"\n")]
        )
    }

    @Test func line_isOneObject_withNumbersAsNumbers() {
        let text = String(decoding: JournalLine.bytes(Self.record(7), number: 12), as: UTF8.self)
        let micros = Self.day * 86_400_000_000 + 7
        #expect(
            text
                == #"{"n":12,"id":"\#(micros / 1_000)-7","kind":"exchange","t":\#(micros),"g":"7","note":"a \"b\"\n"}"#
                + "\n"
        )
        #expect(JournalFolder.position(inLine: text) == .init(id: "\(micros / 1_000)-7", number: 12))
        #expect(JournalFolder.position(inLine: "{}") == nil)
    }

    @Test func append_aFileADay_goesOnWhereItWas() throws {
        let spool = try SpoolFolder()
        let folder = JournalFolder(path: spool.path, room: "sale")
        #expect(try folder.position() == nil)
        try folder.append([Self.record(1), Self.record(2), Self.record(3, day: Self.day + 1)], first: 1)
        #expect(try folder.position() == .init(id: Self.record(3, day: Self.day + 1).id, number: 3))
        #expect(spool.names == ["sale-2026-09-21.jsonl", "sale-2026-09-22.jsonl"])
        #expect(spool.text(spool.names[0]).split(separator: "\n").count == 2)
        // A clock that was set back: the newest file goes on.
        try folder.append([Self.record(4)], first: 4)
        #expect(try folder.position()?.number == 4)
        #expect(spool.names.count == 2)
    }

    /// Killed in the middle of a line: the rest of it is written again, and nothing twice.
    @Test func position_afterACrash_isThatOfTheLastWholeLine() throws {
        let spool = try SpoolFolder()
        let folder = JournalFolder(path: spool.path, room: "sale")
        try folder.append([Self.record(1), Self.record(2)], first: 1)
        let name = spool.names[0]
        let whole = spool.text(name)
        try spool.append(#"{"n":3,"id":"5"#, to: name)
        #expect(try folder.position()?.number == 2)
        #expect(spool.text(name) == whole)
    }

    /// Killed, or the disk full, at the first line of a new day.
    @Test(arguments: ["", #"{"n":3,"id":"5"#, "somebody else's\n"])
    func position_newestFileHasNoWholeLine_isThatOfTheFileBefore(rest: String) throws {
        let spool = try SpoolFolder()
        let folder = JournalFolder(path: spool.path, room: "sale")
        try folder.append([Self.record(1), Self.record(2)], first: 1)
        try spool.append(rest, to: "sale-2099-01-01.jsonl")
        try spool.append("", to: "sale-2099-01-02.jsonl")
        #expect(try folder.position()?.number == 2)
        try folder.append([Self.record(3)], first: 3)
        #expect(try folder.position()?.number == 3)
    }

    @Test func position_otherRooms_areOthers() throws {
        let spool = try SpoolFolder()
        try JournalFolder(path: spool.path, room: "sale-2").append([Self.record(9)], first: 9)
        try JournalFolder(path: spool.path, room: "sale").append([Self.record(1)], first: 1)
        #expect(try JournalFolder(path: spool.path, room: "sale").position()?.number == 1)
        #expect(throws: (any Error).self) { try JournalFolder(path: spool.path + "/none", room: "sale").position() }
    }
}
