import COpenSSL
import Primitives

/// Seals what gateways leave each other in the shared state and nobody else is to read there: the keys of TLS session
/// tickets. With those, whoever reads the shared state could read recorded traffic. AES-256-GCM, under a key that is
/// derived from a signing key, which all gateways of one site have.
public struct TicketSeal: Sendable {
    private static let version: UInt8 = 1
    private static let nonceBytes = 12
    private static let tagBytes = 16
    private static let purpose = "sluice: keys of TLS session tickets, 1"

    /// In the order of the signing keys.
    private let keys: [Secret]

    /// The first key seals; all of them open.
    public init(keys: [SigningKey]) {
        precondition(!keys.isEmpty, "a gateway signs with at least one key")
        self.keys = keys.map { key in
            let mac = HMACSHA256(key: key.secret)
            var digest = [UInt8](repeating: 0, count: HMACSHA256.digestBytes)
            mac.begin()
            Array(Self.purpose.utf8).withUnsafeBytes { mac.update($0) }
            digest.withUnsafeMutableBytes { mac.finish(to: $0) }
            return Secret(digest)
        }
    }

    /// Version, nonce, what was sealed, and its tag.
    public func seal(_ content: Secret) -> [UInt8] {
        var nonce = [UInt8](repeating: 0, count: Self.nonceBytes)
        for index in nonce.indices { nonce[index] = .random(in: 0...255) }
        var sealed = [UInt8](repeating: 0, count: content.bytes.count)
        var tag = [UInt8](repeating: 0, count: Self.tagBytes)
        var last = [UInt8](repeating: 0, count: 16)
        var count: Int32 = 0
        let cipher = EVP_CIPHER_CTX_new()
        defer { EVP_CIPHER_CTX_free(cipher) }
        let isDone =
            EVP_EncryptInit_ex(cipher, EVP_aes_256_gcm(), nil, self.keys[0].bytes, nonce) == 1
            && EVP_EncryptUpdate(cipher, &sealed, &count, content.bytes, Int32(content.bytes.count)) == 1
            && EVP_EncryptFinal_ex(cipher, &last, &count) == 1 && sluice_gcm_take_tag(cipher, &tag) == 1
        precondition(isDone, "OpenSSL does not seal with AES-256-GCM")
        return [Self.version] + nonce + sealed + tag
    }

    /// What was sealed with one of the keys, and whether that was the first; nil when it was none of them, or the bytes
    /// are damaged.
    public func open(_ bytes: [UInt8]) -> (content: Secret, isByFirstKey: Bool)? {
        guard bytes.first == Self.version, bytes.count >= 1 + Self.nonceBytes + Self.tagBytes else { return nil }
        for (place, key) in self.keys.enumerated() {
            if let content = Self.open(bytes, with: key) { return (content, place == 0) }
        }
        return nil
    }

    private static func open(_ bytes: [UInt8], with key: Secret) -> Secret? {
        let nonce = Array(bytes[1..<(1 + Self.nonceBytes)])
        let sealed = Array(bytes[(1 + Self.nonceBytes)..<(bytes.count - Self.tagBytes)])
        let tag = Array(bytes.suffix(Self.tagBytes))
        var content = [UInt8](repeating: 0, count: sealed.count)
        var last = [UInt8](repeating: 0, count: 16)
        var count: Int32 = 0
        let cipher = EVP_CIPHER_CTX_new()
        defer { EVP_CIPHER_CTX_free(cipher) }
        let isDone =
            EVP_DecryptInit_ex(cipher, EVP_aes_256_gcm(), nil, key.bytes, nonce) == 1
            && EVP_DecryptUpdate(cipher, &content, &count, sealed, Int32(sealed.count)) == 1
            && sluice_gcm_expect_tag(cipher, tag) == 1 && EVP_DecryptFinal_ex(cipher, &last, &count) == 1
        ERR_clear_error()
        return isDone ? Secret(content) : nil
    }
}
