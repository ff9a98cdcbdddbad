import Admission
import EventLoop
import RedisClient

/// Rooms in Redis: each call is one run of `room.lua`.
public final class RedisRoomStore: BatchedRoomStore {
    public let client: RedisClient
    /// Nine names a room, made once: they are sent with every call. Forgotten altogether at `maxKeptNames` rooms.
    private var keys: [String: [String]] = [:]
    private static let maxKeptNames = 10_000

    /// `client` was made with `SharedScripts.all`; who made it starts and closes it.
    public init(client: RedisClient) { self.client = client }

    public var loop: any LoopContext { self.client.loop }

    public var outage: String? { self.client.isConnected ? nil : self.client.state.description }

    public func join(room: String, count: Int, completion: @escaping StoreCompletion<JoinGrant>) {
        self.run(.join(count: count), room, completion) { reply throws(RoomError) in
            let grant = try RoomScript.joinGrant(reply)
            guard grant.count == Int64(count) else {
                throw .refused(
                    "join handed out \(grant.count) places instead of \(count): is room.lua of this version?"
                )
            }
            return grant
        }
    }

    public func tick(
        room: String,
        limits: RoomLimits,
        known: KnownMarks,
        completion: @escaping StoreCompletion<TickAnswer>
    ) {
        self.run(.tick(limits, known: known), room, completion) { reply throws(RoomError) in
            try RoomScript.tickAnswer(reply)
        }
    }

    public func setAllowedRate(
        room: String,
        rateMilli: Int64?,
        fence: Int64,
        completion: @escaping StoreCompletion<AllowedRateAnswer>
    ) {
        self.run(.setAllowedRate(rateMilli: rateMilli, fence: fence), room, completion) { reply throws(RoomError) in
            try RoomScript.allowedRate(reply)
        }
    }

    public func exchangeBatch(
        room: String,
        numbers: [Int64],
        completion: @escaping StoreCompletion<ExchangeAnswer>
    ) {
        self.run(.exchange(numbers), room, completion) { reply throws(RoomError) in
            try RoomScript.exchangeAnswer(reply, count: numbers.count)
        }
    }

    public func renewBatch(
        room: String,
        numbers: [Int64],
        completion: @escaping StoreCompletion<[Int64?]>
    ) {
        self.run(.renew(numbers), room, completion) { reply throws(RoomError) in
            try RoomScript.renewedExpiries(reply, count: numbers.count)
        }
    }

    public func releaseBatch(room: String, numbers: [Int64], completion: @escaping StoreCompletion<Int>) {
        self.run(.release(numbers), room, completion) { reply throws(RoomError) in
            try RoomScript.releasedCount(reply)
        }
    }

    public func leaveBatch(room: String, numbers: [Int64], completion: @escaping StoreCompletion<Int>) {
        self.run(.leave(numbers), room, completion) { reply throws(RoomError) in try RoomScript.leftCount(reply) }
    }

    private func run<Answer>(
        _ operation: RoomScript.Operation,
        _ room: String,
        _ completion: @escaping StoreCompletion<Answer>,
        _ parse: @escaping ([Int64]) throws(RoomError) -> Answer
    ) {
        self.loop.preconditionOnLoop()
        self.client.eval(SharedScripts.room, keys: self.keys(of: room), arguments: operation.arguments()) { result in
            switch result {
            case .failure(let error): completion(.failure(StoreError(error)))
            case .success(let value):
                guard let reply = value.integers else {
                    return completion(.failure(.refused("room.lua answered something else than integers: \(value)")))
                }
                do throws(RoomError) {
                    completion(.success(try parse(reply)))
                } catch {
                    completion(.failure(StoreError(error)))
                }
            }
        }
    }

    private func keys(of room: String) -> [String] {
        if let known = self.keys[room] { return known }
        if self.keys.count >= Self.maxKeptNames { self.keys.removeAll() }
        let keys = RoomScript.keys(room: room)
        self.keys[room] = keys
        return keys
    }
}
