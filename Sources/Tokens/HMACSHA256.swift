import COpenSSL

/// HMAC-SHA256 (RFC 2104) with one key, for one message after the other. Once made it takes nothing from the heap. Not
/// to be used from two threads at once.
///
/// The key is hashed when this is made. Each message goes on from copies of what that has left, which is half of the
/// work where messages are short; a state of SHA-256 is a plain value, so that a copy costs next to nothing.
final class HMACSHA256 {
    static let digestBytes = 32
    private static let blockBytes = 64

    /// The hash over the message, and the one over its result, as the key's block has left them.
    private var innerStart = SHA256_CTX()
    private var outerStart = SHA256_CTX()
    /// Of the message under way.
    private var state = SHA256_CTX()

    init(key: [UInt8]) {
        var block = [UInt8](repeating: 0, count: Self.blockBytes)
        block.withUnsafeMutableBytes { block in
            // A key that is longer than a block is hashed first.
            if key.count > block.count {
                key.withUnsafeBytes { Self.hash($0, to: block) }
            } else {
                block.copyBytes(from: key)
            }
            for index in block.indices { block[index] ^= 0x36 }
            Self.begin(&self.innerStart, with: UnsafeRawBufferPointer(block))
            for index in block.indices { block[index] ^= 0x36 ^ 0x5c }
            Self.begin(&self.outerStart, with: UnsafeRawBufferPointer(block))
            // Whoever knows it can sign.
            OPENSSL_cleanse(block.baseAddress, block.count)
        }
    }

    deinit {
        Self.clear(&self.innerStart)
        Self.clear(&self.outerStart)
        Self.clear(&self.state)
    }

    /// A message that was under way is forgotten.
    func begin() { self.state = self.innerStart }

    func update(_ bytes: UnsafeRawBufferPointer) { Self.update(&self.state, bytes) }

    /// Writes the digest to the first 32 bytes of `digest`. The next message has to begin anew.
    func finish(to digest: UnsafeMutableRawBufferPointer) {
        precondition(digest.count >= Self.digestBytes, "the digest takes 32 bytes")
        Self.finish(&self.state, to: digest)
        self.state = self.outerStart
        Self.update(&self.state, UnsafeRawBufferPointer(rebasing: digest[..<Self.digestBytes]))
        Self.finish(&self.state, to: digest)
    }

    // MARK: SHA-256

    private static func begin(_ state: inout SHA256_CTX, with block: UnsafeRawBufferPointer) {
        precondition(sluice_sha256_begin(&state) == 1, "SHA-256 does not begin")
        Self.update(&state, block)
    }

    private static func update(_ state: inout SHA256_CTX, _ bytes: UnsafeRawBufferPointer) {
        precondition(sluice_sha256_update(&state, bytes.baseAddress, bytes.count) == 1, "SHA-256 takes no more")
    }

    private static func finish(_ state: inout SHA256_CTX, to digest: UnsafeMutableRawBufferPointer) {
        precondition(sluice_sha256_finish(&state, digest.baseAddress) == 1, "SHA-256 does not end")
    }

    private static func hash(_ bytes: UnsafeRawBufferPointer, to digest: UnsafeMutableRawBufferPointer) {
        var state = SHA256_CTX()
        Self.begin(&state, with: bytes)
        Self.finish(&state, to: digest)
        // It holds the digest, too, which stands for the key from now on.
        Self.clear(&state)
    }

    /// Whoever knows a state that a key has gone into can sign.
    private static func clear(_ state: inout SHA256_CTX) {
        OPENSSL_cleanse(&state, MemoryLayout<SHA256_CTX>.size)
    }
}
