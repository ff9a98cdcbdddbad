import Primitives

extension Window {
    /// How many bytes come before the colon of the line at `offset`, whose first word is `first`; 0 without a colon.
    @inline(__always)
    func nameCount(at offset: Int, first: UInt64) -> Int {
        let colon = Word.repeating(ASCII.colon)
        var colons = Word.zeros(first ^ colon)
        if colons != 0 { return Word.firstIndex(colons) }
        var count = 8
        while offset &+ count < self.limit {
            colons = Word.zeros(self.word(at: offset &+ count) ^ colon)
            if colons != 0 { return count &+ Word.firstIndex(colons) }
            count &+= 8
        }
        return 0
    }

    /// Which name the `count` bytes at `offset` are, or nil when they are no field name at all.
    ///
    /// `first` is the first word as it is. Names are told apart by length, then compared in words; the last word may
    /// overlap the one before it.
    @inline(__always)
    func fieldName(at offset: Int, count: Int, first: UInt64) -> FieldName? {
        if count < 8 {
            let name = Word.folded(first & (1 &<< UInt64(count &* 8) &- 1))
            return self.shortName(count: count, name) ?? self.unlistedName(at: offset, count: count)
        }
        let start = Word.folded(first)
        let last = Word.folded(self.wholeWord(at: offset &+ count &- 8))
        return self.mediumName(count: count, start, last) ?? self.longName(at: offset, count: count, start, last)
            ?? self.unlistedName(at: offset, count: count)
    }

    @inline(__always)
    private func shortName(count: Int, _ name: UInt64) -> FieldName? {
        switch count {
        case 2: if name == Word.text("te\0\0\0\0\0\0") { return .te }
        case 3:
            if name == Word.text("via\0\0\0\0\0") { return .via }
            if name == Word.text("age\0\0\0\0\0") { return .age }
        case 4:
            if name == Word.text("host\0\0\0\0") { return .host }
            if name == Word.text("date\0\0\0\0") { return .date }
            if name == Word.text("etag\0\0\0\0") { return .etag }
            if name == Word.text("vary\0\0\0\0") { return .vary }
        case 5:
            if name == Word.text("range\0\0\0") { return .range }
            if name == Word.text("proxy\0\0\0") { return .proxy }
        case 6:
            if name == Word.text("accept\0\0") { return .accept }
            if name == Word.text("cookie\0\0") { return .cookie }
            if name == Word.text("server\0\0") { return .server }
            if name == Word.text("origin\0\0") { return .origin }
            if name == Word.text("pragma\0\0") { return .pragma }
            if name == Word.text("expect\0\0") { return .expect }
        case 7:
            if name == Word.text("referer\0") { return .referer }
            if name == Word.text("upgrade\0") { return .upgrade }
            if name == Word.text("expires\0") { return .expires }
            if name == Word.text("trailer\0") { return .trailer }
        default: break
        }
        return nil
    }

    @inline(__always)
    private func mediumName(count: Int, _ first: UInt64, _ last: UInt64) -> FieldName? {
        switch count {
        case 8:
            if first == Word.text("location") { return .location }
            if first == Word.text("priority") { return .priority }
        case 9:
            if first == Word.text("x-real-i"), last == Word.text("-real-ip") { return .xRealIP }
            if first == Word.text("forwarde"), last == Word.text("orwarded") { return .forwarded }
        case 10:
            if first == Word.text("user-age"), last == Word.text("er-agent") { return .userAgent }
            if first == Word.text("connecti"), last == Word.text("nnection") { return .connection }
            if first == Word.text("set-cook"), last == Word.text("t-cookie") { return .setCookie }
            if first == Word.text("keep-ali"), last == Word.text("ep-alive") { return .keepAlive }
            if first == Word.text("tracesta"), last == Word.text("acestate") { return .tracestate }
        case 11:
            if first == Word.text("retry-af"), last == Word.text("ry-after") { return .retryAfter }
            if first == Word.text("tracepar"), last == Word.text("ceparent") { return .traceparent }
            if first == Word.text("client-c"), last == Word.text("ent-cert") { return .clientCertificate }
        case 12:
            if first == Word.text("content-"), last == Word.text("ent-type") { return .contentType }
            if first == Word.text("x-reques"), last == Word.text("quest-id") { return .xRequestID }
        case 13:
            if first == Word.text("cache-co"), last == Word.text("-control") { return .cacheControl }
            if first == Word.text("authoriz"), last == Word.text("rization") { return .authorization }
            if first == Word.text("if-none-"), last == Word.text("ne-match") { return .ifNoneMatch }
            if first == Word.text("last-mod"), last == Word.text("modified") { return .lastModified }
        case 14:
            if first == Word.text("content-"), last == Word.text("t-length") { return .contentLength }
            if first == Word.text("sluice-s"), last == Word.text("-session") { return .sluiceSession }
        case 15:
            if first == Word.text("accept-e"), last == Word.text("encoding") { return .acceptEncoding }
            if first == Word.text("accept-l"), last == Word.text("language") { return .acceptLanguage }
            if first == Word.text("x-forwar"), last == Word.text("rded-for") { return .xForwardedFor }
        case 16:
            if first == Word.text("x-forwar") {
                if last == Word.text("ded-host") { return .xForwardedHost }
                if last == Word.text("ded-port") { return .xForwardedPort }
            }
            if first == Word.text("content-"), last == Word.text("encoding") { return .contentEncoding }
            if first == Word.text("proxy-co"), last == Word.text("nnection") { return .proxyConnection }
        default: break
        }
        return nil
    }

