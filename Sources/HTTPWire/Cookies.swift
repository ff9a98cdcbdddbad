import Primitives

/// One cookie of a request.
public struct Cookie: Sendable {
    public var name: ByteRange
    public var value: ByteRange
}

/// The cookies of a request in the order sent, over all Cookie fields (RFC 6265 section 5.4, read leniently: what has
/// no `=` is passed over, white space around pairs is ignored).
///
/// `while let cookie = cookies.next() { … }`. Valid as long as the head and the bytes it was parsed from.
public struct Cookies {
    private let window: Window
    private let fields: UnsafeBufferPointer<Field>
    private var nextField = 0
    private var offset = 0
    private var end = 0

    init(_ fields: UnsafeBufferPointer<Field>, _ window: Window) {
        self.fields = fields
        self.window = window
    }

    public mutating func next() -> Cookie? {
        while let pair = self.nextPair() {
            let equals = self.window.firstIndex(of: 0x3D, from: Int(pair.start), to: pair.end)
            guard equals < pair.end else { continue }
            return Cookie(
                name: self.window.trimmed(from: Int(pair.start), to: equals),
                value: self.window.trimmed(from: equals &+ 1, to: pair.end)
            )
        }
        return nil
    }

    /// The next stretch between semicolons that is not blank.
    mutating func nextPair() -> ByteRange? {
        while true {
            while self.offset >= self.end {
                guard self.advanceToField() else { return nil }
            }
            let stop = self.window.firstIndex(of: 0x3B, from: self.offset, to: self.end)
            let pair = self.window.trimmed(from: self.offset, to: stop)
            self.offset = stop &+ 1
            if !pair.isEmpty { return pair }
        }
    }

    /// What follows `name=` in a pair that starts with it.
    func value(of pair: ByteRange, named name: UnsafeRawBufferPointer) -> ByteRange? {
        let start = Int(pair.start)
        let equals = start &+ name.count
        guard equals < pair.end, self.window.byte(at: equals) == 0x3D, self.window.matches(name, at: start) else {
            return nil
        }
        return self.window.trimmed(from: equals &+ 1, to: pair.end)
    }

    private mutating func advanceToField() -> Bool {
        while self.nextField < self.fields.count {
            let field = self.fields[self.nextField]
            self.nextField &+= 1
            guard field.id == .cookie else { continue }
            self.offset = Int(field.value.start)
            self.end = field.value.end
            return true
        }
        return false
    }
}

extension RequestHead {
    /// `bytes` must be those that were parsed.
    public func cookies(in bytes: UnsafeRawBufferPointer) -> Cookies {
        precondition(self.byteCount > 0 && self.byteCount <= bytes.count, "the bytes of another head")
        let none = UnsafeBufferPointer<Field>(start: nil, count: 0)
        return Cookies(self.names.contains(.cookie) ? self.fields : none, Window(bytes))
    }

    /// The values of all cookies of that name, in the order sent.
    ///
    /// A page of another host below the same domain can plant a cookie that comes before the right one, so a visitor is
    /// known by the first value that proves right, not by the first.
    /// - Parameter name: must stay valid as long as the values are asked for.
    public func cookieValues(named name: UnsafeRawBufferPointer, in bytes: UnsafeRawBufferPointer) -> CookieValues {
        CookieValues(self.cookies(in: bytes), name)
    }

    public func cookieValues(named name: StaticString, in bytes: UnsafeRawBufferPointer) -> CookieValues {
        self.cookieValues(
            named: UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount),
            in: bytes
        )
    }
}

/// The values of the cookies of one name: `while let value = values.next() { … }`. Valid as long as the head, the bytes
/// that it was parsed from, and the name.
public struct CookieValues {
    private var cookies: Cookies
    private let name: UnsafeRawBufferPointer

    init(_ cookies: Cookies, _ name: UnsafeRawBufferPointer) {
        self.cookies = cookies
        self.name = name
    }

    public mutating func next() -> ByteRange? {
        guard self.name.count > 0 else { return nil }
        while let pair = self.cookies.nextPair() {
            if let value = self.cookies.value(of: pair, named: self.name) { return value }
        }
        return nil
    }
}

extension Window {
    /// Whether `text` stands at `offset`. The caller has compared `offset + text.count` with `limit`.
    @inline(__always)
    func matches(_ text: UnsafeRawBufferPointer, at offset: Int) -> Bool {
        let expected = Window(text)
        var index = 0
        while index &+ 8 <= text.count {
            if self.wholeWord(at: offset &+ index) != expected.wholeWord(at: index) { return false }
            index &+= 8
        }
        while index < text.count {
            if self.byte(at: offset &+ index) != expected.byte(at: index) { return false }
            index &+= 1
        }
        return true
    }
}
