import EventLoop
import Primitives
import RedisClient
import Transport

/// The Redis of the gateway under test, asked directly: its clock, and the room's own journal.
final class RoomRedis {
    /// Entries of one question.
    static let pageEntries = 1_000

    private let client: RedisClient
    private let keys: (journal: String, state: String)
    /// Redis' clock at a moment of the monotonic one.
    private var clockMicros: Int64 = 0
    private var clockReadAt = Instant(nanoseconds: 0)

    /// - Parameter stateFolder: the gateway's; its embedded Redis listens on a socket in it.
    init(stateFolder: String, room: String = SitePlan.roomName, on loop: EventLoop) throws {
        self.keys = (journal: "sluice:{\(room)}:journal", state: "sluice:{\(room)}:state")
        var options = RedisOptions()
        options.commandTimeoutNanoseconds = 10 * Nanoseconds.perSecond
        let address = try SocketAddress(parsing: "unix:\(stateFolder)/redis/redis.sock")
        self.client = RedisClient(loop: loop, endpoint: RedisEndpoint(address), options: options)
    }

    func start() { self.client.start() }
    var isConnected: Bool { self.client.isConnected }
    func close() { self.client.close() }

    func send(_ words: [RedisArgument], _ completion: @escaping RedisCompletion) {
        self.client.send(words, completion: completion)
    }

    /// Asked so often, for the answer that was the shortest on its way.
    private static let clockQuestions = 8

    /// Reads Redis' clock, as of the middle of the question's way.
    func readClock(_ completion: @escaping (PlayProblem?) -> Void) {
        self.readClock(questions: Self.clockQuestions, shortestNanoseconds: .max, completion)
    }

    private func readClock(
        questions: Int,
        shortestNanoseconds: Int64,
        _ completion: @escaping (PlayProblem?) -> Void
    ) {
        guard questions > 0 else { return completion(nil) }
        let askedAt = MonotonicClock.now()
        self.client.send(["TIME"]) { result in
            let distance = MonotonicClock.now().nanoseconds(since: askedAt)
            guard case .success(let value) = result, let texts = value.texts, texts.count == 2,
                let seconds = Int64(texts[0]), let micros = Int64(texts[1]),
                RedisClock.sensibleSeconds.contains(seconds), (0..<1_000_000).contains(micros)
            else { return completion(PlayProblem("Redis does not tell the time: \(result)")) }
            if distance < shortestNanoseconds {
                self.clockReadAt = askedAt.advanced(byNanoseconds: distance / 2)
                self.clockMicros = seconds * 1_000_000 + micros
            }
            self.readClock(
                questions: questions - 1,
                shortestNanoseconds: min(distance, shortestNanoseconds),
                completion
            )
        }
    }

    /// Redis' clock at `instant`.
    func micros(at instant: Instant) -> Int64 {
        self.clockMicros + instant.nanoseconds(since: self.clockReadAt) / 1_000
    }

    /// Reads the journal from its first entry to its last.
    func readJournal(_ completion: @escaping (Result<AdmissionJournal, PlayProblem>) -> Void) {
        self.readPage(from: "-", into: AdmissionJournal(), completion)
    }

    private func readPage(
        from start: String,
        into journal: AdmissionJournal,
        _ completion: @escaping (Result<AdmissionJournal, PlayProblem>) -> Void
    ) {
        let words: [RedisArgument] = [
            "XRANGE", .text(self.keys.journal), .text(start), "+", "COUNT", .integer(Int64(Self.pageEntries)),
        ]
        self.client.send(words) { result in
            do {
                guard let entries = try result.get().array else {
                    throw PlayProblem("\(self.keys.journal) is not a stream")
                }
                var journal = journal
                var last = start
                for entry in entries { last = try Self.take(entry, into: &journal) }
                guard entries.count == Self.pageEntries else {
                    journal.sort()
                    return completion(.success(journal))
                }
                self.readPage(from: "(\(last)", into: journal, completion)
            } catch {
                completion(.failure(PlayProblem("the room's journal could not be read: \(error)")))
            }
        }
    }

    private static let micros = 0...(RedisClock.sensibleSeconds.upperBound * 1_000_000)
    private static let amounts = 0...PieceReader.mostTimes

    /// Returns the entry's id.
    static func take(_ entry: RedisValue, into journal: inout AdmissionJournal) throws -> String {
        guard let parts = entry.array, parts.count == 2, let id = parts[0].text, let words = parts[1].texts,
            words.count.isMultiple(of: 2)
        else { throw PlayProblem("\(entry) is not an entry of a stream") }
        var fields: [String: String] = [:]
        for index in stride(from: 0, to: words.count, by: 2) { fields[words[index]] = words[index + 1] }
        let before = (journal.exchanges.count, journal.limits.count)
        try journal.take(fields: fields)
        // What is computed with must not overflow, whatever the gateway under test has written.
        let isSound =
            journal.exchanges[before.0...].allSatisfy { exchange in
                Self.micros.contains(exchange.micros) && Self.amounts.contains(exchange.number)
                    && Self.micros.contains(exchange.doorWaitMicros)
            }
            && journal.limits[before.1...].allSatisfy { limits in
                Self.micros.contains(limits.micros)
                    && [limits.rateMilli, limits.burst, limits.slots].allSatisfy(Self.amounts.contains)
            }
        guard isSound else { throw PlayProblem("the entry \(id) holds a figure that no room has: \(fields)") }
        return id
    }

    /// How many the room says it has let in, which must be what its journal says.
    func readAdmitted(_ completion: @escaping (Int?) -> Void) {
        self.client.send(["HGET", .text(self.keys.state), "admitted"]) { result in
            let admitted = (try? result.get())?.integer
            completion(admitted.flatMap { Self.amounts.contains($0) ? Int($0) : nil })
        }
    }
}
