import Admission
import RedisClient
import SharedState
import TestKit
import Testing

private typealias Answer = Result<TicketRecord, StoreError>

extension StateRig {
    fileprivate func loadTickets() async throws -> TicketRecord {
        let store = RedisTicketStore(client: self.client!)
        return try await withCheckedContinuation { (continuation: CheckedContinuation<Answer, Never>) in
            store.load { continuation.resume(returning: $0) }
        }.get()
    }

    fileprivate func replaceTickets(_ expected: [UInt8]?, _ sealed: [UInt8]) async throws -> TicketRecord {
        let store = RedisTicketStore(client: self.client!)
        return try await withCheckedContinuation { (continuation: CheckedContinuation<Answer, Never>) in
            store.replace(expected: expected, with: sealed, keptMillis: 1_000_000) {
                continuation.resume(returning: $0)
            }
        }.get()
    }
}

@Suite(.serialized) struct TicketStoreTests {
    /// Of two gateways that renew the same keys, the second hears what the first has written.
    @Test func replace_onlyWhatWasExpected() async throws {
        try await withRig(.redis) { rig async throws in
            #expect(try await rig.loadTickets().sealed == nil)
            let (first, second): ([UInt8], [UInt8]) = ([1, 0, 255], [2, 13, 10])
            let record = try await rig.replaceTickets(nil, first)
            #expect(record.sealed == first && record.atMicros > 1_600_000_000_000_000)
            #expect(try await rig.replaceTickets(nil, second).sealed == first)
            #expect(try await rig.loadTickets().sealed == first)
            #expect(try await rig.replaceTickets(first, second).sealed == second)
            let left = try await rig.send("PTTL", "sluice:{tickets}:keys").integer
            #expect((1...1_000_000).contains(left ?? 0), "it ends by itself: \(left ?? 0)")
        }
    }
}
