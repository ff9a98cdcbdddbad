import HTTPWire
import Primitives
import Transport

/// A whole request: head and body. It is lent to the handler and cannot outlive the call; what is wanted later is copied.
public struct ServiceRequest: ~Copyable {
    private let service: HTTPService
    /// The head as it was received, with its blank line.
    public let headBytes: UnsafeRawBufferPointer
    /// The body, decoded.
    public let body: UnsafeRawBufferPointer
    public let peer: SocketAddress

    init(service: HTTPService, headBytes: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer, peer: SocketAddress) {
        self.service = service
        self.headBytes = headBytes
        self.body = body
        self.peer = peer
    }

    public var method: Method { self.service.head.method }
    public var methodText: String { self.text(self.service.head.methodRange) }
    /// 0 or 1.
    public var minorVersion: UInt8 { self.service.head.minorVersion }
    /// As sent: escapes are not decoded. Empty for `*`.
    public var path: String { self.text(self.service.head.pathRange) }
    /// What follows the first `?`; empty without one.
    public var query: String { self.text(self.service.head.queryRange) }

    /// Compares without making a string.
    public func hasPath(_ path: StaticString) -> Bool {
        let bytes = self.service.head.pathRange.slice(of: self.headBytes)
        guard bytes.count == path.utf8CodeUnitCount else { return false }
        return bytes.elementsEqual(UnsafeRawBufferPointer(start: path.utf8Start, count: path.utf8CodeUnitCount))
    }

    /// Whether the path ends with `path`, which begins with a slash: `/tickets/leave` with `/leave`.
    public func hasPathEnd(_ path: StaticString) -> Bool {
        let bytes = self.service.head.pathRange.slice(of: self.headBytes)
        return bytes.suffix(path.utf8CodeUnitCount)
            .elementsEqual(UnsafeRawBufferPointer(start: path.utf8Start, count: path.utf8CodeUnitCount))
    }

    /// The value of `name` in `?name=value&other`, as sent; empty for a name without a value, nil when it is missing.
    public func queryValue(_ name: String) -> String? {
        for pair in self.query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts[0] == name { return parts.count == 2 ? String(parts[1]) : "" }
        }
        return nil
    }

    /// The first field of that name.
    public func header(_ name: FieldName) -> String? { self.service.head.firstValue(of: name).map { self.text($0) } }

    /// The first field of that name; `name` in lower case.
    public func header(named name: StaticString) -> String? {
        for field in self.service.head.fields
        where ASCII.equalsIgnoringCase(field.name.slice(of: self.headBytes), name) {
            return self.text(field.value)
        }
        return nil
    }

    /// Every field in the order sent, names in the sender's spelling.
    public func forEachField(_ body: (_ name: String, _ value: String) -> Void) {
        for field in self.service.head.fields { body(self.text(field.name), self.text(field.value)) }
    }

    private func text(_ range: ByteRange) -> String {
        String(decoding: range.slice(of: self.headBytes), as: UTF8.self)
    }
}
