import Primitives
import Transport

/// What a probe came to.
public struct ProbeResponse: Sendable {
    public let status: UInt16
    /// In the order sent; names in the sender's spelling.
    public let headers: [(name: String, value: String)]
    /// Decoded.
    public let body: [UInt8]

    public init(status: UInt16, headers: [(name: String, value: String)], body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    public var text: String { String(decoding: self.body, as: UTF8.self) }

    /// The first field of that name, without regard to case.
    public func header(_ name: String) -> String? {
        let wanted = name.utf8.map(ASCII.lowercased)
        return self.headers.first { $0.name.utf8.map(ASCII.lowercased) == wanted }?.value
    }
}

/// Why a probe has no response.
public enum ProbeError: Error, Equatable, Sendable, CustomStringConvertible {
    /// There was no connection, or it ended before the response did.
    case unreachable(SocketAddress, CloseReason)
    case timedOut(SocketAddress, nanoseconds: Int64)
    /// What came is not an HTTP response, or too long a one.
    case malformed(SocketAddress, String)

    public var description: String {
        switch self {
        case .unreachable(let address, let reason): "no response from \(address): \(reason)"
        case .timedOut(let address, let nanoseconds):
            "no response from \(address) in \(nanoseconds / Nanoseconds.perMillisecond) ms"
        case .malformed(let address, let reason): "the response from \(address) cannot be used: \(reason)"
        }
    }
}
