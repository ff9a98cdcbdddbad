import Admission
import EventLoop

/// Rooms in memory, as one loop sees them. The same rules as in Redis, on the loop's wall clock.
public final class MemoryRoomStore: BatchedRoomStore {
    public let loop: any LoopContext
    public let rooms: MemoryRooms

    public init(loop: any LoopContext, rooms: MemoryRooms) {
        self.loop = loop
        self.rooms = rooms
    }

    /// Memory is always there.
    public var outage: String? { nil }

    public func join(
        room: String,
        count: Int,
        known: KnownMarks,
        completion: @escaping StoreCompletion<JoinGrant>
    ) {
        self.run(room, completion) { model, now throws(RoomError) in
            try model.join(count: count, known: known, nowMicros: now)
        }
    }

    public func tick(
        room: String,
        _ tick: RoomTick,
        known: KnownMarks,
        completion: @escaping StoreCompletion<TickAnswer>
    ) {
        self.run(room, creates: true, completion) { model, now throws(RoomError) in
            try model.tick(tick, known: known, nowMicros: now)
        }
    }

    public func setAllowedRate(
        room: String,
        rateMilli: Int64?,
        fence: Int64,
        completion: @escaping StoreCompletion<AllowedRateAnswer>
    ) {
        self.run(room, completion) { model, now throws(RoomError) in
            try model.setAllowedRate(rateMilli, fence: fence, nowMicros: now)
        }
    }

    public func reset(room: String, known: KnownMarks, completion: @escaping StoreCompletion<LineMarks>) {
        self.run(room, completion) { model, now throws(RoomError) in try model.reset(known: known, nowMicros: now) }
    }

    public func exchangeBatch(
        room: String,
        gateway: String,
        ids: [Int64],
        known: KnownMarks,
        completion: @escaping StoreCompletion<ExchangeAnswer>
    ) {
        self.run(room, completion) { model, now throws(RoomError) in
            try model.exchange(gateway: gateway, ids: ids, known: known, nowMicros: now)
        }
    }

    public func renewBatch(
        room: String,
        _ renewals: [Renewal],
        known: KnownMarks,
        completion: @escaping StoreCompletion<RenewAnswer>
    ) {
        self.run(room, completion) { model, now throws(RoomError) in
            try model.renew(renewals, known: known, nowMicros: now)
        }
    }

    public func releaseBatch(
        room: String,
        ids: [Int64],
        known: KnownMarks,
        completion: @escaping StoreCompletion<CountAnswer>
    ) {
        self.run(room, completion) { model, now throws(RoomError) in
            try model.release(ids: ids, known: known, nowMicros: now)
        }
    }

    public func leaveBatch(
        room: String,
        gateway: String,
        ids: [Int64],
        known: KnownMarks,
        completion: @escaping StoreCompletion<CountAnswer>
    ) {
        self.run(room, completion) { model, now throws(RoomError) in
            try model.leave(gateway: gateway, ids: ids, known: known, nowMicros: now)
        }
    }

    /// The answer is there at once, and still comes in the next turn, as it would from Redis.
    private func run<Answer: Sendable>(
        _ room: String,
        creates: Bool = false,
        _ completion: @escaping StoreCompletion<Answer>,
        _ operation: (inout RoomModel, Int64) throws(RoomError) -> Answer
    ) {
        self.loop.preconditionOnLoop()
        let result = self.rooms.run(room: room, wallMicros: self.loop.wallMicros, creates: creates, operation)
        self.loop.onNextTurn { completion(result) }
    }
}
