import Admission
import EventLoop

/// The shared truth about rooms, as one loop sees it: `RedisRoomStore`, `MemoryRoomStore`, or one that misbehaves on
/// purpose in a simulated world.
///
/// All methods are called on the loop. Completions run on it too, exactly once, and never before the call has
/// returned. Callers gather what one turn brings and make one call of it. Any number of numbers may be exchanged,
/// renewed, released or taken from the door by one call; a join of more than `RoomRules.largestBatch` places is
/// refused.
public protocol RoomStore: AnyObject {
    var loop: any LoopContext { get }

    /// Why the shared state cannot be reached now; nil when it can.
    var outage: String? { get }

    /// Hands out the next `count` places.
    func join(room: String, count: Int, known: KnownMarks, completion: @escaping StoreCompletion<JoinGrant>)

    /// Moves the room on, creates it when it is not there, and tells how it stands.
    func tick(room: String, _ tick: RoomTick, known: KnownMarks, completion: @escaping StoreCompletion<TickAnswer>)

    /// The controller's bound on the admission rate in milli-tokens a second, nil for none. A fence lower than the
    /// last one is not taken. It holds for `RoomRules.allowedLeaseMicros`.
    func setAllowedRate(
        room: String,
        rateMilli: Int64?,
        fence: Int64,
        completion: @escaping StoreCompletion<AllowedRateAnswer>
    )

    /// The outcomes come in the order of `ids` (see `PlaceID`). Repeating an exchange is harmless. Who is at the door
    /// stands there for `gateway`, until that one leaves them, or ceases to tick.
    func exchange(
        room: String,
        gateway: String,
        ids: [Int64],
        known: KnownMarks,
        completion: @escaping StoreCompletion<ExchangeAnswer>
    )

    /// The new expiry of each session in the order of `renewals`; nil when it is over.
    func renew(
        room: String,
        _ renewals: [Renewal],
        known: KnownMarks,
        completion: @escaping StoreCompletion<RenewAnswer>
    )

    /// Ends sessions; tells how many slots became free.
    func release(room: String, ids: [Int64], known: KnownMarks, completion: @escaping StoreCompletion<CountAnswer>)

    /// Takes visitors who hung up from the door; tells how many stood there by `gateway`.
    func leave(
        room: String,
        gateway: String,
        ids: [Int64],
        known: KnownMarks,
        completion: @escaping StoreCompletion<CountAnswer>
    )

    /// Ends the line: all places and passes are void, a new line begins.
    func reset(room: String, known: KnownMarks, completion: @escaping StoreCompletion<LineMarks>)
}
