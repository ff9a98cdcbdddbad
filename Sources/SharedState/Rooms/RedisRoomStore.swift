import Admission
import EventLoop
import RedisClient

/// Rooms in Redis: each call is one run of `room.lua`.
public final class RedisRoomStore: BatchedRoomStore {
    public let client: RedisClient
    /// The names of a room's keys, made once: they are sent with every call. Forgotten altogether at `maxKeptNames` rooms.
    private var keys: [String: [String]] = [:]
    private static let maxKeptNames = 10_000

    /// `client` was made with `SharedScripts.all`; who made it starts and closes it.
    public init(client: RedisClient) { self.client = client }

    public var loop: any LoopContext { self.client.loop }

    public var outage: String? { self.client.isConnected ? nil : self.client.state.description }

    public func join(
        room: String,
        count: Int,
        known: KnownMarks,
        completion: @escaping StoreCompletion<JoinGrant>
    ) {
        self.run(.join(count: count), room, known, completion) { reply throws(RoomError) in
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
        _ tick: RoomTick,
        known: KnownMarks,
        completion: @escaping StoreCompletion<TickAnswer>
    ) {
        self.run(.tick(tick), room, known, completion) { reply throws(RoomError) in
            try RoomScript.tickAnswer(reply)
        }
    }

    public func setAllowedRate(
        room: String,
        rateMilli: Int64?,
        fence: Int64,
        completion: @escaping StoreCompletion<AllowedRateAnswer>
    ) {
        let operation = RoomScript.Operation.setAllowedRate(rateMilli: rateMilli, fence: fence)
        self.run(operation, room, .nothing, completion) { reply throws(RoomError) in try RoomScript.allowedRate(reply) }
    }

    public func reset(room: String, known: KnownMarks, completion: @escaping StoreCompletion<LineMarks>) {
        self.run(.reset, room, known, completion) { reply throws(RoomError) in try RoomScript.resetAnswer(reply) }
    }

    public func exchangeBatch(
        room: String,
        gateway: String,
        ids: [Int64],
        known: KnownMarks,
        completion: @escaping StoreCompletion<ExchangeAnswer>
    ) {
        self.run(.exchange(gateway: gateway, ids), room, known, completion) { reply throws(RoomError) in
            try RoomScript.exchangeAnswer(reply, count: ids.count)
        }
    }

    public func renewBatch(
        room: String,
        _ renewals: [Renewal],
        known: KnownMarks,
        completion: @escaping StoreCompletion<RenewAnswer>
    ) {
        self.run(.renew(renewals), room, known, completion) { reply throws(RoomError) in
            try RoomScript.renewAnswer(reply, count: renewals.count)
        }
    }

    public func releaseBatch(
        room: String,
        ids: [Int64],
        known: KnownMarks,
        completion: @escaping StoreCompletion<CountAnswer>
    ) {
        self.run(.release(ids), room, known, completion) { reply throws(RoomError) in
            try RoomScript.countAnswer(reply)
        }
    }

    public func leaveBatch(
        room: String,
        gateway: String,
        ids: [Int64],
        known: KnownMarks,
        completion: @escaping StoreCompletion<CountAnswer>
    ) {
        self.run(.leave(gateway: gateway, ids), room, known, completion) { reply throws(RoomError) in
            try RoomScript.countAnswer(reply)
        }
    }

    private func run<Answer>(
        _ operation: RoomScript.Operation,
        _ room: String,
        _ known: KnownMarks,
        _ completion: @escaping StoreCompletion<Answer>,
        _ parse: @escaping (RoomReply) throws(RoomError) -> Answer
    ) {
        self.loop.preconditionOnLoop()
        var arguments = operation.arguments(known: known).map(RedisArgument.init)
        // Which life of which server answers is known only when the command is sent.
        arguments[RoomScript.runArgument] = .serverRun
        self.client.eval(SharedScripts.room, keys: self.keys(of: room), arguments: arguments) { result in
            switch result {
            case .failure(let error): completion(.failure(StoreError(error)))
            case .success(let value):
                guard let reply = RoomReply(value) else {
                    return completion(.failure(.refused("room.lua answered something else than a list: \(value)")))
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

extension RedisArgument {
    init(_ word: RoomScript.Word) {
        switch word {
        case .text(let text): self = .text(text)
        case .number(let number): self = .integer(number)
        }
    }
}

extension RoomReply {
    /// nil for what the script never answers.
    init?(_ value: RedisValue) {
        switch value {
        case .integer(let integer): self = .integer(integer)
        case .bytes, .status: self = .text(value.text ?? "")
        case .array(let elements):
            var list: [RoomReply] = []
            list.reserveCapacity(elements.count)
            for element in elements {
                guard let reply = RoomReply(element) else { return nil }
                list.append(reply)
            }
            self = .list(list)
        case .null, .error: return nil
        }
    }
}
