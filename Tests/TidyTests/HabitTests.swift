import Foundation
import Testing

/// Habits of the house that a machine can see.
@Suite struct HabitTests {
    private let repository = Repository.here
    private static let folders = ["Sources", "LoadTests", "Tests"]

    /// What the compiler is told not to check is explained to people.
    @Test func uncheckedPromises_giveTheirReasonAbove() throws {
        for folder in Self.folders {
            for file in try self.repository.swiftFiles(in: folder) where !file.path.hasPrefix("Tests/TidyTests/") {
                for (index, line) in file.lines.enumerated() {
                    let code = line.components(separatedBy: "//")[0]
                    guard code.contains("@unchecked Sendable") || code.contains("nonisolated(unsafe)") else { continue }
                    // Attributes and the declaration's own lines may stand between.
                    let above = file.lines[..<index].reversed().drop { $0.trimmed.hasPrefix("@") }.first ?? ""
                    #expect(
                        above.trimmed.hasPrefix("//"),
                        "\(file.path):\(index + 1) gives no reason on the line above"
                    )
                }
            }
        }
    }

    /// A test waits for a condition, with a deadline.
    @Test func tests_neverSleep() throws {
        let words = ["usleep(", "nanosleep(", " sleep(", "Task.sleep", "Thread.sleep", "asyncAfter("]
        // Stands still on purpose: what a process without a core looks like is what it is about.
        let exempt = ["Tests/RedisClientTests/RedisRig+Load.swift"]
        for file in try self.repository.swiftFiles(in: "Tests")
        where !file.path.hasPrefix("Tests/TidyTests/") && !exempt.contains(file.path) {
            for (index, line) in file.lines.enumerated() {
                let code = line.components(separatedBy: "//")[0]
                for word in words where code.contains(word) { Issue.record("\(file.path):\(index + 1): \(word)") }
            }
        }
    }

    /// Dispatch watches the shared queues, and the tasks that run on them, by reading /proc once a second; without a
    /// descriptor for that it ends the process. A gateway that has used up its descriptors must live on.
    @Test func programs_runNothingOnSharedQueues() throws {
        let words = ["DispatchQueue.global(", "Task {", "Task.detached", "concurrentPerform"]
        for file in try self.repository.swiftFiles(in: "Sources") {
            for (index, line) in file.lines.enumerated() {
                let code = line.components(separatedBy: "//")[0]
                for word in words where code.contains(word) { Issue.record("\(file.path):\(index + 1): \(word)") }
            }
        }
    }

    @Test func sources_leaveNothingForLater() throws {
        let words = ["TO" + "DO", "FIX" + "ME", "XX" + "X:", "fatalError(\"not implemented"]
        for folder in Self.folders {
            for file in try self.repository.swiftFiles(in: folder) {
                for (index, line) in file.lines.enumerated() {
                    for word in words where line.contains(word) { Issue.record("\(file.path):\(index + 1): \(word)") }
                }
            }
        }
    }

    /// Where this was built is nobody's business.
    @Test func files_nameNoPathOfAMachine() throws {
        let words = ["/ho" + "me/", "/wo" + "rk/", "/Us" + "ers/"]
        for folder in Self.folders {
            for file in try self.repository.swiftFiles(in: folder) {
                for (index, line) in file.lines.enumerated() {
                    for word in words where line.contains(word) { Issue.record("\(file.path):\(index + 1): \(word)") }
                }
            }
        }
    }
}

extension String {
    fileprivate var trimmed: String { String(self.drop { $0 == " " }) }
}
