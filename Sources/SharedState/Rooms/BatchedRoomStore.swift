import Admission
import EventLoop

/// A store whose rooms take `RoomRules.largestBatch` numbers at once. Calls with more are cut into batches here, and
/// their answers put together again.
public protocol BatchedRoomStore: RoomStore {
    // Each takes 1 to `RoomRules.largestBatch` numbers.
    func exchangeBatch(room: String, numbers: [Int64], completion: @escaping StoreCompletion<ExchangeAnswer>)
    func renewBatch(room: String, numbers: [Int64], completion: @escaping StoreCompletion<[Int64?]>)
    func releaseBatch(room: String, numbers: [Int64], completion: @escaping StoreCompletion<Int>)
    func leaveBatch(room: String, numbers: [Int64], completion: @escaping StoreCompletion<Int>)
}

extension BatchedRoomStore {
    public func exchange(room: String, numbers: [Int64], completion: @escaping StoreCompletion<ExchangeAnswer>) {
        let call = Batches.Call(numbers: numbers, loop: self.loop)
        call.run({ self.exchangeBatch(room: room, numbers: $0, completion: $1) }) { result in
            completion(result.map { Batches.exchange($0, call) })
        }
    }

    public func renew(room: String, numbers: [Int64], completion: @escaping StoreCompletion<[Int64?]>) {
        let call = Batches.Call(numbers: numbers, loop: self.loop)
        call.run({ self.renewBatch(room: room, numbers: $0, completion: $1) }) { result in
            completion(result.map { call.restored($0) })
        }
    }

    public func release(room: String, numbers: [Int64], completion: @escaping StoreCompletion<Int>) {
        let call = Batches.Call(numbers: numbers, loop: self.loop)
        call.run({ self.releaseBatch(room: room, numbers: $0, completion: $1) }) { result in
            completion(result.map { $0.reduce(0, +) })
        }
    }

    public func leave(room: String, numbers: [Int64], completion: @escaping StoreCompletion<Int>) {
        let call = Batches.Call(numbers: numbers, loop: self.loop)
        call.run({ self.leaveBatch(room: room, numbers: $0, completion: $1) }) { result in
            completion(result.map { $0.reduce(0, +) })
        }
    }
}
