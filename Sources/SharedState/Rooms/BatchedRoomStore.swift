import Admission
import EventLoop

/// A store whose rooms take `RoomRules.largestBatch` ids at once. Calls with more are cut into batches here, and
/// their answers put together again.
public protocol BatchedRoomStore: RoomStore {
    // Each takes 1 to `RoomRules.largestBatch` items, or none: a call with nothing tells how the line stands.
    func exchangeBatch(
        room: String,
        gateway: String,
        ids: [Int64],
        known: KnownMarks,
        completion: @escaping StoreCompletion<ExchangeAnswer>
    )
    func renewBatch(
        room: String,
        _ renewals: [Renewal],
        known: KnownMarks,
        completion: @escaping StoreCompletion<RenewAnswer>
    )
    func releaseBatch(
        room: String,
        ids: [Int64],
        known: KnownMarks,
        completion: @escaping StoreCompletion<CountAnswer>
    )
    func leaveBatch(
        room: String,
        gateway: String,
        ids: [Int64],
        known: KnownMarks,
        completion: @escaping StoreCompletion<CountAnswer>
    )
}

extension BatchedRoomStore {
    public func exchange(
        room: String,
        gateway: String,
        ids: [Int64],
        known: KnownMarks,
        completion: @escaping StoreCompletion<ExchangeAnswer>
    ) {
        let call = Batches.Call(items: ids, loop: self.loop, by: \.self)
        call.run({ self.exchangeBatch(room: room, gateway: gateway, ids: $0, known: known, completion: $1) }) {
            completion(
                $0.map { ExchangeAnswer(line: $0[$0.count - 1].line, outcomes: call.restored($0.map(\.outcomes))) }
            )
        }
    }

    public func renew(
        room: String,
        _ renewals: [Renewal],
        known: KnownMarks,
        completion: @escaping StoreCompletion<RenewAnswer>
    ) {
        let call = Batches.Call(items: renewals, loop: self.loop, by: \.id)
        call.run({ self.renewBatch(room: room, $0, known: known, completion: $1) }) {
            completion($0.map { RenewAnswer(line: $0[$0.count - 1].line, expiries: call.restored($0.map(\.expiries))) })
        }
    }

    public func release(
        room: String,
        ids: [Int64],
        known: KnownMarks,
        completion: @escaping StoreCompletion<CountAnswer>
    ) {
        let call = Batches.Call(items: ids, loop: self.loop, by: \.self)
        call.run({ self.releaseBatch(room: room, ids: $0, known: known, completion: $1) }) {
            completion($0.map(Batches.sum))
        }
    }

    public func leave(
        room: String,
        gateway: String,
        ids: [Int64],
        known: KnownMarks,
        completion: @escaping StoreCompletion<CountAnswer>
    ) {
        let call = Batches.Call(items: ids, loop: self.loop, by: \.self)
        call.run({ self.leaveBatch(room: room, gateway: gateway, ids: $0, known: known, completion: $1) }) {
            completion($0.map(Batches.sum))
        }
    }
}
