import COpenSSL
import Primitives
import Testing

@testable import Tokens

@Suite struct HMACSHA256Tests {
    private func digest(of pieces: [[UInt8]], by mac: HMACSHA256) -> [UInt8] {
        mac.begin()
        for piece in pieces { piece.withUnsafeBytes { mac.update($0) } }
        return self.finish(mac)
    }

    private func finish(_ mac: HMACSHA256) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: HMACSHA256.digestBytes)
        digest.withUnsafeMutableBytes { mac.finish(to: $0) }
        return digest
    }

    /// The same by OpenSSL's own HMAC.
    private func expected(key: [UInt8], message: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: HMACSHA256.digestBytes)
        var count = 0
        let bytes = digest.count
        let made = EVP_Q_mac(
            nil,
            "HMAC",
            nil,
            "SHA256",
            nil,
            key,
            key.count,
            message,
            message.count,
            &digest,
            bytes,
            &count
        )
        #expect(made != nil && count == digest.count)
        return digest
    }

    /// RFC 4231, without the one that cuts its digest.
    private static let vectors: [(key: [UInt8], message: [UInt8], digest: String)] = [
        (
            Array(repeating: 0x0b, count: 20), Array("Hi There".utf8),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        (
            Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
        (
            Array(repeating: 0xaa, count: 20), Array(repeating: 0xdd, count: 50),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
        ),
        (
            Array(1...25), Array(repeating: 0xcd, count: 50),
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"
        ),
        (
            Array(repeating: 0xaa, count: 131), Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        ),
        (
            Array(repeating: 0xaa, count: 131),
            Array(
                ("This is a test using a larger than block-size key and a larger than block-size data. "
                    + "The key needs to be hashed before being used by the HMAC algorithm.").utf8
            ),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"
        ),
    ]

    @Test(arguments: vectors.indices)
    func digest_ofThePublishedVectors_isThePublishedOne(index: Int) {
        let vector = Self.vectors[index]
        let found = self.digest(of: [vector.message], by: HMACSHA256(key: vector.key))
        #expect(found == Array(hex: vector.digest))
    }

    /// Keys around the length of a block and beyond it, messages of any length in two pieces, many by one instance.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func digest_randomKeysAndMessages_isOpenSSLs(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for keyBytes in [1, 31, 32, 33, 63, 64, 65, 66, 127, 128, 129, 200, Int.random(in: 1...300, using: &random)] {
            let key = (0..<keyBytes).map { _ in UInt8.random(in: 0 ... .max, using: &random) }
            let mac = HMACSHA256(key: key)
            for _ in 0..<60 {
                let message = (0..<Int.random(in: 0...300, using: &random)).map { _ in
                    UInt8.random(in: 0 ... .max, using: &random)
                }
                let cuts = [Int.random(in: 0...message.count, using: &random), message.count].sorted()
                let pieces = [Array(message[..<cuts[0]]), Array(message[cuts[0]...])]
                let found = self.digest(of: pieces, by: mac)
                #expect(found == self.expected(key: key, message: message), "seed \(seed), a key of \(keyBytes) bytes")
            }
        }
    }

    @Test func digest_afterAMessageThatWasNeverFinished_isOfTheNewOneAlone() {
        let mac = HMACSHA256(key: Array(0..<32))
        mac.begin()
        Array("half a message".utf8).withUnsafeBytes { mac.update($0) }
        let message = Array("a whole one".utf8)
        #expect(self.digest(of: [message], by: mac) == self.expected(key: Array(0..<32), message: message))
    }
}

extension [UInt8] {
    /// Two digits a byte.
    fileprivate init(hex: String) {
        let digits = hex.map { UInt8($0.hexDigitValue!) }
        self = stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}
