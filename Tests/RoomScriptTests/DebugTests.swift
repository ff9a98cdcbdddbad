import Testing
import Foundation
@testable import Admission
@Suite struct DebugTests {
    @Test func dump() throws {
        guard let text = ProcessInfo.processInfo.environment["SEED"], let seed = UInt64(text) else { return }
        let history = History(seed: seed, steps: 40)
        print(history.violations)
        for (i, s) in history.steps.enumerated() { if case .ask(let q, let a) = s { print(i, q.clockMicros, q.run, q.known, q.operation, "->", a) } else { print(i, s) } }
    }
}
