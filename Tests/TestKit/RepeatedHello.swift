/// What a TLS 1.3 client says that offers no key: the server asks for one, by a HelloRetryRequest, and signs for the
/// second hello alone. Both are whole records, of a client that knows X25519, and ECDSA and RSA-PSS with SHA-256.
public enum RepeatedHello {
    public static let withoutKey: [UInt8] = Self.record(keyShares: [0, 51, 0, 2, 0, 0])
    /// The key is X25519's base point, which anybody may have for a key.
    public static let withKey: [UInt8] = Self.record(
        keyShares: [0, 51, 0, 38, 0, 36, 0, 29, 0, 32, 9] + [UInt8](repeating: 0, count: 31)
    )
    /// By these bytes, in the place of its random ones, a server's hello is a request for another hello (RFC 8446,
    /// section 4.1.3). They are the beginning of the SHA-256 of "HelloRetryRequest".
    public static let requestMark: [UInt8] = [0xCF, 0x21, 0xAD, 0x74]

    private static func record(keyShares: [UInt8]) -> [UInt8] {
        // TLS 1.3 alone; X25519 alone.
        let extensions: [UInt8] =
            [0, 43, 0, 3, 2, 3, 4] + [0, 10, 0, 4, 0, 2, 0, 29] + [0, 13, 0, 6, 0, 4, 4, 3, 8, 4] + keyShares
        let random = [UInt8](0..<32)
        // No session; AES128-GCM; no compression.
        let choices: [UInt8] = [0] + [0, 2, 0x13, 0x01] + [1, 0]
        let content = [3, 3] + random + choices + [0, UInt8(extensions.count)] + extensions
        let message = [1, 0, 0, UInt8(content.count)] + content
        return [0x16, 3, 1, 0, UInt8(message.count)] + message
    }
}
