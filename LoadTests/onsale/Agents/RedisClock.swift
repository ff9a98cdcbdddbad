import EventLoop
import Primitives
import RedisClient

/// Redis's clock as this process sees it: of several questions, the one that was answered fastest counts, and is off by
/// half the way there and back at most.
struct RedisClock: Sendable {
    static let questions = 15
    /// What a clock may say, in seconds since 1970: nanoseconds of it fit.
    static let sensibleSeconds: ClosedRange<Int64> = 0...4_000_000_000

    /// Redis's microseconds at a moment of the monotonic clock.
    private(set) var micros: Int64 = 0
    private(set) var readAt = Instant(nanoseconds: 0)
    private(set) var distanceNanoseconds = Int64.max

    func micros(at instant: Instant) -> Int64 { self.micros + instant.nanoseconds(since: self.readAt) / 1_000 }

    func instant(ofMicros micros: Int64) -> Instant {
        self.readAt.advanced(byNanoseconds: (micros - self.micros) * 1_000)
    }

    /// What one question and its answer say.
    mutating func learn(askedAt: Instant, answeredAt: Instant, micros: Int64) {
        let distance = answeredAt.nanoseconds(since: askedAt)
        guard distance < self.distanceNanoseconds else { return }
        self.distanceNanoseconds = distance
        self.readAt = askedAt.advanced(byNanoseconds: distance / 2)
        self.micros = micros
    }

    /// Asks one question after the other. Calls `completion` once, on the client's loop.
    static func read(
        _ client: RedisClient,
        questions: Int = Self.questions,
        known: RedisClock = RedisClock(),
        _ completion: @escaping (Result<RedisClock, PlayProblem>) -> Void
    ) {
        let askedAt = MonotonicClock.now()
        client.send(["TIME"]) { result in
            let answeredAt = MonotonicClock.now()
            guard case .success(let value) = result, let texts = value.texts, texts.count == 2,
                let seconds = Int64(texts[0]), let micros = Int64(texts[1]), Self.sensibleSeconds.contains(seconds),
                (0..<1_000_000).contains(micros)
            else { return completion(.failure(PlayProblem("Redis does not tell the time: \(result)"))) }
            var clock = known
            clock.learn(askedAt: askedAt, answeredAt: answeredAt, micros: seconds * 1_000_000 + micros)
            if questions <= 1 { return completion(.success(clock)) }
            Self.read(client, questions: questions - 1, known: clock, completion)
        }
    }
}
