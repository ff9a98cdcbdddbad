import EventLoop
import Kubernetes
import Primitives

/// The way to an `InventedCluster` without a network, on a loop of a virtual world too.
public final class InventedTransport: APITransport {
    private let cluster: InventedCluster
    private let loop: any LoopContext
    private let token: String
    public enum Fault: Sendable {
        /// Nothing gets through.
        case away
        /// Nobody answers.
        case hangs
        /// Every call is refused.
        case refuses
        /// What comes is no JSON.
        case talksNonsense
        /// Nothing is known of anything.
        case forgets
    }
    public var fault: Fault?
    public var problem: String?
    public var isAway: Bool {
        get { self.fault == .away }
        set { self.fault = newValue ? .away : nil }
    }
    private var streams: [Int: Stream] = [:]

    public init(_ cluster: InventedCluster, loop: any LoopContext, token: String) {
        self.cluster = cluster
        self.loop = loop
        self.token = token
    }

    private func handle(_ request: APIRequest) -> InventedCluster.Reply {
        self.cluster.handle(
            InventedCluster.Request(
                method: request.method,
                path: String(request.target.prefix { $0 != "?" }),
                query: Dictionary(request.query.map { ($0.key, $0.value) }) { $1 },
                token: self.token,
                contentType: request.verb == .patch ? "application/merge-patch+json" : "application/json",
                body: request.body
            )
        )
    }

    public func send(
        _ request: APIRequest,
        timeoutNanoseconds: Int64,
        completion: @escaping (Result<APIResponse, APIFailure>) -> Void
    ) {
        let takes = self.fault == .hangs ? timeoutNanoseconds : Nanoseconds.perMillisecond
        self.loop.after(nanoseconds: takes) {
            if let fault = self.fault { return completion(Self.answer(fault)) }
            switch self.handle(request) {
            case .whole(let status, let retryAfter, let body):
                completion(
                    .success(
                        APIResponse(status: status, retryAfterSeconds: retryAfter.map { Int64($0) }, body: body.bytes)
                    )
                )
            case .watch, .broken: completion(.failure(.unreachable("the connection broke")))
            }
        }
    }

    public func stream(
        _ request: APIRequest,
        timeoutNanoseconds: Int64,
        onLine: @escaping ([UInt8]) -> Void,
        onEnd: @escaping (APIFailure?) -> Void
    ) -> any APIStream {
        let stream = Stream(onLine: onLine, onEnd: onEnd)
        self.loop.after(nanoseconds: Nanoseconds.perMillisecond) {
            if self.fault != nil { return stream.end(.unreachable("a test wants it")) }
            switch self.handle(request) {
            case .whole(let status, _, let body):
                stream.end(APIFailure(APIResponse(status: status, body: body.bytes), to: request))
            case .broken: stream.end(.unreachable("the connection broke"))
            case .watch(let number):
                self.streams[number] = stream
                let inbox = LoopBound(self, loop: self.loop)
                self.cluster.open(number) { word in inbox.submit { $0.take(word, of: number) } }
                self.loop.after(nanoseconds: timeoutNanoseconds) {
                    self.streams[number] = nil
                    stream.end(.unreachable("no answer in time"))
                }
            }
        }
        return stream
    }

    private static func answer(_ fault: Fault) -> Result<APIResponse, APIFailure> {
        switch fault {
        case .away: .failure(.unreachable("a test wants it"))
        case .hangs: .failure(.unreachable("no answer in time"))
        case .refuses: .success(APIResponse(status: 403))
        case .talksNonsense: .success(APIResponse(status: 200, body: Array("<html>".utf8)))
        case .forgets: .success(APIResponse(status: 404))
        }
    }

    private func take(_ word: InventedCluster.Word, of number: Int) {
        guard let stream = self.streams[number], !stream.isMute else { return }
        if case .line(let line) = word, !stream.isOver, self.fault == nil { return stream.onLine(line) }
        self.streams[number] = nil
        self.cluster.closed(number)
        if case .broken = word { stream.end(.unreachable("the connection broke")) } else { stream.end(nil) }
    }

    /// The connections of the streams that are open have died, and nobody has been told.
    public func muteStreams() { for stream in self.streams.values { stream.isMute = true } }

    public func close() {}

    private final class Stream: APIStream {
        let onLine: ([UInt8]) -> Void
        private let onEnd: (APIFailure?) -> Void
        private(set) var isOver = false
        var isMute = false

        init(onLine: @escaping ([UInt8]) -> Void, onEnd: @escaping (APIFailure?) -> Void) {
            self.onLine = onLine
            self.onEnd = onEnd
        }

        func end(_ failure: APIFailure?) {
            guard !self.isOver else { return }
            self.isOver = true
            self.onEnd(failure)
        }

        func cancel() { self.isOver = true }
    }
}
