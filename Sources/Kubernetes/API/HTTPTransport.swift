import AsyncHTTPClient
import Dispatch
import EventLoop
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Primitives
import Synchronization

/// The way to an API server over HTTP. The client's own threads are seen here alone: what they bring goes to the loop.
///
/// Limits: an answer of 8 MiB, a line of a stream of 1 MiB; more is an error.
public final class HTTPTransport: APITransport {
    static let maxBodyBytes = 8 * 1024 * 1024
    static let maxLineBytes = 1024 * 1024
    static let connectSeconds: Int64 = 3
    /// One thread for all clients of this process, for as long as it runs.
    private static let threads = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    private let source: ClusterAccess.Source
    private let loop: any LoopContext
    private var way: Way
    private var isClosed = false

    /// What the source said last, and the client that is made for it.
    private struct Way {
        let access: ClusterAccess
        let client: HTTPClient
        /// Of all files that it was made from.
        let stamps: [String: FileStamp?]
    }

    /// Why what has changed in the source's files cannot be used; what they said before holds on. Nil when it can.
    public private(set) var problem: String?

    public init(_ source: ClusterAccess.Source, loop: any LoopContext) throws(ClusterAccess.Problem) {
        self.source = source
        self.loop = loop
        self.way = try Self.open(source)
    }

    public convenience init(_ access: ClusterAccess, loop: any LoopContext) throws(ClusterAccess.Problem) {
        try self.init(.given(access), loop: loop)
    }

    deinit { if !self.isClosed { Self.shutDown(self.way.client) } }

    public func close() {
        guard !self.isClosed else { return }
        self.isClosed = true
        Self.shutDown(self.way.client)
    }

    /// Of the pod, or of the context; nil where neither says.
    public var namespace: String? { self.way.access.namespace }

    private static func open(_ source: ClusterAccess.Source) throws(ClusterAccess.Problem) -> Way {
        // The source's own file before it is read, the others before they are: what changes in between is seen next time.
        var stamps = FileStamp.of(source.files)
        let access = try source.read()
        stamps.merge(FileStamp.of(access.files)) { first, _ in first }
        return Way(access: access, client: try Self.client(access), stamps: stamps)
    }

    /// Credentials and authorities are changed while a controller runs. Called before each call: what is under way over
    /// the old ones fails, and its callers try again.
    private func renewIfChanged() {
        guard FileStamp.of(self.way.stamps.keys) != self.way.stamps else { return self.problem = nil }
        do throws(ClusterAccess.Problem) {
            let renewed = try Self.open(self.source)
            let (old, new) = (self.way.access, renewed.access)
            guard (old.server, old.namespace) == (new.server, new.namespace) else {
                Self.shutDown(renewed.client)
                // As when somebody makes another context the current one: what is scaled here must not move with it.
                throw ClusterAccess.Problem(
                    description: "it names another cluster or namespace now, \(new.server): name the context in the "
                        + "configuration, or restart to go there"
                )
            }
            Self.shutDown(self.way.client)
            self.way = renewed
            self.problem = nil
        } catch {
            // Perhaps one of two files is not written yet: looked at again with the next call.
            self.problem = error.description
        }
    }

