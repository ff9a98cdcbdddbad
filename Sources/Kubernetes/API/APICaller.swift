import EventLoop
import Primitives

/// Calls that are made again while there is a point in it: on a broken connection, 429 and 5xx, with growing pauses that
/// differ from client to client, until a deadline.
///
/// A write is made again, too: each of ours names the version that it changes, or says the same when said twice.
public final class APICaller {
    /// One attempt is given up after this time.
    public static let attemptNanoseconds = 5 * Nanoseconds.perSecond
    private static let shortestPauseNanoseconds = 50 * Nanoseconds.perMillisecond
    private static let longestPauseNanoseconds = 2 * Nanoseconds.perSecond

    private let transport: any APITransport
    private let loop: any LoopContext
    private var random: SplitMix64

    public init(transport: any APITransport, loop: any LoopContext, seed: UInt64) {
        self.transport = transport
        self.loop = loop
        self.random = SplitMix64(seed: seed)
    }

    /// - Parameters:
    ///   - deadlineNanoseconds: from now on; then the latest failure is the answer.
    ///   - mayGoOn: asked before every attempt: how long the call may take at most, in nanoseconds; nil: not at all.
    public func call(
        _ request: APIRequest,
        deadlineNanoseconds: Int64,
        mayGoOn: @escaping () -> Int64? = { .max },
        completion: @escaping (Result<APIResponse, APIFailure>) -> Void
    ) {
        let call = Call(
            request: request,
            until: self.loop.now.advanced(byNanoseconds: deadlineNanoseconds),
            mayGoOn: mayGoOn,
            backoff: Backoff(
                shortestNanoseconds: Self.shortestPauseNanoseconds,
                longestNanoseconds: Self.longestPauseNanoseconds,
                seed: self.random.next()
            ),
            completion: completion
        )
        self.attempt(call)
    }

    private final class Call {
        let request: APIRequest
        let until: Instant
        let mayGoOn: () -> Int64?
        var backoff: Backoff
        /// A token that was changed just now is read again, once.
        var hasAskedAgain = false
        let completion: (Result<APIResponse, APIFailure>) -> Void

        init(
            request: APIRequest,
            until: Instant,
            mayGoOn: @escaping () -> Int64?,
            backoff: Backoff,
            completion: @escaping (Result<APIResponse, APIFailure>) -> Void
        ) {
            self.request = request
            self.until = until
            self.mayGoOn = mayGoOn
            self.backoff = backoff
            self.completion = completion
        }
    }

    private func attempt(_ call: Call) {
        guard let longest = call.mayGoOn(), longest > 0 else { return call.completion(.failure(.held)) }
        let left = call.until.nanoseconds(since: self.loop.now)
        self.transport.send(
            call.request,
            timeoutNanoseconds: max(1, min(Self.attemptNanoseconds, longest, left))
        ) { [self] result in
            switch result.flatMap({ Self.accepted($0, call.request) }) {
            case .success(let response): call.completion(.success(response))
            case .failure(let failure): self.failed(call, failure)
            }
        }
    }

    private static func accepted(_ response: APIResponse, _ request: APIRequest) -> Result<APIResponse, APIFailure> {
        (200..<300).contains(response.status) ? .success(response) : .failure(APIFailure(response, to: request))
    }

    private func failed(_ call: Call, _ failure: APIFailure) {
        let isStranger = failure.code == 401 && !call.hasAskedAgain
        guard failure.isPassing || isStranger else { return call.completion(.failure(failure)) }
        if isStranger { call.hasAskedAgain = true }
        var pause = call.backoff.next()
        if case .refused(let refusal) = failure, let seconds = refusal.retryAfterSeconds {
            pause = max(pause, min(seconds, 3_600) * Nanoseconds.perSecond)
        }
        guard self.loop.now.advanced(byNanoseconds: pause) < call.until else {
            return call.completion(.failure(failure))
        }
        self.loop.after(nanoseconds: pause) { self.attempt(call) }
    }
}
