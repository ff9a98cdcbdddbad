/// What a listener's session tickets are sealed with. Whoever has the keys takes a ticket that another one gave: the
/// loops of one listener share them, or a client that comes back would have to meet the same loop by chance. They are
/// random and live as long as the process.
public struct TLSTicketKeys: Sendable {
    /// A name of 16 bytes, and 32 each for HMAC and AES, as OpenSSL 3 takes them.
    private static let byteCount = 80

    let bytes: [UInt8]

    public init() { self.bytes = (0..<Self.byteCount).map { _ in .random(in: 0...255) } }
}