    private static func client(_ access: ClusterAccess) throws(ClusterAccess.Problem) -> HTTPClient {
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: try Self.tls(access),
            redirectConfiguration: .disallow,
            timeout: .init(connect: .seconds(Self.connectSeconds))
        )
        configuration.httpVersion = .http1Only
        // What fails is told at once, with its reason: whoever calls knows whether there is a point in trying again.
        configuration.connectionPool.retryConnectionEstablishment = false
        if let name = access.serverName, let host = URL(string: access.server)?.host {
            // Who is to be named by the certificate is asked for by that name, at the address that is meant.
            configuration.dnsOverride = [name: host]
        }
        return HTTPClient(eventLoopGroupProvider: .shared(Self.threads), configuration: configuration)
    }

    private static func shutDown(_ client: HTTPClient) {
        client.shutdown(queue: DispatchQueue(label: "kubernetes.close")) { _ in }
    }

    private static func tls(_ access: ClusterAccess) throws(ClusterAccess.Problem) -> TLSConfiguration {
        var tls = TLSConfiguration.makeClientConfiguration()
        do {
            switch access.authority {
            case nil: break
            case .bytes(let pem): tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(pem.bytes))
            case .file(let path): tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(path))
            }
        } catch {
            throw ClusterAccess.Problem(description: "the cluster's certificate-authority cannot be used: \(error)")
        }
        do {
            if case .certificate(let certificate, let key) = access.credentials {
                switch certificate {
                case .bytes(let pem):
                    tls.certificateChain = try NIOSSLCertificate.fromPEMBytes(pem.bytes).map { .certificate($0) }
                case .file(let path):
                    tls.certificateChain = try NIOSSLCertificate.fromPEMFile(path).map { .certificate($0) }
                }
                switch key {
                case .bytes(let pem): tls.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: pem.bytes, format: .pem))
                case .file(let path): tls.privateKey = .privateKey(try NIOSSLPrivateKey(file: path, format: .pem))
                }
            }
        } catch {
            throw ClusterAccess.Problem(description: "the client-certificate or client-key cannot be used: \(error)")
        }
        if !access.isVerified { tls.certificateVerification = .none }
        return tls
    }

    private var server: String {
        let access = self.way.access
        guard let name = access.serverName, let host = URL(string: access.server)?.host else { return access.server }
        return access.server.replacingOccurrences(of: "//\(host)", with: "//\(name)")
    }

    private func prepared(_ request: APIRequest) throws -> HTTPClient.Request {
        var headers = HTTPHeaders([("accept", "application/json"), ("user-agent", "sluice")])
        if let token = try self.way.access.bearer() { headers.add(name: "authorization", value: "Bearer \(token)") }
        if request.isWrite { headers.add(name: "content-type", value: request.contentType) }
        return try HTTPClient.Request(
            url: self.server + request.target,
            method: HTTPMethod(rawValue: request.method),
            headers: headers,
            body: request.isWrite ? .bytes(request.body) : nil
        )
    }

    public func send(
        _ request: APIRequest,
        timeoutNanoseconds: Int64,
        completion: @escaping (Result<APIResponse, APIFailure>) -> Void
    ) {
        let completion = LoopBound(completion, loop: self.loop)
        do {
            guard !self.isClosed else { throw ClusterAccess.Problem(description: "the client is closed") }
            self.renewIfChanged()
            let task = self.way.client.execute(
                request: try self.prepared(request),
                delegate: WholeBody(maxBytes: Self.maxBodyBytes),
                deadline: .now() + .nanoseconds(timeoutNanoseconds)
            )
            let attempt = Attempt(request, at: self.way.access.server, withinNanoseconds: timeoutNanoseconds)
            task.futureResult.whenComplete { result in
                let answer = result.mapError { attempt.failure($0) }
                completion.submit { $0(answer) }
            }
        } catch {
            let failure = Attempt(request, at: self.way.access.server, withinNanoseconds: 0).failure(error)
            completion.submit { $0(.failure(failure)) }
        }
    }

    public func stream(
        _ request: APIRequest,
        timeoutNanoseconds: Int64,
        onLine: @escaping ([UInt8]) -> Void,
        onEnd: @escaping (APIFailure?) -> Void
    ) -> any APIStream {
        let end = LoopBound(onEnd, loop: self.loop)
        do {
            guard !self.isClosed else { throw ClusterAccess.Problem(description: "the client is closed") }
            self.renewIfChanged()
            let delegate = Lines(request: request, onLine: LoopBound(onLine, loop: self.loop))
            let task = self.way.client.execute(
                request: try self.prepared(request),
                delegate: delegate,
                deadline: .now() + .nanoseconds(timeoutNanoseconds)
            )
            let attempt = Attempt(request, at: self.way.access.server, withinNanoseconds: timeoutNanoseconds)
            task.futureResult.whenComplete { result in
                let failure: APIFailure? = if case .failure(let error) = result { attempt.failure(error) } else { nil }
                end.submit { $0(failure) }
            }
            return HTTPStream(task)
        } catch {
            let failure = Attempt(request, at: self.way.access.server, withinNanoseconds: 0).failure(error)
            end.submit { $0(failure) }
            return HTTPStream(nil)
        }
    }
}

