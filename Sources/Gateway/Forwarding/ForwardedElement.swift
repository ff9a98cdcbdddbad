import Addresses
import HTTPWire
import Primitives

/// One step of a request's way as a proxy tells of it: an element of `X-Forwarded-For` or of `Forwarded` (RFC 7239).
struct ForwardedElement: Equatable {
    var address: IPAddress
    /// What `proto` says, if it says http or https.
    var isSecure: Bool?

    /// An address with or without a port, in brackets or without: `192.0.2.7`, `192.0.2.7:80`, `2001:db8::1`,
    /// `[2001:db8::1]:443`. Nil for anything else, as for a name or `unknown`.
    static func address(_ text: UnsafeRawBufferPointer) -> IPAddress? {
        guard let first = text.first else { return nil }
        if first == UInt8(ascii: "[") {
            guard let end = text.firstIndex(of: UInt8(ascii: "]")), self.isPortOrNothing(text[(end + 1)...]) else {
                return nil
            }
            let inner = IPAddress(parsing: UnsafeRawBufferPointer(rebasing: text[1..<end]))
            if case .v6? = inner { return inner?.unmapped }
            return nil
        }
        if let address = IPAddress(parsing: text) { return address.unmapped }
        guard let colon = text.firstIndex(of: ASCII.colon), self.isPortOrNothing(text[colon...]) else { return nil }
        return IPAddress(parsing: UnsafeRawBufferPointer(rebasing: text[..<colon]))
    }

    private static func isPortOrNothing(_ text: Slice<UnsafeRawBufferPointer>) -> Bool {
        if text.isEmpty { return true }
        return text.first == ASCII.colon && (2...6).contains(text.count) && text.dropFirst().allSatisfy(ASCII.isDigit)
    }

    /// Pairs with semicolons, of which `for` must name an address. Nil when it does not, or when any pair is malformed.
    init?(forwarded text: UnsafeRawBufferPointer) {
        var address: IPAddress?
        var rest = text[...]
        while !rest.isEmpty {
            let end = rest.firstIndex(of: UInt8(ascii: ";")) ?? rest.endIndex
            let pair = Self.trimmed(rest[..<end])
            rest = rest[min(end + 1, rest.endIndex)...]
            if pair.isEmpty { continue }
            guard let equals = pair.firstIndex(of: UInt8(ascii: "=")), let value = Self.value(pair[(equals + 1)...])
            else { return nil }
            let name = UnsafeRawBufferPointer(rebasing: pair[..<equals])
            if ASCII.equalsIgnoringCase(name, "for") {
                guard address == nil, let found = Self.address(value) else { return nil }
                address = found
            } else if ASCII.equalsIgnoringCase(name, "proto") {
                self.isSecure = Self.isSecure(value)
            }
        }
        guard let address else { return nil }
        self.address = address
    }

    init(address: IPAddress) { self.address = address }

    /// What is between the quotes, or all of it. Nil for half a quotation, and for one with an escape.
    private static func value(_ text: Slice<UnsafeRawBufferPointer>) -> UnsafeRawBufferPointer? {
        let quote = UInt8(ascii: "\"")
        guard text.contains(quote) else { return UnsafeRawBufferPointer(rebasing: text) }
        guard text.count >= 2, text.first == quote, text.last == quote else { return nil }
        let inner = text.dropFirst().dropLast()
        guard !inner.contains(quote), !inner.contains(UInt8(ascii: "\\")) else { return nil }
        return UnsafeRawBufferPointer(rebasing: inner)
    }

    /// Nil when it is neither `https` nor `http`.
    static func isSecure(_ text: UnsafeRawBufferPointer) -> Bool? {
        if ASCII.equalsIgnoringCase(text, "https") { return true }
        return ASCII.equalsIgnoringCase(text, "http") ? false : nil
    }

    static func trimmed(_ text: Slice<UnsafeRawBufferPointer>) -> Slice<UnsafeRawBufferPointer> {
        var text = text
        while let byte = text.first, byte == ASCII.space || byte == ASCII.tab { text = text.dropFirst() }
        while let byte = text.last, byte == ASCII.space || byte == ASCII.tab { text = text.dropLast() }
        return text
    }
}
