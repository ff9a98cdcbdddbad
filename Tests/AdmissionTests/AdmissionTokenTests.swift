import Primitives
import Testing

@testable import Admission

@Suite struct AdmissionTokenTests {
    static let token = AdmissionToken(
        kind: .pass,
        keyID: 7,
        lane: 2,
        room: AdmissionToken.roomID(named: "onsale"),
        epoch: 0x0102_0304,
        number: 0x0A0B_0C0D,
        issuedSeconds: 1_700_000_000,
        expiresSeconds: 1_700_000_600
    )

    static func payload(_ token: AdmissionToken) -> [UInt8] {
        var bytes = [UInt8](repeating: 0xEE, count: AdmissionToken.payloadBytes)
        bytes.withUnsafeMutableBytes { token.writePayload(to: $0) }
        return bytes
    }

    static func read(_ bytes: [UInt8]) -> AdmissionToken? {
        bytes.withUnsafeBytes { AdmissionToken(payload: $0) }
    }

    @Test func payload_roundTrip_keepsEveryField() {
        #expect(Self.read(Self.payload(Self.token)) == Self.token)
    }

    /// The layout is a promise to other gateways and later versions.
    @Test func payload_bytes_areBigEndianInTheStatedPlaces() {
        let bytes = Self.payload(Self.token)
        #expect(Array(bytes[0..<4]) == [1, 2, 7, 2])
        #expect(bytes[4..<12].reduce(0) { $0 << 8 | UInt64($1) } == Self.token.room)
        #expect(Array(bytes[12..<24]) == [1, 2, 3, 4, 0, 0, 0, 0, 0x0A, 0x0B, 0x0C, 0x0D])
        #expect(bytes[24..<28].reduce(0) { $0 << 8 | UInt32($1) } == 1_700_000_000)
        #expect(bytes[28..<32].reduce(0) { $0 << 8 | UInt32($1) } == 1_700_000_600)
    }

    /// Whatever single byte a forger changes, the token says something else or nothing: no byte is ignored.
    @Test func payload_anyByteChanged_neverReadsAsTheSameToken() {
        let bytes = Self.payload(Self.token)
        for place in bytes.indices {
            for change in 1...255 as ClosedRange<UInt8> {
                var forged = bytes
                forged[place] ^= change
                #expect(Self.read(forged) != Self.token)
            }
        }
    }

    @Test func payload_truncatedOrLonger_isNone() {
        let bytes = Self.payload(Self.token)
        for count in 0..<bytes.count { #expect(Self.read(Array(bytes[..<count])) == nil) }
        #expect(Self.read(bytes + [0]) == nil)
    }

    @Test func payload_impossibleFields_areNone() {
        var token = Self.token
        token.number = 0
        #expect(Self.read(Self.payload(token)) == nil)
        token.number = RoomRules.lastNumber + 1
        #expect(Self.read(Self.payload(token)) == nil)
        token.number = -1
        #expect(Self.read(Self.payload(token)) == nil)
        token = Self.token
        token.expiresSeconds = token.issuedSeconds - 1
        #expect(Self.read(Self.payload(token)) == nil)
        var bytes = Self.payload(Self.token)
        bytes[0] = 2
        #expect(Self.read(bytes) == nil)
        bytes = Self.payload(Self.token)
        bytes[1] = 3
        #expect(Self.read(bytes) == nil)
    }

    @Test func token_atItsExpiry_isDead() {
        #expect(Self.token.isLive(atSeconds: 1_700_000_599))
        #expect(!Self.token.isLive(atSeconds: 1_700_000_600))
    }

    @Test func roomID_differentNames_differ() {
        #expect(AdmissionToken.roomID(named: "onsale") != AdmissionToken.roomID(named: "onsale2"))
    }

    // MARK: Text

    static func encode(_ bytes: [UInt8]) -> [UInt8] {
        var text = [UInt8](repeating: 0, count: 64)
        text.withUnsafeMutableBytes { text in bytes.withUnsafeBytes { Base64URL.encode48(from: $0, to: text) } }
        return text
    }

    static func decode(_ text: [UInt8]) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 48)
        let isGood = bytes.withUnsafeMutableBytes { bytes in
            text.withUnsafeBytes { Base64URL.decode64(from: $0, to: bytes) }
        }
        return isGood ? bytes : nil
    }

    static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    @Test func text_allValues_isTheAlphabetOfRFC4648() {
        var bytes: [UInt8] = []
        for group in stride(from: 0, to: 64, by: 4) {
            let word = (0..<4).reduce(0) { $0 << 6 | (group + $1) }
            bytes += [UInt8(word >> 16), UInt8(word >> 8 & 255), UInt8(word & 255)]
        }
        #expect(Self.encode(bytes) == Self.alphabet)
        #expect(Self.decode(Self.alphabet) == bytes)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func text_randomBytes_comeBack(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for _ in 0..<200 {
            let bytes = (0..<48).map { _ in UInt8.random(in: 0...255, using: &random) }
            #expect(Self.decode(Self.encode(bytes)) == bytes)
        }
    }

    /// Every byte that is not of the alphabet, in every place: `=`, `+` and `/` among them.
    @Test func text_foreignCharacter_isRefused() {
        let good = Self.encode(Array(0..<48))
        let foreign = (0...255 as ClosedRange<UInt8>).filter { !Self.alphabet.contains($0) }
        #expect(foreign.count == 192)
        for place in good.indices {
            for character in foreign {
                var text = good
                text[place] = character
                if Self.decode(text) != nil { Issue.record("character \(character) at \(place) was taken") }
            }
        }
    }

    @Test func text_anotherLength_isRefused() {
        let good = Self.encode(Array(0..<48))
        for count in 0..<64 { #expect(Self.decode(Array(good[..<count])) == nil) }
        #expect(Self.decode(good + [65]) == nil)
    }

    @Test func constantTimeEqual_anyDifference_isFalse() {
        func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool {
            left.withUnsafeBytes { left in right.withUnsafeBytes { constantTimeEqual(left, $0) } }
        }
        let mac = Array(UInt8(0)..<16)
        #expect(equal(mac, mac))
        #expect(equal([], []))
        #expect(!equal(mac, Array(mac.dropLast())))
        for place in mac.indices {
            for bit in 0..<8 {
                var other = mac
                other[place] ^= 1 << bit
                #expect(!equal(mac, other))
            }
        }
    }
}