private final class HTTPStream: APIStream {
    private let task: HTTPClient.Task<Void>?

    init(_ task: HTTPClient.Task<Void>?) { self.task = task }

    func cancel() { self.task?.cancel() }
}

/// Gathers an answer, up to a limit.
private final class WholeBody: HTTPClientResponseDelegate {
    private struct State {
        var status = 0
        var retryAfterSeconds: Int64?
        var body: [UInt8] = []
    }
    private let maxBytes: Int
    private let state = Mutex(State())

    init(maxBytes: Int) { self.maxBytes = maxBytes }

    func didReceiveHead(task: HTTPClient.Task<APIResponse>, _ head: HTTPResponseHead) -> EventLoopFuture<Void> {
        self.state.withLock {
            $0.status = Int(head.status.code)
            $0.retryAfterSeconds = head.headers.first(name: "retry-after").flatMap { Int64($0) }
        }
        return task.eventLoop.makeSucceededFuture(())
    }

    func didReceiveBodyPart(task: HTTPClient.Task<APIResponse>, _ buffer: ByteBuffer) -> EventLoopFuture<Void> {
        let fits = self.state.withLock { state in
            guard state.body.count + buffer.readableBytes <= self.maxBytes else { return false }
            state.body += buffer.readableBytesView
            return true
        }
        guard !fits else { return task.eventLoop.makeSucceededFuture(()) }
        return task.eventLoop.makeFailedFuture(APIFailure.unreadable("it has more than \(self.maxBytes) bytes"))
    }

    func didFinishRequest(task: HTTPClient.Task<APIResponse>) throws -> APIResponse {
        self.state.withLock {
            APIResponse(status: $0.status, retryAfterSeconds: $0.retryAfterSeconds, body: $0.body)
        }
    }
}

/// Hands an answer over line by line; what comes next is not read before the loop has taken what came.
private final class Lines: HTTPClientResponseDelegate {
    private struct State {
        var status = 0
        var retryAfterSeconds: Int64?
        var splitter = LineSplitter(maxBytes: HTTPTransport.maxLineBytes)
        /// Of an answer that is no stream.
        var refusal: [UInt8] = []
    }
    private static let maxRefusalBytes = 64 * 1024
    private let request: APIRequest
    private let onLine: LoopBound<([UInt8]) -> Void>
    private let state = Mutex(State())

    init(request: APIRequest, onLine: LoopBound<([UInt8]) -> Void>) {
        self.request = request
        self.onLine = onLine
    }

    func didReceiveHead(task: HTTPClient.Task<Void>, _ head: HTTPResponseHead) -> EventLoopFuture<Void> {
        self.state.withLock {
            $0.status = Int(head.status.code)
            $0.retryAfterSeconds = head.headers.first(name: "retry-after").flatMap { Int64($0) }
        }
        return task.eventLoop.makeSucceededFuture(())
    }

    func didReceiveBodyPart(task: HTTPClient.Task<Void>, _ buffer: ByteBuffer) -> EventLoopFuture<Void> {
        let lines = self.state.withLock { state -> [[UInt8]]? in
            guard state.status == 200 else {
                let room = Self.maxRefusalBytes - state.refusal.count
                state.refusal += buffer.readableBytesView.prefix(room)
                return []
            }
            return state.splitter.take(buffer.readableBytesView)
        }
        guard let lines else {
            return task.eventLoop.makeFailedFuture(
                APIFailure.unreadable("a line of a watch has more than \(HTTPTransport.maxLineBytes) bytes")
            )
        }
        guard !lines.isEmpty else { return task.eventLoop.makeSucceededFuture(()) }
        let taken = task.eventLoop.makePromise(of: Void.self)
        self.onLine.submit { onLine in
            for line in lines { onLine(line) }
            taken.succeed(())
        }
        return taken.futureResult
    }

    func didFinishRequest(task: HTTPClient.Task<Void>) throws {
        try self.state.withLock { state in
            guard state.status != 200 else { return }
            throw APIFailure(
                APIResponse(
                    status: state.status,
                    retryAfterSeconds: state.retryAfterSeconds,
                    body: state.refusal
                ),
                to: self.request
            )
        }
    }
}
