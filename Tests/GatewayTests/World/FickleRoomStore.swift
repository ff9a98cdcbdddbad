import Admission
import EventLoop
import Primitives
import SharedState
import TestKit

/// `FickleRooms` as one loop sees them: late, failing, with answers that are lost and calls that are done twice, as the
/// seed has it.
final class FickleRoomStore: RoomStore {
    /// A call that is not answered for so long is given up.
    private static let patienceNanoseconds = 1_100 * Nanoseconds.perMillisecond

    let loop: any LoopContext
    private let rooms: FickleRooms
    private let world: VirtualWorld
    var outage: String? { nil }
    /// Hears of each call by its name.
    var onCall: (String) -> Void = { _ in }

    init(loop: any LoopContext, rooms: FickleRooms, world: VirtualWorld) {
        self.loop = loop
        self.rooms = rooms
        self.world = world
    }

    /// One call: late, and perhaps not done, done twice, or done and not answered.
    private func call<Answer: Sendable>(
        _ room: String,
        creates: Bool = false,
        _ completion: @escaping StoreCompletion<Answer>,
        _ operation: @escaping (inout RoomModel, Int64, Int64) throws(RoomError) -> Answer
    ) {
        self.loop.preconditionOnLoop()
        let isCalm = self.rooms.isCalm
        let delay = self.world.random(0...(isCalm ? 1_000_000 : 150_000_000 as Int64))
        let fate = isCalm ? 0 : self.world.random(1...self.rooms.failsOneIn)
        let connection = self.rooms.connection
        self.loop.after(nanoseconds: delay) {
            if self.world.now < self.rooms.awayUntil || connection != self.rooms.connection {
                let rest = self.world.oneIn(2) ? Self.patienceNanoseconds : 0
                return self.fail(completion, afterNanoseconds: rest)
            }
            if self.rooms.isMute {
                _ = self.perform(room, creates, operation)
                return self.fail(completion, afterNanoseconds: Self.patienceNanoseconds)
            }
            switch fate {
            case 1: completion(.failure(.unavailable("the seed says no")))
            case 2:
                _ = self.perform(room, creates, operation)
                completion(.failure(.unanswered("the answer was lost")))
            case 3:
                _ = self.perform(room, creates, operation)
                completion(self.perform(room, creates, operation))
            default: completion(self.perform(room, creates, operation))
            }
        }
    }

    private func fail<Answer>(_ completion: @escaping StoreCompletion<Answer>, afterNanoseconds rest: Int64) {
        guard rest > 0 else { return completion(.failure(.unavailable("the server is away"))) }
        self.loop.after(nanoseconds: rest) { completion(.failure(.unanswered("the server did not answer"))) }
    }

    private func perform<Answer>(
        _ room: String,
        _ creates: Bool,
        _ operation: (inout RoomModel, Int64, Int64) throws(RoomError) -> Answer
    ) -> Result<Answer, StoreError> {
        do throws(RoomError) {
            let now = self.loop.wallMicros
            return .success(try self.rooms.perform(room, creates: creates, wallMicros: now, operation))
        } catch {
            return .failure(error == .noRoom ? .noRoom : .refused(error.description))
        }
    }

    func join(room: String, count: Int, known: KnownMarks, completion: @escaping StoreCompletion<JoinGrant>) {
        self.onCall("join")
        self.call(room, completion) { model, run, now throws(RoomError) in
            try model.join(count: count, known: known, run: run, nowMicros: now)
        }
    }

    func tick(room: String, _ tick: RoomTick, known: KnownMarks, completion: @escaping StoreCompletion<TickAnswer>) {
        self.call(room, creates: true, completion) { model, run, now throws(RoomError) in
            try model.tick(tick, known: known, run: run, nowMicros: now)
        }
    }

    func setAllowedRate(
        room: String,
        rateMilli: Int64?,
        fence: Int64,
        completion: @escaping StoreCompletion<AllowedRateAnswer>
    ) {
        self.call(room, completion) { model, run, now throws(RoomError) in
            try model.setAllowedRate(rateMilli, fence: fence, run: run, nowMicros: now)
        }
    }

    func exchange(
        room: String,
        gateway: String,
        ids: [Int64],
        known: KnownMarks,
        completion: @escaping StoreCompletion<ExchangeAnswer>
    ) {
        self.onCall("exchange")
        self.call(room, completion) { model, run, now throws(RoomError) in
            try model.exchange(gateway: gateway, ids: ids, known: known, run: run, nowMicros: now)
        }
    }

    func renew(
        room: String,
        _ renewals: [Renewal],
        known: KnownMarks,
        completion: @escaping StoreCompletion<RenewAnswer>
    ) {
        self.onCall("renew")
        self.call(room, completion) { model, run, now throws(RoomError) in
            try model.renew(renewals, known: known, run: run, nowMicros: now)
        }
    }

    func release(room: String, ids: [Int64], known: KnownMarks, completion: @escaping StoreCompletion<CountAnswer>) {
        self.onCall("release")
        self.call(room, completion) { model, run, now throws(RoomError) in
            try model.release(ids: ids, known: known, run: run, nowMicros: now)
        }
    }

    func leave(
        room: String,
        gateway: String,
        ids: [Int64],
        known: KnownMarks,
        completion: @escaping StoreCompletion<CountAnswer>
    ) {
        self.onCall("leave")
        self.call(room, completion) { model, run, now throws(RoomError) in
            try model.leave(gateway: gateway, ids: ids, known: known, run: run, nowMicros: now)
        }
    }

    func reset(room: String, known: KnownMarks, completion: @escaping StoreCompletion<LineMarks>) {
        self.call(room, completion) { model, run, now throws(RoomError) in
            try model.reset(known: known, run: run, nowMicros: now)
        }
    }
}
