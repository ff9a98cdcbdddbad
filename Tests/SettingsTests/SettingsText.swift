import Foundation
import Settings
import Testing

@testable import SettingsFile

/// Settings as text, for tests.
enum SettingsText {
    /// The fewest keys that make a gateway, one a line.
    static let smallest = """
        listen:
          - address: 127.0.0.1:8080
        pools:
          tickets:
            max_workers: 4
        rooms:
          onsale:
            slots: 2000
            inflow: 120/s
        routes:
          - pool: tickets
            room: onsale

        """

    /// The file in Config, found from this one.
    static func reference() throws -> String {
        let folders = URL(filePath: #filePath).pathComponents.dropLast(3)
        let path = NSString.path(withComponents: folders + ["Config", "sluice.yaml"])
        return try String(contentsOfFile: path, encoding: .utf8)
    }

    /// Decodes as if the text were the file `/etc/sluice.yaml`.
    static func decode(_ text: String) throws(SettingsError) -> Settings {
        try SettingsFile.decode(Array(text.utf8), path: "/etc/sluice.yaml")
    }

    /// What is wrong with the text, a line a problem, without the folder of the file.
    static func problems(_ text: String) -> [String] {
        do throws(SettingsError) {
            _ = try self.decode(text)
            return []
        } catch {
            return error.problems.map { String($0.description.dropFirst("/etc/".count)) }
        }
    }
}

/// A folder for one test, to be removed with everything in it when the test is over: not in `deinit`, which may come
/// as soon as the path has been read for the last time.
struct TestFolder {
    let path: String

    init() throws {
        self.path = NSTemporaryDirectory() + "sluice-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: self.path, withIntermediateDirectories: true)
    }

    func remove() { try? FileManager.default.removeItem(atPath: self.path) }

    func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: URL(filePath: "\(self.path)/\(name)"))
    }
}
