/// The first bytes of a TLS 1.2 client that knows ECDHE over P-256, with RSA and with ECDSA: one whole record, for which a
/// server has to sign.
public enum ClientHello {
    public static let bytes: [UInt8] = Self.record(Self.message)

    private static var message: [UInt8] {
        let version: [UInt8] = [3, 3]
        let random = [UInt8](0..<32)
        let noSession: [UInt8] = [0]
        // ECDHE with AES128-GCM, for ECDSA and for RSA.
        let suites: [UInt8] = [0, 4, 0xC0, 0x2B, 0xC0, 0x2F]
        let noCompression: [UInt8] = [1, 0]
        let content = version + random + noSession + suites + noCompression + [0] + [UInt8(Self.extensions.count)]
        let body = content + Self.extensions
        return [1, 0, 0, UInt8(body.count)] + body
    }

    private static let extensions: [UInt8] =
        // P-256, in uncompressed points.
        [0, 10, 0, 4, 0, 2, 0, 23] + [0, 11, 0, 2, 1, 0]
        // Signatures with SHA-256: ECDSA, RSA-PSS, RSA.
        + [0, 13, 0, 8, 0, 6, 4, 3, 8, 4, 4, 1]
        // Extended master secret.
        + [0, 23, 0, 0]

    private static func record(_ message: [UInt8]) -> [UInt8] { [0x16, 3, 1, 0, UInt8(message.count)] + message }
}
