import Admission
import COpenSSL
import Primitives

/// Signs and verifies tokens with HMAC-SHA256, cut to 128 bits. One per loop: the contexts are reused, which makes a
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

    /// Appends the token's 64 characters to `writer`.
    public func append(_ token: AdmissionToken, to writer: inout ByteWriter) {
        withUnsafeTemporaryAllocation(byteCount: AdmissionToken.wireBytes, alignment: 8) { bytes in
            token.writePayload(to: UnsafeMutableRawBufferPointer(rebasing: bytes[..<AdmissionToken.payloadBytes]))
            self.computeMAC(of: bytes, with: self.keys[0].context)
            self.text.withUnsafeMutableBytes { text in
                Base64URL.encode48(from: UnsafeRawBufferPointer(bytes), to: text)
                writer.append(UnsafeRawBufferPointer(text))
            }
        }
    }

    /// The token in `text`, when it was signed here or by another gateway with one of the keys; else nil.
    public func verify(_ text: UnsafeRawBufferPointer) -> AdmissionToken? {
        guard text.count == AdmissionToken.textBytes else { return nil }
        return withUnsafeTemporaryAllocation(byteCount: 2 * AdmissionToken.wireBytes, alignment: 8) { memory in
            let given = UnsafeMutableRawBufferPointer(rebasing: memory[..<AdmissionToken.wireBytes])
            let computed = UnsafeMutableRawBufferPointer(rebasing: memory[AdmissionToken.wireBytes...])
            guard Base64URL.decode64(from: text, to: given) else { return nil }
            let payload = UnsafeRawBufferPointer(rebasing: given[..<AdmissionToken.payloadBytes])
            guard let token = AdmissionToken(payload: payload) else { return nil }
            guard let key = self.keys.first(where: { $0.id == token.keyID }) else { return nil }
            computed.copyMemory(from: UnsafeRawBufferPointer(given))
            self.computeMAC(of: computed, with: key.context)
            let isGenuine = constantTimeEqual(
                UnsafeRawBufferPointer(rebasing: given[AdmissionToken.payloadBytes...]),
                UnsafeRawBufferPointer(rebasing: computed[AdmissionToken.payloadBytes...])
            )
            return isGenuine ? token : nil
        }
    }

    /// Puts the MAC of the payload behind it.
    private func computeMAC(of token: UnsafeMutableRawBufferPointer, with context: OpaquePointer) {
        let base = token.baseAddress!.assumingMemoryBound(to: UInt8.self)
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { digest in
            var count = 0
            // A nil key starts over with the key that the context holds.
            let status =
                EVP_MAC_init(context, nil, 0, nil) == 1
                && EVP_MAC_update(context, base, AdmissionToken.payloadBytes) == 1
                && EVP_MAC_final(context, digest.baseAddress, &count, 32) == 1
            precondition(status && count == 32, "HMAC-SHA256 failed")
            (base + AdmissionToken.payloadBytes).update(
                from: digest.baseAddress!,
                count: AdmissionToken.wireBytes - AdmissionToken.payloadBytes
            )
        }
    }
}
