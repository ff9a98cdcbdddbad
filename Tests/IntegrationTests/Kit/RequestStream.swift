import Foundation
import Synchronization

/// Requests one after the other, on fresh connections and on a kept one by turns, until it is told to stop.
final class RequestStream: Sendable {
    private struct Counts {
        var sent = 0
        var failures: [String] = []
        var isStopping = false
        var isOver = false
    }
    private let counts = Mutex(Counts())

    init(port: UInt16) {
        Thread.detachNewThread {
            var kept: HTTPPeer?
            while !self.counts.withLock({ $0.isStopping }) {
                let failure = Self.ask(port, &kept)
                self.counts.withLock { counts in
                    counts.sent += 1
                    if let failure { counts.failures.append("request \(counts.sent): \(failure)") }
                }
            }
            self.counts.withLock { $0.isOver = true }
        }
    }

    private static func ask(_ port: UInt16, _ kept: inout HTTPPeer?) -> String? {
        do {
            let fresh = try HTTPPeer(port: port).request("GET", "/")
            if kept == nil { kept = try HTTPPeer(port: port) }
            let again = try kept?.request("GET", "/")
            if again?.field("connection") == "close" { kept = nil }
            let bad = [fresh.status, again?.status ?? 0].first { $0 != 200 }
            return bad.map { "status \($0): \(fresh.text) \(again?.text ?? "")" }
        } catch {
            kept = nil
            return "\(error)"
        }
    }

    var sent: Int { self.counts.withLock { $0.sent } }

    /// Returns when so many more have been answered.
    func waitForMore(_ count: Int) throws {
        let goal = self.sent + count
        try Patience.wait(for: "\(count) more requests") { self.sent >= goal }
    }

    /// What failed, in words.
    func stop() throws -> [String] {
        self.counts.withLock { $0.isStopping = true }
        try Patience.wait(for: "the stream to end") { self.counts.withLock { $0.isOver } }
        return self.counts.withLock { $0.failures }
    }
}
