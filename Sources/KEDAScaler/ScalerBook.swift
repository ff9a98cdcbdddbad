import Primitives
import Synchronization

/// Where the controller's loop leaves what is decided, and calls find it: behind one lock that nobody holds for longer
/// than it takes to look something up.
final class ScalerBook: Sendable {
    typealias Activity = AsyncThrowingStream<Bool, any Error>

    struct Watch: Sendable {
        let activity: Activity
        private let continuation: Activity.Continuation

        fileprivate init(_ activity: Activity, _ continuation: Activity.Continuation) {
            self.activity = activity
            self.continuation = continuation
        }

        /// Nobody listens any more.
        func end() { self.continuation.finish() }
    }

    /// Ending a stream calls its owner back, who takes the lock: it is done when the lock is free.
    private typealias Ending = (stream: Activity.Continuation, reason: ScalerRefusal?)

    private struct Content: Sendable {
        var answers = ScalerAnswers()
        var watches = ActivityWatches()
        /// By the watches' ids. Each keeps one word that was not taken yet: the latest.
        var streams: [Int: Activity.Continuation] = [:]
        var isOver = false

        /// Says what has changed. What is told to one stream stays in order, since it is said under the lock.
        mutating func tell(_ now: Instant) -> [Ending] {
            var endings: [Ending] = []
            for action in self.watches.changes(self.answers, now: now) {
                switch action {
                case .tell(let id, let isActive): self.streams[id]?.yield(isActive)
                case .end(let id, let reason):
                    if let stream = self.streams.removeValue(forKey: id) { endings.append((stream, reason)) }
                }
            }
            return endings
        }
    }

    private let content = Mutex(Content())
    private let now: @Sendable () -> Instant

    init(now: @escaping @Sendable () -> Instant) { self.now = now }

    /// What a call is answered.
    func ask<Answer: Sendable>(
        _ question: (ScalerAnswers, Instant) throws(ScalerRefusal) -> Answer
    ) throws(ScalerRefusal) -> Answer {
        let answers = self.content.withLock { $0.answers }
        return try question(answers, self.now())
    }

    /// What has changed goes out to the streams.
    func change(_ change: (inout ScalerAnswers, Instant) -> Void) {
        let now = self.now()
        let endings = self.content.withLock { content in
            change(&content.answers, now)
            return content.tell(now)
        }
        for ending in endings { ending.stream.finish(throwing: ending.reason) }
    }

    /// A stream of what KEDA is to be told of a pool: at once, if it is known, and with every change.
    func watch(_ metadata: [String: String]) throws(ScalerRefusal) -> Watch {
        let (stream, continuation) = Activity.makeStream(bufferingPolicy: .bufferingNewest(1))
        let now = self.now()
        let added = self.content.withLock { content -> Result<Int, ScalerRefusal> in
            guard !content.isOver else { return .failure(ScalerRefusal(.notNow, "the controller ends")) }
            do throws(ScalerRefusal) {
                let id = try content.watches.add(metadata, content.answers)
                content.streams[id] = continuation
                return .success(id)
            } catch {
                return .failure(error)
            }
        }
        let id = try added.get()
        continuation.onTermination = { [weak self] _ in self?.forget(id) }
        let endings = self.content.withLock { $0.tell(now) }
        for ending in endings { ending.stream.finish(throwing: ending.reason) }
        return Watch(stream, continuation)
    }

    private func forget(_ id: Int) {
        self.content.withLock { content in
            content.watches.remove(id)
            content.streams[id] = nil
        }
    }

    /// Streams end, and no new ones begin.
    func end() {
        let streams = self.content.withLock { content in
            content.isOver = true
            defer { content.streams = [:] }
            return Array(content.streams.values)
        }
        for stream in streams { stream.finish() }
    }

    var openStreams: Int { self.content.withLock { $0.streams.count } }
}
