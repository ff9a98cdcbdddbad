@testable import Admission

/// What a history met, by name: so that a test can ask whether everything was.
enum AnswerNames {
    static let all = [
        "admitted", "notServed", "atDoor", "lapsed", "ended", "void", "granted", "released", "straight in",
        "stood in line", "renewed", "gone", "bound taken", "bound refused", "no room", "batch", "bad id", "regress",
        "gap", "older line", "held", "conflict", "ignored", "events lost", "block", "lost sessions", "reset",
        "reset refused", "full bucket",
    ]

    static func of(_ answer: History.Answer) -> [String] {
        switch answer {
        case .join(let grant): [grant.admitted > 0 ? "straight in" : "stood in line"]
        case .tick(let tick): self.of(tick)
        case .exchange(let exchange):
            exchange.outcomes.map { outcome in
                switch outcome {
                case .admitted: "admitted"
                case .notServed: "notServed"
                case .atDoor: "atDoor"
                case .lapsed: "lapsed"
                case .ended: "ended"
                case .void: "void"
                }
            }
        case .renew(let answer): answer.expiries.map { $0 == nil ? "gone" : "renewed" }
        case .count: []
        case .reset: ["reset"]
        case .allowed(let allowed): [allowed.isTaken ? "bound taken" : "bound refused"]
        case .failed(.noRoom): ["no room"]
        case .failed(.batch): ["batch"]
        case .failed(.void): ["reset refused"]
        case .failed(.refused): ["bad id"]
        case .failed: ["failed otherwise"]
        }
    }

    private static func of(_ tick: TickAnswer) -> [String] {
        let snapshot = tick.snapshot
        let met: [(String, Bool)] = [
            ("granted", !tick.granted.isEmpty), ("released", !tick.released.isEmpty),
            ("regress", snapshot.incarnation > 1), ("gap", !snapshot.gaps.isEmpty),
            ("older line", !snapshot.older.isEmpty), ("held", snapshot.isHeld), ("conflict", snapshot.isConflicting),
            ("ignored", snapshot.isGenerationIgnored), ("events lost", tick.eventsLost), ("block", tick.block != nil),
            ("lost sessions", snapshot.lostSessions > 0),
            ("full bucket", snapshot.tokensNano == snapshot.burst * RoomRules.nanoTokens),
        ]
        return met.filter(\.1).map(\.0)
    }
}
