import Admission

/// The cookies of somebody who waits: none, or one token of the gateway's kind. 40 bytes.
struct PackedCookies: Sendable {
    /// What is the visitor's own.
    fileprivate(set) var own: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    fileprivate(set) var head: UInt16 = 0
    /// In `CookieWords`; 0: no cookie.
    fileprivate(set) var name: UInt8 = 0

    /// Bytes of a token that many visitors have in common; the rest is each one's own.
    static let headBytes = 16
}

/// What the cookies of many visitors have in common, kept once: the name, and how a token of a room begins (kind, key, room
/// and line). A token is kept as bytes, three quarters of its text.
///
/// Limits: `mostNames`, `mostHeads`. A jar that holds anything else than one such token is not packed.
struct CookieWords {
    static let mostNames = 200
    static let mostHeads = 60_000

    private var names: [[UInt8]] = [[]]
    private var heads: [SIMD2<UInt64>] = []
    private var headNumbers: [SIMD2<UInt64>: UInt16] = [:]

    /// nil when it does not fit.
    mutating func pack(_ jar: CookieJar) -> PackedCookies? {
        if jar.header.isEmpty { return PackedCookies() }
        guard let pair = jar.onlyPair, let equals = pair.firstIndex(of: UInt8(ascii: "=")),
            let bytes = Self.bytes(of: pair[(equals + 1)...])
        else { return nil }
        var packed = PackedCookies()
        guard let name = self.number(ofName: pair[..<equals]) else { return nil }
        packed.name = name
        let (first, own) = bytes.withUnsafeBytes { bytes in
            (
                bytes.loadUnaligned(as: SIMD2<UInt64>.self),
                bytes.loadUnaligned(fromByteOffset: PackedCookies.headBytes, as: (UInt64, UInt64, UInt64, UInt64).self)
            )
        }
        guard let head = self.number(ofHead: first) else { return nil }
        packed.head = head
        packed.own = own
        return packed
    }

    func unpack(_ packed: PackedCookies) -> CookieJar {
        guard packed.name != 0 else { return CookieJar() }
        var pair = self.names[Int(packed.name)]
        pair.append(UInt8(ascii: "="))
        let bytes = withUnsafeBytes(of: self.heads[Int(packed.head)]) { head in
            withUnsafeBytes(of: packed.own) { Array(head) + Array($0) }
        }
        pair += [UInt8](unsafeUninitializedCapacity: AdmissionToken.textBytes) { text, count in
            bytes.withUnsafeBytes { Base64URL.encode48(from: $0, to: UnsafeMutableRawBufferPointer(text)) }
            count = AdmissionToken.textBytes
        }
        return CookieJar(pair: pair)
    }

    /// nil when the text is no token.
    private static func bytes(of text: ArraySlice<UInt8>) -> [UInt8]? {
        guard text.count == AdmissionToken.textBytes else { return nil }
        var isToken = false
        let bytes = [UInt8](unsafeUninitializedCapacity: AdmissionToken.wireBytes) { bytes, count in
            isToken = text.withUnsafeBytes { Base64URL.decode64(from: $0, to: UnsafeMutableRawBufferPointer(bytes)) }
            count = AdmissionToken.wireBytes
        }
        return isToken ? bytes : nil
    }

    private mutating func number(ofName name: ArraySlice<UInt8>) -> UInt8? {
        if let known = self.names.firstIndex(where: { $0.elementsEqual(name) }), known > 0 { return UInt8(known) }
        guard !name.isEmpty, self.names.count <= Self.mostNames else { return nil }
        self.names.append(Array(name))
        return UInt8(self.names.count - 1)
    }

    private mutating func number(ofHead head: SIMD2<UInt64>) -> UInt16? {
        if let known = self.headNumbers[head] { return known }
        guard self.heads.count < Self.mostHeads else { return nil }
        self.heads.append(head)
        self.headNumbers[head] = UInt16(self.heads.count - 1)
        return UInt16(self.heads.count - 1)
    }
}
