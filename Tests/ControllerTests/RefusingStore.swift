import Admission
import EventLoop
import SharedState

/// Rooms whose rate cannot be set when a test wants it; a controller asks nothing else of them.
final class RefusingStore: RoomStore {
    private let store: MemoryRoomStore
    var refusal: StoreError?
    /// How often each room was lent a rate.
    private(set) var lendings: [String: Int] = [:]

    init(_ store: MemoryRoomStore) { self.store = store }

    var loop: any LoopContext { self.store.loop }
    var outage: String? { nil }

    func setAllowedRate(
        room: String,
        rateMilli: Int64?,
        fence: Int64,
        completion: @escaping StoreCompletion<AllowedRateAnswer>
    ) {
        self.lendings[room, default: 0] += 1
        if let refusal = self.refusal { return self.loop.onNextTurn { completion(.failure(refusal)) } }
        self.store.setAllowedRate(room: room, rateMilli: rateMilli, fence: fence, completion: completion)
    }

    func tick(room: String, _ tick: RoomTick, known: KnownMarks, completion: @escaping StoreCompletion<TickAnswer>) {
        self.store.tick(room: room, tick, known: known, completion: completion)
    }
    func join(room: String, count: Int, known: KnownMarks, completion: @escaping StoreCompletion<JoinGrant>) {
        self.store.join(room: room, count: count, known: known, completion: completion)
    }
    func exchange(
        room: String,
        gateway: String,
        ids: [Int64],
        known: KnownMarks,
        completion: @escaping StoreCompletion<ExchangeAnswer>
    ) {
        self.store.exchange(room: room, gateway: gateway, ids: ids, known: known, completion: completion)
    }
    func renew(
        room: String,
        _ renewals: [Renewal],
        known: KnownMarks,
        completion: @escaping StoreCompletion<RenewAnswer>
    ) {
        self.store.renew(room: room, renewals, known: known, completion: completion)
    }
    func release(room: String, ids: [Int64], known: KnownMarks, completion: @escaping StoreCompletion<CountAnswer>) {
        self.store.release(room: room, ids: ids, known: known, completion: completion)
    }
    func leave(
        room: String,
        gateway: String,
        ids: [Int64],
        known: KnownMarks,
        completion: @escaping StoreCompletion<CountAnswer>
    ) {
        self.store.leave(room: room, gateway: gateway, ids: ids, known: known, completion: completion)
    }
    func reset(room: String, known: KnownMarks, completion: @escaping StoreCompletion<LineMarks>) {
        self.store.reset(room: room, known: known, completion: completion)
    }
}
