extension RequestHead {
    @inline(__always)
    mutating func parseFields(_ window: Window, from start: Int, budget: Int) -> FieldSection.Step {
        self.section.reset()
        return self.section.parse(window, from: start, budget: budget)
    }

    @inline(__always)
    mutating func conclude(_ window: Window, byteCount: Int) -> WireFailure.Reason? {
        self.byteCount = byteCount
        if let reason = self.section.contradiction { return reason }
        if let reason = self.concludeHost(window) { return reason }
        let connection = self.section.connection
        self.keepAlive =
            !connection.contains(.close) && (self.minorVersion >= 1 || connection.contains(.keepAlive))
        return self.concludeFraming()
    }

    @inline(__always)
    private mutating func concludeHost(_ window: Window) -> WireFailure.Reason? {
        guard self.section.hostCount == 1 else {
            if self.section.hostCount > 1 { return .hostRepeated }
            if self.minorVersion >= 1 { return .hostMissing }
            if !self.isAbsoluteForm {
                self.hostRange = nil
                self.hostNameRange = nil
            }
            return nil
        }
        let host = self.section.host
        guard let nameEnd = window.endOfHostName(host) else { return .hostInvalid }
        // The authority of an absolute target, read before, goes before the field (RFC 9112 section 3.2.2).
        guard !self.isAbsoluteForm else { return nil }
        self.hostRange = host
        self.hostNameRange = ByteRange(start: Int(host.start), end: nameEnd)
        return nil
    }

    @inline(__always)
    private mutating func concludeFraming() -> WireFailure.Reason? {
        let hasLength = self.section.contentLength >= 0
        guard self.names.contains(.transferEncoding) else {
            self.framing = hasLength ? .length(self.section.contentLength) : .none
            return nil
        }
        if self.minorVersion == 0 { return .transferEncodingInOldVersion }
        if hasLength { return .lengthAndEncoding }
        self.framing = .chunked
        return nil
    }
}
