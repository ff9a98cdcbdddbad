import Foundation

/// What an operator does: asks the admin listener, and runs the program's commands.
enum Operator {
    struct Readiness: Decodable {
        let ready: Bool
        let mode: String
        let problems: [String]
    }

    static func readiness(_ sluice: SluiceProcess) throws -> Readiness {
        try JSONDecoder().decode(Readiness.self, from: Data(sluice.admin("/readyz").body))
    }

    static func command(_ scene: Scene, _ sluice: SluiceProcess, _ words: [String]) throws
        -> (end: RunningProcess.End, output: String, errors: String)
    {
        try scene.run(try SluiceProcess.program, words + ["--admin", "127.0.0.1:\(sluice.adminPort)"])
    }

    static func expectProblem(_ words: [String], at sluice: SluiceProcess) throws {
        try Patience.wait(for: "\(words) in \((try? Self.readiness(sluice).problems) ?? [])") {
            try Self.readiness(sluice).problems.contains { text in words.allSatisfy(text.contains) }
        }
    }
}
