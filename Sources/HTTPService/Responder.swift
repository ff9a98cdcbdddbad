/// A header field of a response, beside those that the service writes itself.
public struct ServiceField: Sendable {
    let name: StaticString
    let value: String

    /// `name` in lower case. Line ends in `value` are a programming error.
    public init(_ name: StaticString, _ value: String) {
        precondition(value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }, "a field's value holds a control character")
        self.name = name
        self.value = value
    }
}

/// Answers one request, now or later, on the service's loop and exactly once. A response to a client that is gone is
/// dropped. A request that is never answered keeps its connection, and a closing service, waiting.
public struct Responder {
    private let connection: ServiceConnection
    private let requestNumber: UInt64

    init(connection: ServiceConnection, requestNumber: UInt64) {
        self.connection = connection
        self.requestNumber = requestNumber
    }

    /// False once the client is gone, as far as is known.
    public var isWanted: Bool { !self.connection.isClosed }

    /// - Parameter status: 200...599.
    public func respond(
        status: UInt16,
        contentType: StaticString = "text/plain; charset=utf-8",
        fields: [ServiceField] = [],
        body: UnsafeRawBufferPointer
    ) {
        self.connection.respond(
            self.requestNumber,
            ServiceResponseHead(status: status, contentType: contentType, fields: fields),
            body: body
        )
    }

    public func respond(
        status: UInt16,
        contentType: StaticString = "text/plain; charset=utf-8",
        fields: [ServiceField] = [],
        body: [UInt8]
    ) {
        body.withUnsafeBytes { self.respond(status: status, contentType: contentType, fields: fields, body: $0) }
    }

    public func respond(
        status: UInt16,
        contentType: StaticString = "text/plain; charset=utf-8",
        fields: [ServiceField] = [],
        body: String
    ) {
        var body = body
        body.withUTF8 {
            self.respond(
                status: status,
                contentType: contentType,
                fields: fields,
                body: UnsafeRawBufferPointer($0)
            )
        }
    }

    /// A body of any size, made piece by piece as the client takes it; never more than a few pieces are in memory.
    ///
    /// - Parameters:
    ///   - byteCount: the length of the body.
    ///   - isChunked: leave the length out of the head, when the client understands chunks.
    ///   - fill: fills the memory given, all of it, with the body's bytes from `offset` on. It answers nothing meanwhile.
    public func respond(
        status: UInt16,
        contentType: StaticString,
        fields: [ServiceField] = [],
        byteCount: Int64,
        isChunked: Bool,
        fill: @escaping (_ offset: Int64, _ memory: UnsafeMutableRawBufferPointer) -> Void
    ) {
        precondition(byteCount >= 0, "a body has no negative length")
        self.connection.respond(
            self.requestNumber,
            ServiceResponseHead(status: status, contentType: contentType, fields: fields),
            stream: ResponseStream(remainingBytes: byteCount, isChunked: isChunked, fill: fill)
        )
    }
}

/// What a handler says about its response.
struct ServiceResponseHead {
    let status: UInt16
    let contentType: StaticString
    let fields: [ServiceField]

    init(status: UInt16, contentType: StaticString, fields: [ServiceField]) {
        precondition((200...599).contains(status), "\(status) is no status of a final response")
        self.status = status
        self.contentType = contentType
        self.fields = fields
    }

    /// RFC 9110 section 6.4.1.
    var allowsBody: Bool { self.status != 204 && self.status != 304 }
}

/// A body that is still being made.
struct ResponseStream {
    var offset: Int64 = 0
    var remainingBytes: Int64
    var isChunked: Bool
    let fill: (Int64, UnsafeMutableRawBufferPointer) -> Void
}
