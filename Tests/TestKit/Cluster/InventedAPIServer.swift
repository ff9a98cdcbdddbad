import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// An `InventedCluster` behind HTTP on a port of the loopback, with a thread of its own.
public final class InventedAPIServer: Sendable {
    public let cluster: InventedCluster
    public let port: UInt16
    private let group: MultiThreadedEventLoopGroup
    private let channel: any Channel

    private let isSecure: Bool
    private let host: String

    public var url: String { "\(self.isSecure ? "https" : "http")://\(self.host):\(self.port)" }

    /// PEM files.
    public struct Certificates: Sendable {
        let certificate, key: String
        let clients: String?

        /// - Parameter clients: whoever shows no such certificate is not let in; nil: everybody is.
        public init(certificate: String, key: String, clients: String? = nil) {
            self.certificate = certificate
            self.key = key
            self.clients = clients
        }

        fileprivate func context() throws -> NIOSSLContext {
            var tls = TLSConfiguration.makeServerConfiguration(
                certificateChain: try NIOSSLCertificate.fromPEMFile(self.certificate).map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(file: self.key, format: .pem))
            )
            if let clients = self.clients {
                tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(clients))
                tls.certificateVerification = .noHostnameVerification
            }
            return try NIOSSLContext(configuration: tls)
        }
    }

    /// - Parameter host: an address of the loopback.
    public init(_ cluster: InventedCluster, host: String = "127.0.0.1", certificates: Certificates? = nil) throws {
        self.cluster = cluster
        self.host = host
        self.isSecure = certificates != nil
        let tls = try certificates?.context()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        self.group = group
        cluster.use { millis, work in group.any().scheduleTask(in: .milliseconds(millis)) { work() } }
        self.channel = try ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 64)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(cluster))
                }
            }
            .bind(host: host, port: 0).wait()
        self.port = UInt16(self.channel.localAddress?.port ?? 0)
    }

    /// Every connection breaks, and none is taken any more.
    public func end() throws { try self.group.syncShutdownGracefully() }

    /// One connection: requests one after the other.
    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let cluster: InventedCluster
        private var head: HTTPRequestHead?
        private var body: [UInt8] = []
        private var watch: Int?

        init(_ cluster: InventedCluster) { self.cluster = cluster }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch self.unwrapInboundIn(data) {
            case .head(let head):
                self.head = head
                self.body = []
            case .body(let buffer): self.body += buffer.readableBytesView
            case .end:
                guard let head = self.head else { return }
                self.head = nil
                self.answer(head, context)
            }
        }

        func channelInactive(context: ChannelHandlerContext) {
            if let watch = self.watch { self.cluster.closed(watch) }
        }

        private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
            let parts = head.uri.split(separator: "?", maxSplits: 1)
            var query: [String: String] = [:]
            for pair in (parts.count > 1 ? parts[1] : "").split(separator: "&") {
                let words = pair.split(separator: "=", maxSplits: 1)
                query[String(words[0])] = (words.count > 1 ? String(words[1]) : "").removingPercentEncoding
            }
            let bearer = head.headers.first(name: "authorization").map { String($0.dropFirst("Bearer ".count)) }
            let reply = self.cluster.handle(
                InventedCluster.Request(
                    method: head.method.rawValue,
                    path: String(parts[0]),
                    query: query,
                    token: bearer,
                    contentType: head.headers.first(name: "content-type"),
                    body: self.body
                )
            )
            switch reply {
            case .broken: context.close(promise: nil)
            case .whole(let status, let retryAfter, let body): self.send(status, retryAfter, body.bytes, context)
            case .watch(let number): self.stream(number, context)
            }
        }

        private func send(_ status: Int, _ retryAfter: Int?, _ body: [UInt8], _ context: ChannelHandlerContext) {
            var headers = HTTPHeaders([("content-type", "application/json"), ("content-length", "\(body.count)")])
            if let retryAfter { headers.add(name: "retry-after", value: "\(retryAfter)") }
            let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: headers)
            context.write(self.wrapOutboundOut(.head(head)), promise: nil)
            context.write(self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
            context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
        }

        private func stream(_ number: Int, _ context: ChannelHandlerContext) {
            self.watch = number
            let headers = HTTPHeaders([("content-type", "application/json"), ("transfer-encoding", "chunked")])
            let head = HTTPResponseHead(version: .http1_1, status: .ok, headers: headers)
            context.writeAndFlush(self.wrapOutboundOut(.head(head)), promise: nil)
            let channel = context.channel
            self.cluster.open(number) { word in
                channel.eventLoop.execute {
                    switch word {
                    case .line(let line):
                        let part = HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: line + [0x0A])))
                        channel.writeAndFlush(part, promise: nil)
                    case .end: channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil)
                    case .broken: channel.close(promise: nil)
                    }
                }
            }
        }
    }
}
