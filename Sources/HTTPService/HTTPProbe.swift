import EventLoop
import HTTPWire
import Primitives
import Transport

/// One request on a connection of its own: for readiness checks and for the commands that ask a running Sluice.
public enum HTTPProbe {
    /// - Parameters:
    ///   - action: the value of the field `sluice-action`, by which the admin listener tells a program that means it;
    ///     the request is a POST then. Nil: a GET.
    ///   - path: path and query as they go over the wire.
    ///   - timeoutNanoseconds: from now to the response's last byte.
    ///   - maxBodyBytes: a longer body is `malformed`.
    ///   - completion: called once, on the loop, never before this returns.
    public static func get(
        address: SocketAddress,
        path: String,
        on loop: EventLoop,
        timeoutNanoseconds: Int64,
        tls: TLSContext? = nil,
        serverName: String? = nil,
        maxBodyBytes: Int = 1024 * 1024,
        action: String? = nil,
        completion: @escaping (Result<ProbeResponse, ProbeError>) -> Void
    ) {
        loop.preconditionOnLoop()
        guard path.hasPrefix("/"), path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            let problem = ProbeError.malformed(address, "'\(path)' is no path; write /name, percent-encoded")
            return loop.onNextTurn { completion(.failure(problem)) }
        }
        let exchange = ProbeExchange(
            address: address,
            path: path,
            loop: loop,
            timeoutNanoseconds: timeoutNanoseconds,
            maxBodyBytes: maxBodyBytes,
            action: action,
            completion: completion
        )
        do {
            _ = try Connection.connect(
                to: address,
                on: loop,
                timeoutNanoseconds: timeoutNanoseconds,
                tls: tls,
                serverName: serverName,
                handler: exchange
            )
        } catch {
            loop.onNextTurn { exchange.finish(.failure(.malformed(address, "\(error)"))) }
        }
    }
}

/// The one request of a probe.
private final class ProbeExchange: StreamHandler {
    private let address: SocketAddress
    private let path: String
    private let action: String?
    private let timeoutNanoseconds: Int64
    private var completion: ((Result<ProbeResponse, ProbeError>) -> Void)?
    private weak var connection: (any ByteStream)?
    private var timer: LoopTimer!
    private var wire: HTTP1Client
    private var head = ResponseHead()
    private var status: UInt16 = 0
    private var headers: [(name: String, value: String)] = []
    private var payload: [UInt8] = []

    init(
        address: SocketAddress,
        path: String,
        loop: EventLoop,
        timeoutNanoseconds: Int64,
        maxBodyBytes: Int,
        action: String?,
        completion: @escaping (Result<ProbeResponse, ProbeError>) -> Void
    ) {
        self.address = address
        self.path = path
        self.action = action
        self.timeoutNanoseconds = timeoutNanoseconds
        self.wire = HTTP1Client(limits: HeadLimits(), maxBodyBytes: Int64(maxBodyBytes))
        self.completion = completion
        self.timer = LoopTimer(loop: loop) { [weak self] in
            self?.finish(.failure(.timedOut(address, nanoseconds: timeoutNanoseconds)))
        }
        self.timer.arm(afterNanoseconds: timeoutNanoseconds)
    }

    func finish(_ result: Result<ProbeResponse, ProbeError>) {
        guard let completion = self.completion else { return }
        self.completion = nil
        self.timer.disarm()
        self.connection?.close()
        completion(result)
    }

    private func finishWhole() {
        self.finish(.success(ProbeResponse(status: self.status, headers: self.headers, body: self.payload)))
    }

    func connected(_ connection: any ByteStream) {
        self.connection = connection
        let host: String =
            switch self.address {
            case .unix: "localhost"
            case .ipv4, .ipv6: self.address.description
            }
        self.wire.begin(self.action == nil ? .get : .post)
        let more = self.action.map { "content-length: 0\r\nsluice-action: \($0)\r\n" } ?? ""
        connection.write(
            "\(self.action == nil ? "GET" : "POST") \(self.path) HTTP/1.1\r\nhost: \(host)\r\naccept: */*\r\n"
                + "user-agent: sluice\r\n\(more)connection: close\r\n\r\n"
        )
        self.wire.requestSent()
    }

    func received(_ connection: any ByteStream, _ bytes: UnsafeRawBufferPointer) -> Int {
        var used = 0
        while self.completion != nil {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
            let (input, count) = self.wire.read(rest, into: &self.head)
            used += count
            switch input {
            case .needMore: return used
            case .interim: break
            case .head: self.keepHead(rest)
            case .payload(let range): self.payload += range.slice(of: rest)
            case .end: self.finishWhole()
            case .failed(let failure): self.finish(.failure(.malformed(self.address, failure.reason.description)))
            case .switching: preconditionFailure("a probe asks for no other protocol")
            }
        }
        return bytes.count
    }

    private func keepHead(_ bytes: UnsafeRawBufferPointer) {
        self.status = self.head.status
        self.headers = self.head.fields.map { field in
            (
                String(decoding: field.name.slice(of: bytes), as: UTF8.self),
                String(decoding: field.value.slice(of: bytes), as: UTF8.self)
            )
        }
    }

    func inputEnded(_ connection: any ByteStream) {
        if self.wire.inputEnded() == .complete { return self.finishWhole() }
        self.finish(.failure(.unreachable(self.address, .peer)))
    }

    func closed(_ connection: any ByteStream, _ reason: CloseReason) {
        self.finish(
            .failure(
                reason == .connectTimedOut
                    ? .timedOut(self.address, nanoseconds: self.timeoutNanoseconds)
                    : .unreachable(self.address, reason)
            )
        )
    }
}
