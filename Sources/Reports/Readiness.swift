import Foundation

/// Whether a process is fit to take traffic, as `/readyz` and `/healthz` say it.
///
/// A gateway whose shared state is away is ready: passes work, places are shown and kept, and another gateway would be
/// no better off. What keeps it from being ready is that it is starting, has never reached the shared state, or ends.
public struct Readiness: Codable, Equatable, Sendable {
    public var ready: Bool
    /// `normal`, `degraded` (the shared state is away) or `held` (nobody is let in: no worker is healthy).
    public var mode: String
    /// Why it is not ready; or, when it is, what is not as it should be.
    public var problems: [String]

    public init(ready: Bool, mode: String, problems: [String] = []) {
        self.ready = ready
        self.mode = mode
        self.problems = problems
    }

    public static let fine = Readiness(ready: true, mode: "normal")

    /// One line of JSON in UTF-8.
    public func encoded() -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(self)).map { Array($0) + [0x0A] } ?? []
    }
}
