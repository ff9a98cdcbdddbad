import EventLoop
import HTTPWire
import Primitives
import Transport

/// One GET request on a connection of its own: for readiness checks and for `sluice status`.
public enum HTTPProbe {
    /// - Parameters:
    ///   - path: path and query as they go over the wire.
    ///   - timeoutNanoseconds: from now to the answer's last byte.
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
        completion: @escaping (Result<ProbeAnswer, ProbeError>) -> Void
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
    private let timeoutNanoseconds: Int64
    private let maxBodyBytes: Int
    private var completion: ((Result<ProbeAnswer, ProbeError>) -> Void)?
    private weak var connection: (any ByteStream)?
    private var timer: LoopTimer!
    private var parser = ResponseParser()
    private var head = ResponseHead()
    private var body: BodyReader?
    private var headers: [(name: String, value: String)] = []
    private var payload: [UInt8] = []

    init(
        address: SocketAddress,
        path: String,
        loop: EventLoop,
        timeoutNanoseconds: Int64,
        maxBodyBytes: Int,
        completion: @escaping (Result<ProbeAnswer, ProbeError>) -> Void
    ) {
        self.address = address
        self.path = path
        self.timeoutNanoseconds = timeoutNanoseconds
        self.maxBodyBytes = maxBodyBytes
        self.completion = completion
        self.timer = LoopTimer(loop: loop) { [weak self] in
            self?.finish(.failure(.timedOut(address, nanoseconds: timeoutNanoseconds)))
        }
        self.timer.arm(afterNanoseconds: timeoutNanoseconds)
    }

    func finish(_ result: Result<ProbeAnswer, ProbeError>) {
        guard let completion = self.completion else { return }
        self.completion = nil
        self.timer.disarm()
        self.connection?.close()
        completion(result)
    }

    private func finishWhole() {
        self.finish(.success(ProbeAnswer(status: self.head.status, headers: self.headers, body: self.payload)))
    }

    func connected(_ connection: any ByteStream) {
        self.connection = connection
        let host: String =
            switch self.address {
            case .unix: "localhost"
            case .ipv4, .ipv6: self.address.description
            }
        connection.write(
            "GET \(self.path) HTTP/1.1\r\nhost: \(host)\r\naccept: */*\r\nuser-agent: sluice\r\nconnection: close\r\n\r\n"
        )
    }

    func received(_ connection: any ByteStream, _ bytes: UnsafeRawBufferPointer) -> Int {
        var used = 0
        while self.completion != nil {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
            if self.body == nil {
                switch self.parser.parse(rest, answering: .get, into: &self.head) {
                case .incomplete: return used
                case .failed(let failure): self.finish(.failure(.malformed(self.address, failure.reason.description)))
                case .complete:
                    self.headIsComplete(rest)
                    used += self.head.byteCount
                }
            } else {
                guard let count = self.readBody(rest) else { return bytes.count }
                used += count
            }
        }
        return bytes.count
    }

    private func headIsComplete(_ bytes: UnsafeRawBufferPointer) {
        guard !self.head.isInterim else { return }
        self.headers = self.head.fields.map { field in
            (
                String(decoding: field.name.slice(of: bytes), as: UTF8.self),
                String(decoding: field.value.slice(of: bytes), as: UTF8.self)
            )
        }
        self.body = BodyReader(framing: self.head.framing, maxPayloadBytes: Int64(self.maxBodyBytes), from: .worker)
    }

    /// Nil when more must come first.
    private func readBody(_ bytes: UnsafeRawBufferPointer) -> Int? {
        switch self.body!.next(bytes) {
        case .payload(let range):
            self.payload += range.slice(of: bytes)
            return range.end
        case .needMore: return nil
        case .end(let count):
            self.finishWhole()
            return count
        case .failed(let failure):
            self.finish(.failure(.malformed(self.address, failure.reason.description)))
            return bytes.count
        }
    }

    func inputEnded(_ connection: any ByteStream) {
        if self.body?.endsWithConnection == true { return self.finishWhole() }
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
