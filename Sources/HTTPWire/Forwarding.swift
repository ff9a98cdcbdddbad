import Primitives

/// Names of cookies that are the gateway's own: `prefix…`, also behind `__Host-` or `__Secure-`.
public struct CookiePrefix: Sendable {
    let text: StaticString

    public init(_ text: StaticString) {
        precondition(text.utf8CodeUnitCount > 0, "an empty prefix would take every cookie")
        self.text = text
    }
}

extension RequestHead {
    /// Appends the request line and the fields that the next hop is to see. The caller appends the framing
    /// (`appendFraming`), its own fields and the blank line.
    ///
    /// Left out are hop-by-hop fields, fields that Connection names (but never Host and Cookie, on which the meaning of
    /// the request rests), `Content-Length`, `Expect` and `Trailer`, ambiguous names, names that mislead servers
    /// (`Proxy`, `X-Original-URL` and its like), `dropping`, and the cookies of `droppingCookies`. The target goes out in
    /// origin form; when it came in absolute form, Host becomes its authority. Several Cookie fields become one.
    /// Every line goes out as `name: value`.
    /// - Parameters:
    ///   - bytes: those that were parsed.
    ///   - passing: of `.expect` (`100-continue`), `.te` (`trailers`) and `.upgrade` (`websocket`), what the next hop is
    ///     to know of if the client asked for it.
    ///   - droppingName: one more name, in small letters, whether it is recognised or not; empty for none.
    public borrowing func writeForwarded(
        to writer: inout ByteWriter,
        from bytes: UnsafeRawBufferPointer,
        dropping: FieldSet = [],
        droppingName: [UInt8] = [],
        passing: FieldSet = [],
        droppingCookies: CookiePrefix? = nil
    ) {
        _ = self.forward(
            to: &writer,
            from: bytes,
            dropping: dropping,
            droppingName: droppingName,
            passing: passing,
            cookies: droppingCookies
        )
    }

    /// Returns how often two names were compared, for tests.
    borrowing func forward(
        to writer: inout ByteWriter,
        from bytes: UnsafeRawBufferPointer,
        dropping: FieldSet,
        droppingName: [UInt8] = [],
        passing: FieldSet,
        cookies: CookiePrefix?
    ) -> Int {
        precondition(self.byteCount > 0 && self.byteCount <= bytes.count, "the bytes of another head")
        self.writeRequestLine(to: &writer, from: bytes)
        var dropped = dropping.union(.neverForwardedInRequests)
        if self.isAbsoluteForm, let host = self.hostRange, !dropping.contains(.host) {
            dropped.insert(.host)
            writer.appendField("host", host.slice(of: bytes))
        }
        var copier = FieldCopier(section: self.section, bytes: bytes, end: self.byteCount - 2, dropped: dropped)
        copier.droppedName = droppingName
        copier.copy(to: &writer, without: cookies)
        self.writePassed(passing, to: &writer, from: bytes)
        return copier.comparedNames
    }

    /// The wishes of the client that reach the next hop, in our own words.
    private borrowing func writePassed(
        _ passing: FieldSet,
        to writer: inout ByteWriter,
        from bytes: UnsafeRawBufferPointer
    ) {
        if passing.contains(.expect), self.expectsContinue { writer.append("expect: 100-continue\r\n") }
        let passesTrailers = passing.contains(.te) && self.acceptsTrailers
        let passesUpgrade = passing.contains(.upgrade) && self.wantsWebSocket(in: bytes)
        if passesTrailers { writer.append("te: trailers\r\n") }
        if passesUpgrade { writer.append("upgrade: websocket\r\n") }
        switch (passesTrailers, passesUpgrade) {
        case (false, false): break
        case (true, false): writer.append("connection: te\r\n")
        case (false, true): writer.append("connection: upgrade\r\n")
        case (true, true): writer.append("connection: te, upgrade\r\n")
        }
    }

    private borrowing func writeRequestLine(to writer: inout ByteWriter, from bytes: UnsafeRawBufferPointer) {
        if self.isAbsoluteForm {
            self.writeOriginForm(to: &writer, from: bytes)
        } else {
            // One space apart in the source, as here.
            let line = ByteRange(start: Int(self.methodRange.start), end: self.targetRange.end)
            writer.append(line.slice(of: bytes))
        }
        writer.append(" HTTP/1.1\r\n")
    }

