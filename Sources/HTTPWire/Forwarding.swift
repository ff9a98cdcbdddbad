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
    /// Appends the request line and the fields that the next hop is to see. The caller appends its own fields and the
    /// blank line.
    ///
    /// Left out are hop-by-hop fields, fields that Connection names (but never Host, Content-Length, Expect and Cookie,
    /// on which the meaning of the message rests), fields with `_` in an unlisted name, `dropping`, and the cookies of
    /// `droppingCookies`. A chunked body keeps `transfer-encoding: chunked`, unless `dropping` holds
    /// `.transferEncoding`. The target goes out in origin form; when it came in absolute form, Host becomes its
    /// authority.
    /// - Parameter bytes: those that were parsed.
    public borrowing func writeForwarded(
        to writer: inout ByteWriter,
        from bytes: UnsafeRawBufferPointer,
        dropping: FieldSet = [],
        droppingCookies: CookiePrefix? = nil
    ) {
        precondition(self.byteCount > 0 && self.byteCount <= bytes.count, "the bytes of another head")
        self.writeRequestLine(to: &writer, from: bytes)
        var dropped = dropping.union(.hopByHop)
        dropped.insert(.underscored)
        if self.isAbsoluteForm, let host = self.hostRange, !dropping.contains(.host) {
            dropped.insert(.host)
            writer.append("host: ")
            writer.append(host.slice(of: bytes))
            writer.append("\r\n")
        }
        let copier = FieldCopier(section: self.section, bytes: bytes, end: self.byteCount - 2, dropped: dropped)
        copier.copy(to: &writer, cookies: self.names.contains(.cookie) ? droppingCookies : nil)
        if self.framing == .chunked, !dropping.contains(.transferEncoding) {
            writer.append("transfer-encoding: chunked\r\n")
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
    /// Appends the status line and the fields that the client is to see. The caller appends its own fields and the
    /// blank line.
    ///
    /// Left out are hop-by-hop fields, fields that Connection names, and `dropping`. A chunked body keeps
    /// `transfer-encoding: chunked`, unless `dropping` holds `.transferEncoding`.
    /// - Parameter bytes: those that were parsed.
    public borrowing func writeForwarded(
        to writer: inout ByteWriter,
        from bytes: UnsafeRawBufferPointer,
        dropping: FieldSet = []
    ) {
        precondition(self.byteCount > 0 && self.byteCount <= bytes.count, "the bytes of another head")
        writer.append("HTTP/1.1 ")
        writer.append(decimal: Int(self.status))
        writer.append(byte: ASCII.space)
        writer.append(self.reasonRange.slice(of: bytes))
        writer.append("\r\n")
        let dropped = dropping.union(.hopByHop)
        let copier = FieldCopier(section: self.section, bytes: bytes, end: self.byteCount - 2, dropped: dropped)
        copier.copy(to: &writer, cookies: nil)
        if self.framing == .chunked, !dropping.contains(.transferEncoding) {
            writer.append("transfer-encoding: chunked\r\n")
        }
    }
}

/// Copies field lines, each run of neighbours that are kept with one copy: they are neighbours in the source too.
private struct FieldCopier {
    private let fields: UnsafeBufferPointer<Field>
    private let names: FieldSet
    private let hasNominations: Bool
    private let bytes: UnsafeRawBufferPointer
    private let window: Window
    /// Where the blank line starts.
    private let end: Int
    private let dropped: FieldSet

    /// - Parameter section: must outlive the copier.
    init(section: borrowing FieldSection, bytes: UnsafeRawBufferPointer, end: Int, dropped: FieldSet) {
        self.fields = section.fields
        self.names = section.names
        self.hasNominations = section.connection.contains(.nominates)
        self.bytes = bytes
        self.window = Window(bytes)
        self.end = end
        self.dropped = dropped
    }

    func copy(to writer: inout ByteWriter, cookies: CookiePrefix?) {
        let isPlain = self.names.isDisjoint(with: self.dropped) && !self.hasNominations && cookies == nil
        if isPlain { return self.copyRun(from: 0, to: self.fields.count, to: &writer) }
        var runStart = 0
        for index in 0..<self.fields.count {
            let field = self.fields[index]
            let holdsOurs = field.id == .cookie && cookies.map { self.hasCookie($0, at: index) } ?? false
            let isKept = !self.dropped.contains(field.id) && !(self.hasNominations && self.isNominated(field))
            if isKept, !holdsOurs { continue }
            self.copyRun(from: runStart, to: index, to: &writer)
            runStart = index &+ 1
            if isKept, let cookies { self.copyCookies(of: index, without: cookies, to: &writer) }
        }
        self.copyRun(from: runStart, to: self.fields.count, to: &writer)
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

    private func pairs(of index: Int) -> Cookies {
        Cookies(UnsafeBufferPointer(rebasing: self.fields[index...index]), self.window)
    }

    private func hasCookie(_ prefix: CookiePrefix, at index: Int) -> Bool {
        var pairs = self.pairs(of: index)
        while let pair = pairs.nextPair() {
            if self.isOurs(pair, prefix) { return true }
        }
        return false
    }

    /// The Cookie field anew, from its other cookies; no field when there are none.
    private func copyCookies(of index: Int, without prefix: CookiePrefix, to writer: inout ByteWriter) {
        var pairs = self.pairs(of: index)
        var isFirst = true
        while let pair = pairs.nextPair() {
            if self.isOurs(pair, prefix) { continue }
            writer.append(isFirst ? "cookie: " : "; ")
            writer.append(pair.slice(of: self.bytes))
            isFirst = false
        }
        if !isFirst { writer.append("\r\n") }
    }

    // MARK: Fields that Connection names

    private static let neverNominated: FieldSet = [.host, .contentLength, .expect, .cookie, .setCookie]

    private func isNominated(_ field: Field) -> Bool {
        if Self.neverNominated.contains(field.id) { return false }
        for connection in self.fields where connection.id == .connection {
            var tokens = ListTokens(connection.value)
            while let token = tokens.next(self.window) {
                if self.equalIgnoringCase(token, field.name) { return true }
            }
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
