import Foundation

/// The decisions about the pool `workers`, as controllers have journalled them: none is missed, however seldom a test
/// looks.
enum DecisionTrail {
    /// As far as tests look at it.
    struct Entry: Decodable {
        struct Signals: Decodable {
            let waiting: Int
            let errorsPerSecond: Double
        }
        struct Pool: Decodable { let ready: Int }
        struct Decision: Decodable {
            let desiredWorkers: Int
            let requestsPerVisitor: Double
            let serviceTimeNanoseconds: Int64
        }
        /// Each term in which a controller leads has a higher one.
        let fence: Int64
        /// Nil: no gateway reported.
        let signals: Signals?
        let pool: Pool
        let decision: Decision

        /// 0 where nobody tells.
        var waiting: Int { self.signals?.waiting ?? 0 }
        var errorsPerSecond: Double { self.signals?.errorsPerSecond ?? 0 }
    }

    /// In order. A line that is being written is left out.
    static func entries(_ scene: Scene) -> [Entry] { self.entries(self.bytes(scene)) }

    /// Looks at all of them whenever there are more.
    static func wait(
        _ scene: Scene,
        for what: String,
        until condition: ([Entry]) throws -> Bool
    ) throws -> [Entry] {
        var length = -1
        return try Patience.value(of: what) {
            let bytes = self.bytes(scene)
            guard bytes.count != length else { return nil }
            length = bytes.count
            let entries = self.entries(bytes)
            return try condition(entries) ? entries : nil
        }
    }

    private static func bytes(_ scene: Scene) -> [UInt8] {
        let folder = "\(scene.folder)/state/decisions"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.hasPrefix("workers-") }.sorted().flatMap { RunningProcess.bytes("\(folder)/\($0)") }
    }

    private static func entries(_ bytes: [UInt8]) -> [Entry] {
        let decoder = JSONDecoder()
        // Lines of another kind, which say what the policy knew, have no decision.
        return bytes.split(separator: UInt8(ascii: "\n")).compactMap { try? decoder.decode(Entry.self, from: Data($0)) }
    }
}