    private borrowing func writeOriginForm(to writer: inout ByteWriter, from bytes: UnsafeRawBufferPointer) {
        writer.append(self.methodRange.slice(of: bytes))
        writer.append(byte: ASCII.space)
        if self.pathRange.isEmpty {
            // RFC 9112 section 3.2.4: OPTIONS of a whole server travels on as an asterisk.
            writer.append(byte: self.method == .options && self.queryRange.isEmpty ? 0x2A : 0x2F)
        } else {
            writer.append(self.pathRange.slice(of: bytes))
        }
        if !self.queryRange.isEmpty {
            writer.append(byte: 0x3F)
            writer.append(self.queryRange.slice(of: bytes))
        }
    }
}

extension ResponseHead {
    /// Appends the fields that the client is to see. The caller writes the status line before them, and behind them the
    /// framing (`appendFraming`), its own fields and the blank line.
    ///
    /// Left out are hop-by-hop fields, fields that Connection names (but never Set-Cookie), `Content-Length`, `Trailer`
    /// and `dropping`. A response without a body that may say how long it would be, as to HEAD and with 304, keeps its
    /// `Content-Length`. Every line goes out as `name: value`.
    /// - Parameters:
    ///   - bytes: those that were parsed.
    ///   - droppingName: one more name, in small letters, whether it is recognised or not; empty for none.
    public borrowing func writeForwardedFields(
        to writer: inout ByteWriter,
        from bytes: UnsafeRawBufferPointer,
        dropping: FieldSet = [],
        droppingName: [UInt8] = []
    ) {
        precondition(self.byteCount > 0 && self.byteCount <= bytes.count, "the bytes of another head")
        let dropped = dropping.union(.neverForwarded)
        var copier = FieldCopier(section: self.section, bytes: bytes, end: self.byteCount - 2, dropped: dropped)
        copier.droppedName = droppingName
        copier.copy(to: &writer, without: nil)
        let isSilent = self.status < 200 || self.status == 204
        if self.framing == .none, !isSilent, self.section.contentLength >= 0, !dropping.contains(.contentLength) {
            writer.appendField("content-length", decimal: Int(self.section.contentLength))
        }
    }
}

extension ByteWriter {
    /// `via: 1.1 sluice`: this hop took part (RFC 9110 section 7.6.3). Earlier ones, which are passed on, stay before it.
    /// - Parameter minorVersion: the one of the message that was received.
    public mutating func appendVia(minorVersion: UInt8) {
        self.append(minorVersion == 0 ? "via: 1.0 sluice\r\n" : "via: 1.1 sluice\r\n")
    }
}

extension FieldSet {
    /// What concerns one hop alone, and the framing, which is written anew. Trailers that may travel on need no
    /// announcement.
    fileprivate static let neverForwarded = FieldSet.hopByHop.union([.contentLength, .trailer])
    fileprivate static let neverForwardedInRequests = FieldSet.neverForwarded.union([
        .ambiguous, .expect, .pathOverride, .proxy,
    ])
    /// A sender must not take these from a message by naming them.
    fileprivate static let neverNominated: FieldSet = [.host, .cookie, .setCookie]
}

/// Copies field lines, each run of neighbours that are kept with one copy: they are neighbours in the source too. Lines
/// that are not of the form `name: value` are written anew.
private struct FieldCopier {
    private let fields: UnsafeBufferPointer<Field>
    private let names: FieldSet
    private let nominations: UnsafeBufferPointer<ByteRange>
    private let bytes: UnsafeRawBufferPointer
    private let window: Window
    /// Where the blank line starts.
    private let end: Int
    private let dropped: FieldSet
    /// In small letters; empty for none.
    var droppedName: [UInt8] = []
    /// For tests: what the work grows with beside the bytes.
    private(set) var comparedNames = 0

    /// - Parameter section: must outlive the copier.
    init(section: borrowing FieldSection, bytes: UnsafeRawBufferPointer, end: Int, dropped: FieldSet) {
        self.fields = section.fields
        self.names = section.names
        self.nominations = section.nominations
        self.bytes = bytes
        self.window = Window(bytes)
        self.end = end
        let nominated = section.nominated.subtracting(.neverNominated).subtracting(FieldName.kinds)
        self.dropped = dropped.union(nominated)
    }

    mutating func copy(to writer: inout ByteWriter, without ownCookies: CookiePrefix?) {
        let rewritesCookies = self.names.contains(.cookie) && self.mustRewriteCookies(ownCookies)
        var dropped = self.dropped
        if rewritesCookies { dropped.insert(.cookie) }
        var runStart = 0
        for index in 0..<self.fields.count {
            let field = self.fields[index]
            let isKept =
                !dropped.contains(field.id) && !(self.nominations.count > 0 && self.isNominated(field))
                && !self.isDroppedName(field)
            if isKept, self.isPlainLine(index) { continue }
            self.copyRun(from: runStart, to: index, to: &writer)
            runStart = index &+ 1
            if isKept { self.rewriteLine(index, to: &writer) }
        }
        self.copyRun(from: runStart, to: self.fields.count, to: &writer)
        if rewritesCookies, !self.dropped.contains(.cookie) { self.copyCookies(without: ownCookies, to: &writer) }
    }

