import Primitives

/// A parsed request head: ranges into the buffer that was parsed, and what they mean together.
///
/// Made once and filled again and again by `RequestParser`; it owns the memory of its field list, so it is not
/// copyable. Its contents are those of the last `.complete`, until the next `parse`.
/// One head can serve all connections of a loop: a parser keeps nothing in it between calls.
public struct RequestHead: ~Copyable {
    public internal(set) var method = Method.other
    public internal(set) var methodRange = ByteRange.empty
    /// The whole target, as sent.
    public internal(set) var targetRange = ByteRange.empty
    /// The target's path, starting with `/`. Empty for `*`, and for an absolute target without a path, which means `/`.
    public internal(set) var pathRange = ByteRange.empty
    /// What follows the first `?`; empty without one.
    public internal(set) var queryRange = ByteRange.empty
    /// Host and optional port: the authority of an absolute target, else the Host field. Nil only in HTTP/1.0.
    public internal(set) var hostRange: ByteRange?
    /// `hostRange` without the port, and without the dot that ends a full name.
    public internal(set) var hostNameRange: ByteRange?
    /// 0 or 1. Higher minor versions are treated as 1 (RFC 9110 section 2.5).
    public internal(set) var minorVersion: UInt8 = 1
    /// The target was of the form `http://host/path`.
    public internal(set) var isAbsoluteForm = false
    /// `.none`, `.length` or `.chunked`.
    public internal(set) var framing = BodyFraming.none
    /// The client expects the connection to stay open after the response.
    public internal(set) var keepAlive = true
    /// The length of the head in bytes, from the start of the buffer to the end of the blank line.
    public internal(set) var byteCount = 0
    var section: FieldSection

    /// - Parameter limits: those of the parsers that will fill it.
    public init(limits: HeadLimits = HeadLimits()) {
        self.section = FieldSection(capacity: limits.maxFields)
    }

    /// The field lines in the order sent. Valid until the next `parse` and while the head lives.
    public var fields: UnsafeBufferPointer<Field> { self.section.fields }

    /// The recognised names that occur.
    public var names: FieldSet { self.section.names }

    /// The client waits for a `100 Continue` before it sends the body.
    public var expectsContinue: Bool { self.section.expectsContinue && self.minorVersion >= 1 }

    /// The client, or what lies between, can do with trailers: `TE: trailers`.
    public var acceptsTrailers: Bool { self.section.acceptsTrailers && self.minorVersion >= 1 }

    /// The client asks to switch to the protocol that the Upgrade field names.
    public var wantsUpgrade: Bool {
        self.section.connection.contains(.upgrade) && self.names.contains(.upgrade) && self.minorVersion >= 1
    }

    /// The client asks to switch to WebSocket, and to nothing else.
    /// - Parameter bytes: those that were parsed.
    public func wantsWebSocket(in bytes: UnsafeRawBufferPointer) -> Bool {
        guard self.wantsUpgrade else { return false }
        for field in self.fields where field.id == .upgrade {
            if !ASCII.equalsIgnoringCase(field.value.slice(of: bytes), "websocket") { return false }
        }
        return true
    }

    /// The value of the first field of that name.
    public func firstValue(of name: FieldName) -> ByteRange? { self.section.firstValue(of: name) }
}

extension FieldSection {
    func firstValue(of name: FieldName) -> ByteRange? {
        guard self.names.contains(name) else { return nil }
        for field in self.fields where field.id == name { return field.value }
        return nil
    }
}
