import Admission
import EventLoop
import Primitives
import SharedState
import TestKit

/// Rooms in memory behind a shared state that is late, fails, loses answers and does things twice, as the seed has it.
final class FickleRoomStore: RoomStore {
    /// How often it misbehaves; none in the end, so that everybody can be let in.
    final class Mood {
        var failsOneIn = 12
        var isCalm = false
    }

    private let store: MemoryRoomStore
    private let world: VirtualWorld
    private let mood: Mood
    var loop: any LoopContext { self.store.loop }
    var outage: String? { nil }

    init(loop: any LoopContext, rooms: MemoryRooms, world: VirtualWorld, mood: Mood) {
        self.store = MemoryRoomStore(loop: loop, rooms: rooms)
        self.world = world
        self.mood = mood
    }

    /// One call: late, and perhaps not done, done twice, or done and not answered.
    private func call<Answer>(
        _ completion: @escaping StoreCompletion<Answer>,
        _ operation: @escaping (@escaping StoreCompletion<Answer>) -> Void
    ) {
        let delay = self.world.random(0...(self.mood.isCalm ? 1_000_000 : 150_000_000 as Int64))
        let fate = self.mood.isCalm ? 0 : self.world.random(1...self.mood.failsOneIn)
        self.loop.after(nanoseconds: delay) {
            switch fate {
            case 1: completion(.failure(.unavailable("the seed says no")))
            case 2: operation { _ in completion(.failure(.unanswered("the answer was lost"))) }
            case 3: operation { _ in operation(completion) }
            default: operation(completion)
            }
        }
    }

    func join(room: String, count: Int, known: KnownMarks, completion: @escaping StoreCompletion<JoinGrant>) {
        self.call(completion) { self.store.join(room: room, count: count, known: known, completion: $0) }
    }

    func tick(room: String, _ tick: RoomTick, known: KnownMarks, completion: @escaping StoreCompletion<TickAnswer>) {
        self.call(completion) { self.store.tick(room: room, tick, known: known, completion: $0) }
    }

    func setAllowedRate(
        room: String,
        rateMilli: Int64?,
        fence: Int64,
        known: KnownMarks,
        completion: @escaping StoreCompletion<AllowedRateAnswer>
    ) {
        self.call(completion) {
            self.store.setAllowedRate(room: room, rateMilli: rateMilli, fence: fence, known: known, completion: $0)
        }
    }

    func exchange(
        room: String,
        gateway: String,
        ids: [Int64],
        known: KnownMarks,
        completion: @escaping StoreCompletion<ExchangeAnswer>
    ) {
        self.call(completion) {
            self.store.exchange(room: room, gateway: gateway, ids: ids, known: known, completion: $0)
        }
    }

    func renew(
        room: String,
        _ renewals: [Renewal],
        known: KnownMarks,
        completion: @escaping StoreCompletion<RenewAnswer>
    ) {
        self.call(completion) { self.store.renew(room: room, renewals, known: known, completion: $0) }
    }

    func release(room: String, ids: [Int64], known: KnownMarks, completion: @escaping StoreCompletion<CountAnswer>) {
        self.call(completion) { self.store.release(room: room, ids: ids, known: known, completion: $0) }
    }

    func leave(room: String, ids: [Int64], known: KnownMarks, completion: @escaping StoreCompletion<CountAnswer>) {
        self.call(completion) { self.store.leave(room: room, ids: ids, known: known, completion: $0) }
    }

    func reset(room: String, known: KnownMarks, completion: @escaping StoreCompletion<LineMarks>) {
        self.call(completion) { self.store.reset(room: room, known: known, completion: $0) }
    }
}
