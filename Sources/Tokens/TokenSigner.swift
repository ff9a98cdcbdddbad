import Admission
import Primitives

/// Signs and checks tokens with HMAC-SHA256, cut to 128 bits. One per loop: each key is hashed once, and neither making
/// nor checking a token takes anything from the heap. Not to be used from two threads at once.
public final class TokenSigner {
    private struct Key {
        let id: UInt8
        let mac: HMACSHA256
    }
    private let keys: [Key]
    private var text = [UInt8](repeating: 0, count: AdmissionToken.textBytes)

    /// The first key signs; all of them verify.
    public init(keys: [SigningKey]) {
        precondition(!keys.isEmpty, "a gateway signs with at least one key")
        self.keys = keys.map { Key(id: $0.id, mac: HMACSHA256(key: $0.secret)) }
    }

    /// The key that signs; part of every token made here.
    public var signingKeyID: UInt8 { self.keys[0].id }

    /// Appends the token's 64 characters to `writer`, bound to `claim`, also when that is to have none.
    public func append(_ token: AdmissionToken, claim: TokenClaim? = nil, to writer: inout ByteWriter) {
        withUnsafeTemporaryAllocation(byteCount: AdmissionToken.wireBytes, alignment: 8) { bytes in
            var token = token
            if claim != nil { token.lane |= AdmissionToken.boundFlag }
            token.writePayload(to: UnsafeMutableRawBufferPointer(rebasing: bytes[..<AdmissionToken.payloadBytes]))
            if let claim {
                bytes[Self.ruleOffset] = claim.rule
                self.computeMAC(of: bytes, signed: Self.ruleOffset, with: self.keys[0].mac)
                self.computeTag(of: bytes, claim, with: self.keys[0].mac)
            } else {
                self.computeMAC(of: bytes, signed: AdmissionToken.wireBytes, with: self.keys[0].mac)
            }
            self.text.withUnsafeMutableBytes { text in
                Base64URL.encode48(from: UnsafeRawBufferPointer(bytes), to: text)
                writer.append(UnsafeRawBufferPointer(text))
            }
        }
    }

    /// Looks whether the token in `text` was signed here, or by another gateway with one of the keys, and for whom.
    ///
    /// - Parameter claim: nil where tokens are not bound: then one that is bound is as good as any.
    public func check(_ text: UnsafeRawBufferPointer, claim: TokenClaim? = nil) -> TokenCheck {
        guard text.count == AdmissionToken.textBytes else { return .forged }
        return withUnsafeTemporaryAllocation(byteCount: 2 * AdmissionToken.wireBytes, alignment: 8) { memory in
            let given = UnsafeMutableRawBufferPointer(rebasing: memory[..<AdmissionToken.wireBytes])
            let computed = UnsafeMutableRawBufferPointer(rebasing: memory[AdmissionToken.wireBytes...])
            guard Base64URL.decode64(from: text, to: given) else { return .forged }
            let payload = UnsafeRawBufferPointer(rebasing: given[..<AdmissionToken.payloadBytes])
            guard let token = AdmissionToken(payload: payload) else { return .forged }
            guard let key = self.keys.first(where: { $0.id == token.keyID }) else { return .forged }
            computed.copyMemory(from: UnsafeRawBufferPointer(given))
            let end = token.isBound ? Self.ruleOffset : AdmissionToken.wireBytes
            self.computeMAC(of: computed, signed: end, with: key.mac)
            guard Self.agree(given, computed, AdmissionToken.payloadBytes..<end) else { return .forged }
            // A token that another rule bound was good when it was given out: it stays so until it is made anew.
            guard token.isBound, let claim, given[Self.ruleOffset] == claim.rule else { return .genuine(token) }
            self.computeTag(of: computed, claim, with: key.mac)
            return Self.agree(given, computed, Self.tagRange) ? .genuine(token) : .elsewhere(token)
        }
    }

    // MARK: What stands behind the payload
    //
    // A token that is not bound: 16 bytes of MAC over the payload. One that is bound, which its lane tells: 11
    // bytes of MAC over the payload and the rule, the rule, 4 bytes of a second MAC that takes the claim in as well. So
    // a genuine token of somebody else's is told from a forged one, and the claim itself never travels.

    private static let ruleOffset = AdmissionToken.wireBytes - 5
    private static let tagRange = (AdmissionToken.wireBytes - 4)..<AdmissionToken.wireBytes
    /// Between the rule and the claim: without it the tag of an empty claim would be the MAC's first bytes.
    private static let claimFollows: [UInt8] = [1]
    /// In place of both. Who gets rid of the claim while waiting would else hold a token that is good for everybody.
    private static let noClaim: [UInt8] = [2]

    private static func agree(
        _ given: UnsafeMutableRawBufferPointer,
        _ computed: UnsafeMutableRawBufferPointer,
        _ range: Range<Int>
    ) -> Bool {
        constantTimeEqual(
            UnsafeRawBufferPointer(rebasing: given[range]),
            UnsafeRawBufferPointer(rebasing: computed[range])
        )
    }

    /// Puts the MAC behind the payload, as far as `end`. The rule counts when the MAC ends there.
    private func computeMAC(of token: UnsafeMutableRawBufferPointer, signed end: Int, with mac: HMACSHA256) {
        self.withDigest(of: token, isBound: end == Self.ruleOffset, nil, with: mac) { digest in
            UnsafeMutableRawBufferPointer(rebasing: token[AdmissionToken.payloadBytes..<end])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: digest[..<(end - AdmissionToken.payloadBytes)]))
        }
    }

    private func computeTag(of token: UnsafeMutableRawBufferPointer, _ claim: TokenClaim, with mac: HMACSHA256) {
        self.withDigest(of: token, isBound: true, claim, with: mac) { digest in
            UnsafeMutableRawBufferPointer(rebasing: token[Self.tagRange])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: digest[..<Self.tagRange.count]))
        }
    }

    private func withDigest(
        of token: UnsafeMutableRawBufferPointer,
        isBound: Bool,
        _ claim: TokenClaim?,
        with mac: HMACSHA256,
        _ body: (UnsafeRawBufferPointer) -> Void
    ) {
        let signed = UnsafeRawBufferPointer(token)
        mac.begin()
        mac.update(UnsafeRawBufferPointer(rebasing: signed[..<AdmissionToken.payloadBytes]))
        if isBound { mac.update(UnsafeRawBufferPointer(rebasing: signed[Self.ruleOffset...Self.ruleOffset])) }
        if let value = claim?.value {
            Self.claimFollows.withUnsafeBytes { mac.update($0) }
            value.withUnsafeBytes { mac.update($0) }
        } else if claim != nil {
            Self.noClaim.withUnsafeBytes { mac.update($0) }
        }
        withUnsafeTemporaryAllocation(byteCount: HMACSHA256.digestBytes, alignment: 8) { digest in
            mac.finish(to: digest)
            body(UnsafeRawBufferPointer(digest))
        }
    }
}