    /// One space before the value and none behind it.
    private func isPlainLine(_ index: Int) -> Bool {
        let field = self.fields[index]
        return Int(field.value.start) == field.name.end &+ 2
            && self.window.byte(at: field.name.end &+ 1) == ASCII.space
            && self.lineStart(index &+ 1) == field.value.end &+ 2
    }

    private func rewriteLine(_ index: Int, to writer: inout ByteWriter) {
        let field = self.fields[index]
        writer.append(field.name.slice(of: self.bytes))
        writer.append(": ")
        writer.append(field.value.slice(of: self.bytes))
        writer.append("\r\n")
    }

    private func lineStart(_ index: Int) -> Int {
        index < self.fields.count ? Int(self.fields[index].name.start) : self.end
    }

    private func copyRun(from first: Int, to last: Int, to writer: inout ByteWriter) {
        guard first < last else { return }
        let run = ByteRange(start: self.lineStart(first), end: self.lineStart(last))
        writer.append(run.slice(of: self.bytes))
    }

    // MARK: Cookies

    private func isOurs(_ pair: ByteRange, _ prefix: CookiePrefix) -> Bool {
        if self.starts(pair, with: prefix.text) { return true }
        // Most names are told apart from the marked ones by their first byte.
        guard self.window.byte(at: Int(pair.start)) == 0x5F else { return false }
        let markCount = self.starts(pair, with: "__Host-") ? 7 : self.starts(pair, with: "__Secure-") ? 9 : 0
        let rest = ByteRange(start: Int(pair.start) &+ markCount, end: pair.end)
        return markCount > 0 && self.starts(rest, with: prefix.text)
    }

    @inline(__always)
    private func starts(_ range: ByteRange, with text: StaticString) -> Bool {
        guard text.utf8CodeUnitCount <= Int(range.count) else { return false }
        let text = UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        return self.window.matches(text, at: Int(range.start))
    }

    /// There are cookies of ours to take out, or fields to join: servers disagree on what several Cookie fields mean.
    private func mustRewriteCookies(_ prefix: CookiePrefix?) -> Bool {
        var count = 0
        for field in self.fields where field.id == .cookie { count &+= 1 }
        if count > 1 { return true }
        guard let prefix else { return false }
        var cookies = Cookies(self.fields, self.window)
        while let pair = cookies.nextPair() {
            if self.isOurs(pair, prefix) { return true }
        }
        return false
    }

    /// One Cookie field from the cookies of all of them that are not ours; none when there are none.
    private func copyCookies(without prefix: CookiePrefix?, to writer: inout ByteWriter) {
        var cookies = Cookies(self.fields, self.window)
        var isFirst = true
        while let pair = cookies.nextPair() {
            if let prefix, self.isOurs(pair, prefix) { continue }
            writer.append(isFirst ? "cookie: " : "; ")
            writer.append(pair.slice(of: self.bytes))
            isFirst = false
        }
        if !isFirst { writer.append("\r\n") }
    }

    // MARK: Fields that are named

    private func isDroppedName(_ field: Field) -> Bool {
        guard self.droppedName.count == Int(field.name.count), !self.droppedName.isEmpty else { return false }
        let start = Int(field.name.start)
        for index in 0..<self.droppedName.count
        where ASCII.lowercased(self.window.byte(at: start + index)) != self.droppedName[index] {
            return false
        }
        return true
    }

    /// Recognised names are in `dropped`.
    private mutating func isNominated(_ field: Field) -> Bool {
        guard FieldName.kinds.contains(field.id) else { return false }
        for name in self.nominations {
            self.comparedNames &+= 1
            if self.equalIgnoringCase(name, field.name) { return true }
        }
        return false
    }

    private func equalIgnoringCase(_ left: ByteRange, _ right: ByteRange) -> Bool {
        guard left.count == right.count else { return false }
        for index in 0..<Int(left.count) {
            let one = ASCII.lowercased(self.window.byte(at: Int(left.start) + index))
            let other = ASCII.lowercased(self.window.byte(at: Int(right.start) + index))
            if one != other { return false }
        }
        return true
    }
}
