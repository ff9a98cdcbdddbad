import Primitives

/// Turns the fields of one HTTP/2 request into a head of HTTP/1.1 that says the same. The one strict parser reads it
/// then, so that both protocols are guarded by the same rules, and all that comes after knows one form.
///
/// Made once for a connection and filled again and again; `release` is for when it rests. Holds at most
/// `maxHeadBytes`: what exceeds them fails with 431 and is not kept. Names and values are checked for what would make
/// another line of them, whoever has checked them before.
public struct RequestTranslation: Sendable {
    private let maxHeadBytes: Int
    private var method: [UInt8] = []
    private var scheme: [UInt8] = []
    private var authority: [UInt8] = []
    private var path: [UInt8] = []
    /// Field lines, each with its end.
    private var lines: [UInt8] = []
    /// The values of all cookie fields: clients split them, so that they are compressed better (RFC 9113 section
    /// 8.2.3).
    private var cookies: [UInt8] = []
    private var hasLength = false
    private var failure: WireFailure.Reason?
    /// What the fields take, decoded and as RFC 9113 section 6.5.2 counts them; also of what was not kept.
    public private(set) var listBytes = 0

    /// - Parameter maxHeadBytes: of the head that is written.
    public init(maxHeadBytes: Int) { self.maxHeadBytes = maxHeadBytes }

    /// Forgets the request before; its memory is used again.
    public mutating func begin() {
        self.method.removeAll(keepingCapacity: true)
        self.scheme.removeAll(keepingCapacity: true)
        self.authority.removeAll(keepingCapacity: true)
        self.path.removeAll(keepingCapacity: true)
        self.lines.removeAll(keepingCapacity: true)
        self.cookies.removeAll(keepingCapacity: true)
        self.hasLength = false
        self.failure = nil
        self.listBytes = 0
    }

    /// Gives the memory back, until the next request takes some.
    public mutating func release() { self = RequestTranslation(maxHeadBytes: self.maxHeadBytes) }

    /// What is kept for the next request.
    var reservedBytes: Int {
        self.method.capacity + self.scheme.capacity + self.authority.capacity + self.path.capacity
            + self.lines.capacity + self.cookies.capacity
    }

    /// One field, pseudo-fields among them, in the order that they came.
    public mutating func take(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
        self.listBytes += name.count + value.count + 32
        guard self.failure == nil else { return }
        guard self.keptBytes + name.count + value.count + 4 <= self.maxHeadBytes else { return self.fail(.headTooLong) }
        guard value.allSatisfy({ $0 != 0 && $0 != ASCII.lineFeed && $0 != ASCII.carriageReturn }) else {
            return self.fail(.fieldValueInvalid)
        }
        if name.first == ASCII.colon { return self.takePseudo(name, value) }
        guard name.count > 0, name.allSatisfy({ ASCII.isToken($0) && ASCII.lowercased($0) == $0 }),
            !FieldLines.isConnectionSpecific(name)
        else { return self.fail(.fieldNameInvalid) }
        if ASCII.equalsIgnoringCase(name, "cookie") {
            if !self.cookies.isEmpty { self.cookies += "; ".utf8 }
            self.cookies += value
            return
        }
        if ASCII.equalsIgnoringCase(name, "host"), self.isAuthority(value) { return }
        if ASCII.equalsIgnoringCase(name, "content-length") { self.hasLength = true }
        self.append(name, value)
    }

    private var keptBytes: Int {
        self.method.count + self.scheme.count + self.authority.count + self.path.count + self.lines.count
            + self.cookies.count
    }

    private mutating func takePseudo(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        let isFirst: Bool
        if ASCII.equalsIgnoringCase(name, ":method") {
            isFirst = self.method.isEmpty
            self.method += value
        } else if ASCII.equalsIgnoringCase(name, ":path") {
            isFirst = self.path.isEmpty
            self.path += value
        } else if ASCII.equalsIgnoringCase(name, ":authority") {
            isFirst = self.authority.isEmpty
            self.authority += value
        } else if ASCII.equalsIgnoringCase(name, ":scheme") {
            isFirst = self.scheme.isEmpty
            self.scheme += value
        } else {
            return self.fail(.fieldNameInvalid)
        }
        if !isFirst || value.isEmpty { self.fail(.fieldValueInvalid) }
    }

    /// A Host field that repeats the authority says nothing new; another one stays, and two are refused.
    private func isAuthority(_ value: UnsafeRawBufferPointer) -> Bool {
        self.authority.count == value.count && !value.isEmpty
            && zip(self.authority, value).allSatisfy { ASCII.lowercased($0) == ASCII.lowercased($1) }
    }

    private mutating func append(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        self.lines += name
        self.lines += ": ".utf8
        self.lines += value
        self.lines += "\r\n".utf8
    }

    private mutating func fail(_ reason: WireFailure.Reason) { self.failure = reason }

    // MARK: The head

    /// The whole head, for `RequestParser`, into `text`, which is emptied first.
    /// - Parameter hasBody: the stream goes on after the head. Without a stated length its body is then a chunked one.
    /// - Returns: why there is none.
    public func finish(hasBody: Bool, into text: inout [UInt8]) -> WireFailure? {
        text.removeAll(keepingCapacity: true)
        if let failure = self.failure ?? self.contradiction { return WireFailure(failure, from: .client) }
        text += self.method
        text.append(ASCII.space)
        text += self.path
        text += " HTTP/1.1\r\n".utf8
        if !self.authority.isEmpty {
            text += "host: ".utf8
            text += self.authority
            text += "\r\n".utf8
        }
        text += self.lines
        if !self.cookies.isEmpty {
            text += "cookie: ".utf8
            text += self.cookies
            text += "\r\n".utf8
        }
        if !self.hasLength {
            if hasBody {
                text += "transfer-encoding: chunked\r\n".utf8
            } else if self.expectsContent {
                text += "content-length: 0\r\n".utf8
            }
        }
        text += "\r\n".utf8
        return nil
    }

    /// What the parser would take in another sense than the client's: an absolute target names a second host.
    private var contradiction: WireFailure.Reason? {
        if self.method.elementsEqual("CONNECT".utf8) { return .connectRefused }
        guard !self.method.isEmpty else { return .methodInvalid }
        let isWeb = self.scheme.elementsEqual("http".utf8) || self.scheme.elementsEqual("https".utf8)
        let isPath = self.path.first == UInt8(ascii: "/") || self.path.elementsEqual("*".utf8)
        return isWeb && isPath ? nil : .targetInvalid
    }

    /// The method is HEAD, whether the rest of the request can be read or not: its answer has no body.
    public var isHead: Bool { self.method.elementsEqual("HEAD".utf8) }

    /// Methods without a body of which RFC 9110 section 8.6 asks that they say so.
    private var expectsContent: Bool {
        ["POST", "PUT", "PATCH"].contains { self.method.elementsEqual($0.utf8) }
    }
}
