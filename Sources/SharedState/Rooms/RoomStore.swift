import Admission
import EventLoop

/// The shared truth about rooms, as one loop sees it. `RedisRoomStore` or `MemoryRoomStore`.
///
/// All methods are called on the loop. Completions run on it too, exactly once, and never before the call has
/// returned. Callers gather what one turn brings and make one call of it: an exchange, a renewal, a release or a leave
/// of more than `RoomRules.largestBatch` numbers is split here, a join of more places is refused.
open class RoomStore {
    public final let loop: EventLoop

    public init(loop: EventLoop) { self.loop = loop }

    /// Why the shared state cannot be reached now; nil when it can.
    open var outage: String? { nil }

    /// Hands out the next `count` places.
    open func join(room: String, count: Int, completion: @escaping StoreCompletion<JoinGrant>) {
        preconditionFailure("\(type(of: self)) does not join")
    }

    /// Moves the room on, creates it when it is not there, and tells how it stands.
    open func tick(
        room: String,
        limits: RoomLimits,
        known: KnownMarks,
        completion: @escaping StoreCompletion<TickAnswer>
    ) {
        preconditionFailure("\(type(of: self)) does not tick")
    }

    /// The controller's bound on the admission rate in milli-tokens a second, nil for none. A fence lower than the
    /// last one is not taken.
    open func setAllowedRate(
        room: String,
        rateMilli: Int64?,
        fence: Int64,
        completion: @escaping StoreCompletion<AllowedRateAnswer>
    ) {
        preconditionFailure("\(type(of: self)) does not set rates")
    }

    /// The outcomes come in the order of `numbers`. Repeating an exchange is harmless.
    public final func exchange(room: String, numbers: [Int64], completion: @escaping StoreCompletion<ExchangeAnswer>) {
        let call = Batches.Call(numbers: numbers, loop: self.loop)
        call.run({ self.exchangeBatch(room: room, numbers: $0, completion: $1) }) { result in
            completion(result.map { Batches.exchange($0, call) })
        }
    }

    /// The new expiry of each session in the order of `numbers`; nil when it is over.
    public final func renew(room: String, numbers: [Int64], completion: @escaping StoreCompletion<[Int64?]>) {
        let call = Batches.Call(numbers: numbers, loop: self.loop)
        call.run({ self.renewBatch(room: room, numbers: $0, completion: $1) }) { result in
            completion(result.map { call.restored($0) })
        }
    }

    /// Ends sessions; tells how many slots became free.
    public final func release(room: String, numbers: [Int64], completion: @escaping StoreCompletion<Int>) {
        let call = Batches.Call(numbers: numbers, loop: self.loop)
        call.run({ self.releaseBatch(room: room, numbers: $0, completion: $1) }) { result in
            completion(result.map { $0.reduce(0, +) })
        }
    }

    /// Takes visitors who hung up from the door; tells how many stood there.
    public final func leave(room: String, numbers: [Int64], completion: @escaping StoreCompletion<Int>) {
        let call = Batches.Call(numbers: numbers, loop: self.loop)
        call.run({ self.leaveBatch(room: room, numbers: $0, completion: $1) }) { result in
            completion(result.map { $0.reduce(0, +) })
        }
    }

    // MARK: For subclasses: 1 to `RoomRules.largestBatch` numbers

    open func exchangeBatch(room: String, numbers: [Int64], completion: @escaping StoreCompletion<ExchangeAnswer>) {
        preconditionFailure("\(type(of: self)) does not exchange")
    }

    open func renewBatch(room: String, numbers: [Int64], completion: @escaping StoreCompletion<[Int64?]>) {
        preconditionFailure("\(type(of: self)) does not renew")
    }

    open func releaseBatch(room: String, numbers: [Int64], completion: @escaping StoreCompletion<Int>) {
        preconditionFailure("\(type(of: self)) does not release")
    }

    open func leaveBatch(room: String, numbers: [Int64], completion: @escaping StoreCompletion<Int>) {
        preconditionFailure("\(type(of: self)) does not take anybody from the door")
    }
}