    @inline(never)
    private func longName(at offset: Int, count: Int, _ first: UInt64, _ last: UInt64) -> FieldName? {
        switch count {
        case 17:
            let second = Word.folded(self.wholeWord(at: offset &+ 8))
            if first == Word.text("transfer"), second == Word.text("-encodin"), last == Word.text("encoding") {
                return .transferEncoding
            }
            if first == Word.text("x-forwar"), second == Word.text("ded-prot"), last == Word.text("ed-proto") {
                return .xForwardedProto
            }
            if first == Word.text("client-c"), second == Word.text("ert-chai"), last == Word.text("rt-chain") {
                return .clientCertificate
            }
            if first == Word.text("if-modif"), second == Word.text("ied-sinc"), last == Word.text("ed-since") {
                return .ifModifiedSince
            }
        case 25:
            let second = Word.folded(self.wholeWord(at: offset &+ 8))
            let third = Word.folded(self.wholeWord(at: offset &+ 16))
            if first == Word.text("upgrade-"), second == Word.text("insecure"), third == Word.text("-request"),
                last == Word.text("requests")
            {
                return .upgradeInsecureRequests
            }
            if first == Word.text("strict-t"), second == Word.text("ransport"), third == Word.text("-securit"),
                last == Word.text("security")
            {
                return .strictTransportSecurity
            }
        default: break
        }
        return nil
    }

    /// `other`, or a kind of names instead of one; nil when a byte is not one that names are made of.
    @inline(never)
    private func unlistedName(at offset: Int, count: Int) -> FieldName? {
        let end = offset &+ count
        if count >= 8, self.isPlain(from: offset, to: end, or: 0x2D, 0x2D) {
            return self.kindOfName(at: offset, count: count)
        }
        var id = FieldName.other
        for position in offset..<end {
            let byte = self.byte(at: position)
            guard ASCII.isToken(byte) else { return nil }
            let isPlain = ASCII.isDigit(byte) || ASCII.lowercased(byte) &- 0x61 < 26 || byte == 0x2D
            if !isPlain { id = .ambiguous }
        }
        return id
    }

    /// Which kind the name of letters, digits and `-`, eight or more, is of.
    private func kindOfName(at offset: Int, count: Int) -> FieldName {
        let first = Word.folded(self.wholeWord(at: offset))
        let last = Word.folded(self.wholeWord(at: offset &+ count &- 8))
        switch (count, first) {
        case (12..., Word.text("x-forwar")) where self.equals(offset &+ 8, "ded-"): return .xForwardedOther
        case (14, Word.text("x-origin")) where last == Word.text("inal-url") || last == Word.text("inal-uri"),
            (13, Word.text("x-rewrit")) where last == Word.text("rite-url") || last == Word.text("rite-uri"):
            return .pathOverride
        default: return .other
        }
    }

    private func equals(_ offset: Int, _ text: StaticString) -> Bool {
        self.equals(ByteRange(start: offset, end: offset &+ text.utf8CodeUnitCount), ignoringCase: text)
    }
}
