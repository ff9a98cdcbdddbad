import Admission
import COpenSSL
import Primitives

/// Signs and checks tokens with HMAC-SHA256, cut to 128 bits. One per loop: the contexts are reused, which makes a
/// check five times cheaper than the one-shot `HMAC()`. Not to be used from two threads at once.
public final class TokenSigner {
    private struct Key {
        let id: UInt8
        let context: OpaquePointer
    }
    private let mac: OpaquePointer
    private let keys: [Key]
    private var text = [UInt8](repeating: 0, count: AdmissionToken.textBytes)

    /// The first key signs; all of them verify.
    public init(keys: [SigningKey]) {
        precondition(!keys.isEmpty, "a gateway signs with at least one key")
        guard let mac = EVP_MAC_fetch(nil, "HMAC", nil) else { preconditionFailure("OpenSSL has no HMAC") }
        self.mac = mac
        self.keys = keys.map { key in
            guard let context = EVP_MAC_CTX_new(mac) else { preconditionFailure("out of memory") }
            // The parameter keeps both pointers: they must outlive its construction.
            var digest = Array("SHA256".utf8CString)
            let status = "digest".withCString { name in
                digest.withUnsafeMutableBufferPointer { digest in
                    var parameters = [
                        OSSL_PARAM_construct_utf8_string(name, digest.baseAddress, 0), OSSL_PARAM_construct_end(),
                    ]
                    return EVP_MAC_init(context, key.secret, key.secret.count, &parameters)
                }
            }
            precondition(status == 1, "OpenSSL refuses HMAC-SHA256")
            return Key(id: key.id, context: context)
        }
    }

    deinit {
        for key in self.keys { EVP_MAC_CTX_free(key.context) }
        EVP_MAC_free(self.mac)
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
                self.computeMAC(of: bytes, signed: Self.ruleOffset, with: self.keys[0].context)
                self.computeTag(of: bytes, claim, with: self.keys[0].context)
            } else {
                self.computeMAC(of: bytes, signed: AdmissionToken.wireBytes, with: self.keys[0].context)
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
            self.computeMAC(of: computed, signed: end, with: key.context)
            guard Self.agree(given, computed, AdmissionToken.payloadBytes..<end) else { return .forged }
            // A token that another rule bound was good when it was given out: it stays so until it is made anew.
            guard token.isBound, let claim, given[Self.ruleOffset] == claim.rule else { return .genuine(token) }
            self.computeTag(of: computed, claim, with: key.context)
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
    private func computeMAC(of token: UnsafeMutableRawBufferPointer, signed end: Int, with context: OpaquePointer) {
        self.withDigest(of: token, isBound: end == Self.ruleOffset, nil, with: context) { digest in
            UnsafeMutableRawBufferPointer(rebasing: token[AdmissionToken.payloadBytes..<end])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: digest[..<(end - AdmissionToken.payloadBytes)]))
        }
    }

    private func computeTag(of token: UnsafeMutableRawBufferPointer, _ claim: TokenClaim, with context: OpaquePointer) {
        self.withDigest(of: token, isBound: true, claim, with: context) { digest in
            UnsafeMutableRawBufferPointer(rebasing: token[Self.tagRange])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: digest[..<Self.tagRange.count]))
        }
    }

    private func withDigest(
        of token: UnsafeMutableRawBufferPointer,
        isBound: Bool,
        _ claim: TokenClaim?,
        with context: OpaquePointer,
        _ body: (UnsafeRawBufferPointer) -> Void
    ) {
        let base = token.baseAddress!.assumingMemoryBound(to: UInt8.self)
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { digest in
            var count = 0
            // A nil key starts over with the key that the context holds.
            var isDone =
                EVP_MAC_init(context, nil, 0, nil) == 1
                && EVP_MAC_update(context, base, AdmissionToken.payloadBytes) == 1
            if isBound { isDone = isDone && EVP_MAC_update(context, base + Self.ruleOffset, 1) == 1 }
            if let value = claim?.value {
                isDone = isDone && EVP_MAC_update(context, Self.claimFollows, 1) == 1
                isDone = isDone && EVP_MAC_update(context, value, value.count) == 1
            } else if claim != nil {
                isDone = isDone && EVP_MAC_update(context, Self.noClaim, 1) == 1
            }
            isDone = isDone && EVP_MAC_final(context, digest.baseAddress, &count, 32) == 1
            precondition(isDone && count == 32, "HMAC-SHA256 failed")
            body(UnsafeRawBufferPointer(UnsafeBufferPointer(digest)))
        }
    }
}
